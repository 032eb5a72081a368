//! Starting a release: what is checked before, the shim, and the handover of listening
//! sockets from an older release.

use std::os::fd::{AsFd, OwnedFd};
use std::process::Stdio;
use std::time::Duration;

use tokio::time::timeout;

use super::assemble::{self, Surroundings};
use super::control;
use super::error::Error;
use super::launch::{Condition, Launch, Port, Secret, Value};
use super::lost;
use super::place::{create_private, remove_folder};
use super::ports;
use super::protocol::{Failure, Keep, Order, Reply, Request, Socket};
use super::record;
use super::release::Release;
use super::table;

/// How long a shim may take to say whether the process began.
const BEGINS: Duration = Duration::from_secs(60);
/// How often starting is tried when somebody else starts and stops the same release.
const TRIES: usize = 5;

impl Release {
    /// Starts it, unless it runs already; returns once the process exists and is the program.
    ///
    /// What is left of a release whose shim died is ended first, so that there are never two.
    ///
    /// # Errors
    /// [`Error::ProgramNotFound`], [`Error::ProgramRefused`], [`Error::PortTaken`],
    /// [`Error::PortOfOtherRelease`], [`Error::Shim`].
    pub async fn start(&self, launch: &Launch) -> Result<(), Error> {
        for _ in 0..TRIES {
            match self.state()?.condition {
                Condition::Starting | Condition::Running => return Ok(()),
                Condition::Lost => self.stop().await?,
                _ => {}
            }
            // The shim of the last run may be about to go.
            if let Some(shim) = self.shim()? {
                lost::gone(shim)
                    .await
                    .map_err(Error::io("wait for the shim of", self.layout.folder()))?;
            }
            if self.try_start(launch).await? {
                return Ok(());
            }
        }
        Err(self.failed(Failure::Other(
            "others start and stop it all the time".to_owned(),
        )))
    }

    /// False when another shim looks after it by now.
    async fn try_start(&self, launch: &Launch) -> Result<bool, Error> {
        let data = self.service.data();
        let program = assemble::assemble(
            launch,
            &self.meta.image,
            &self.layout,
            &Surroundings {
                environment: &self.service.environment,
                service: &self.service.name,
                data: &data,
                passed: &self.service.settings.passed,
            },
        )?;
        let (sockets, files) = self.take_over(launch).await?;
        let held: Vec<u16> = sockets
            .iter()
            .take(files.len())
            .map(|socket| socket.port)
            .collect();
        self.check_ports(launch, &held)?;

        self.prepare(&data)?;
        record::store(&self.layout.launch(), launch)
            .map_err(Error::io("write", self.layout.launch()))?;
        let word = program.argv.first().cloned().unwrap_or_default();
        let order = Order::Keep(Keep {
            step_id: self.step_id().to_owned(),
            program,
            sockets,
            keep_running: launch.keep_running,
            stop_grace_ms: u64::try_from(launch.stop_grace.as_millis()).unwrap_or(u64::MAX),
            secrets: launch.hidden(),
        });
        match self.give(&order, &files).await? {
            Reply::Started { .. } => Ok(true),
            Reply::AlreadyKept => Ok(false),
            Reply::Failed(Failure::Refused(cause)) => Err(Error::ProgramRefused {
                program: word,
                cause,
            }),
            Reply::Failed(failure) => Err(self.failed(failure)),
            _ => Err(self.unexpected()),
        }
    }

    /// Starts it again as it was last started. Secrets are not on disk, so their values are
    /// asked of `secret`, by name.
    ///
    /// # Errors
    /// [`Error::NeverStarted`], [`Error::SecretMissing`], and as [`start`](Self::start).
    pub async fn start_again(&self, secret: impl Fn(&str) -> Option<Secret>) -> Result<(), Error> {
        let Some(mut launch) = self.last_launch()? else {
            return Err(Error::NeverStarted {
                step_id: self.step_id().to_owned(),
            });
        };
        for variable in &mut launch.variables {
            if let Value::Secret { name, value } = &mut variable.value {
                *value = secret(name).ok_or_else(|| Error::SecretMissing {
                    variable: variable.name.clone(),
                    secret: name.clone(),
                })?;
            }
        }
        self.start(&launch).await
    }

    /// How it was last started, with the names of its secrets and without their values.
    ///
    /// # Errors
    /// When the file is damaged.
    pub fn last_launch(&self) -> Result<Option<Launch>, Error> {
        record::load(&self.layout.launch())
    }

    /// What is left of an earlier run goes; what a run needs comes.
    fn prepare(&self, data: &std::path::Path) -> Result<(), Error> {
        remove_folder(&self.layout.scratch())?;
        match std::fs::remove_file(self.layout.outputs()) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Error::io("remove", self.layout.outputs())(error));
            }
            _ => {}
        }
        create_private(&self.layout.scratch())?;
        create_private(data)
    }

    /// Starts a shim and hands it the order.
    async fn give(&self, order: &Order, files: &[OwnedFd]) -> Result<Reply, Error> {
        let shim = &self.service.settings.shim;
        let failed = |error: std::io::Error| self.failed(Failure::Other(error.to_string()));
        let (mut child, mut line) =
            control::spawn(shim, self.layout.folder(), Stdio::null).map_err(failed)?;
        let files: Vec<_> = files.iter().map(AsFd::as_fd).collect();
        let talk = async {
            line.send(order, &files).await?;
            line.receive::<Reply>().await
        };
        match timeout(BEGINS, talk).await {
            Ok(Ok(Some((reply @ Reply::Started { .. }, _)))) => Ok(reply),
            // In all other cases the shim has nothing to look after, and ends.
            Ok(Ok(Some((reply, _)))) => child.wait().await.map(|_| reply).map_err(failed),
            Ok(Ok(None)) => Err(self.failed(Failure::Other("it ended at once".to_owned()))),
            Ok(Err(error)) => Err(failed(error)),
            Err(_) => Err(self.failed(Failure::Other("it does not answer".to_owned()))),
        }
    }

    /// The sockets to listen on, those first that an older release of the service hands over.
    async fn take_over(&self, launch: &Launch) -> Result<(Vec<Socket>, Vec<OwnedFd>), Error> {
        let wanted: Vec<_> = assemble::sockets(launch)
            .map(|port| Socket {
                name: port.name.clone(),
                port: port.number,
            })
            .collect();
        let mut taken: Vec<(Socket, OwnedFd)> = Vec::new();
        for other in self.others()? {
            if wanted.len() == taken.len() || other.layout.shim()?.is_none() {
                continue;
            }
            let folder = other.layout.folder();
            let answer = control::ask(folder, &Request::Listeners)
                .await
                .map_err(Error::io("ask the shim of", folder))?;
            let Some((Reply::Listeners(sockets), files)) = answer else {
                continue;
            };
            for (socket, file) in sockets.into_iter().zip(files) {
                let is_taken = taken.iter().any(|(one, _)| one.port == socket.port);
                let want = wanted.iter().find(|want| want.port == socket.port);
                if let (Some(want), false) = (want, is_taken) {
                    taken.push((want.clone(), file));
                }
            }
        }
        let (mut sockets, files): (Vec<_>, Vec<_>) = taken.into_iter().unzip();
        for want in wanted {
            if !sockets.contains(&want) {
                sockets.push(want);
            }
        }
        Ok((sockets, files))
    }

    /// Fails when somebody holds a port that this release is about to listen on.
    fn check_ports(&self, launch: &Launch, taken_over: &[u16]) -> Result<(), Error> {
        let ports = launch.ports.iter().filter(|port| port.protocol == "tcp");
        for port in ports.filter(|port| !taken_over.contains(&port.number)) {
            let listeners = ports::listeners(&[port.number], &[])?;
            let conflict = listeners.iter().find(|one| one.loopback().is_some());
            if let Some(conflict) = conflict {
                return Err(self.taken(port, conflict)?);
            }
        }
        Ok(())
    }

    fn taken(&self, port: &Port, listener: &ports::Listener) -> Result<Error, Error> {
        let table = table::everybody()?;
        for other in self.others()? {
            let processes = other.processes(&table)?;
            if listener
                .owners
                .iter()
                .any(|owner| processes.contains(owner))
            {
                return Ok(Error::PortOfOtherRelease {
                    port: port.number,
                    name: port.name.clone(),
                    step_id: other.step_id().to_owned(),
                    holder: listener.holder(),
                });
            }
        }
        Ok(Error::PortTaken {
            port: port.number,
            name: port.name.clone(),
            holder: listener.holder(),
        })
    }

    fn others(&self) -> Result<Vec<Release>, Error> {
        let mut others = self.service.releases()?;
        others.retain(|other| other.step_id() != self.step_id());
        Ok(others)
    }
}
