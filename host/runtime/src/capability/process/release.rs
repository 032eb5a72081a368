//! One release: an unpacked image of a service, and the process that was started from it.
//!
//! What is true is asked each time: the system says whether the shim lives (it holds a lock),
//! the record says what it last knew, the boot id says whether that was before a reboot. A
//! handle keeps nothing, so it never goes stale. Starting is in [`start`](super::start).

use std::collections::HashSet;
use std::path::PathBuf;
use std::time::Duration;

use super::control;
use super::error::Error;
use super::launch::{Condition, Exit, State};
use super::lost;
use super::outputs::{self, Output};
use super::program;
use super::protocol::{Failure, Reply, Request};
use super::record::{self, Layout, Meta, Record};
use super::supervisor::{Service, remove_folder};
use super::table::{self, Identity};
use super::tail;

/// An unpacked image, and what became of it.
#[derive(Clone, Debug)]
pub struct Release {
    pub(super) service: Service,
    pub(super) layout: Layout,
    pub(super) meta: Meta,
}

impl Release {
    pub(super) fn new(service: Service, layout: Layout, meta: Meta) -> Self {
        Self {
            service,
            layout,
            meta,
        }
    }

    /// The step that installed it.
    #[must_use]
    pub fn step_id(&self) -> &str {
        &self.meta.step_id
    }

    /// The image, by digest.
    #[must_use]
    pub fn reference(&self) -> &str {
        &self.meta.reference
    }

    /// The folder with the unpacked image.
    #[must_use]
    pub fn root(&self) -> PathBuf {
        self.layout.root()
    }

    /// The folder with what it printed: `current`, and `1` to `3`, the older the higher.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.layout.log()
    }

    /// Counts up within the service.
    pub(super) fn sequence(&self) -> u64 {
        self.meta.sequence
    }

    /// What is known of it now.
    ///
    /// # Errors
    /// When its files cannot be read or are damaged.
    pub fn state(&self) -> Result<State, Error> {
        let shim = self.layout.shim()?;
        let Some(record) = self.record()? else {
            return Ok(match shim {
                Some(_) => state(Condition::Starting, None, ""),
                None => state(Condition::Installed, None, ""),
            });
        };
        if shim.is_some() || !record.condition.is_live() {
            let live = record.condition.is_live();
            return Ok(State {
                pid: record.process.filter(|_| live).map(|process| process.pid),
                ..state(record.condition, Some(&record), &record.detail)
            });
        }
        if record.boot_id != table::boot_id().map_err(Error::io("read", "boot_id"))? {
            return Ok(state(Condition::Exited, Some(&record), "not running since reboot"));
        }
        let main = record.process.filter(|main| main.is_alive());
        if main.is_some() || !self.remains(&record)?.is_empty() {
            return Ok(State {
                pid: main.map(|main| main.pid),
                ..state(
                    Condition::Lost,
                    Some(&record),
                    "runs, but the process that looked after it is gone",
                )
            });
        }
        Ok(state(
            Condition::Exited,
            Some(&record),
            "ended together with the process that looked after it",
        ))
    }

    /// Ends the process and all its descendants: asks, and kills after the grace. Nothing is
    /// left of them when this returns. Does nothing when nothing runs.
    ///
    /// # Errors
    /// [`Error::Unkillable`], or what the system says.
    pub async fn stop(&self) -> Result<(), Error> {
        if let Some(shim) = self.shim()? {
            let reply = self.ask(&Request::Stop).await?;
            match reply {
                Some(Reply::Failed(failure)) => return Err(self.failed(failure)),
                Some(Reply::Ended(_)) | None => {}
                Some(_) => return Err(self.unexpected()),
            }
            // Its lock is free and its socket is closed only when it has ended.
            lost::gone(shim)
                .await
                .map_err(Error::io("wait for the shim of", self.layout.folder()))?;
        }
        let Some(mut record) = self.record()? else {
            return Ok(());
        };
        if record.condition.is_live() {
            let grace = Duration::from_millis(record.stop_grace_ms);
            lost::end(&record, self.layout.folder(), grace).await?;
            record.condition = Condition::Stopped;
            record.detail.clear();
            record::store(&self.layout.record(), &record)
                .map_err(Error::io("write", self.layout.record()))?;
        }
        Ok(())
    }

    /// Waits for the end of a process that is not kept running, and answers at once when it
    /// has ended already.
    ///
    /// # Errors
    /// [`Error::KeptRunning`], [`Error::NotRunning`] when it was never started,
    /// [`Error::ExitUnknown`] when nobody saw its end.
    pub async fn wait(&self) -> Result<Exit, Error> {
        if self.shim()?.is_some() {
            if self.record()?.is_some_and(|record| record.keep_running) {
                return Err(Error::KeptRunning {
                    step_id: self.step_id().to_owned(),
                });
            }
            match self.ask(&Request::Wait).await? {
                Some(Reply::Ended(Some(exit))) => return Ok(exit),
                // The shim went away meanwhile: what it wrote last decides.
                Some(Reply::Ended(None)) | None => {}
                Some(Reply::Failed(failure)) => return Err(self.failed(failure)),
                Some(_) => return Err(self.unexpected()),
            }
        }
        let Some(record) = self.record()? else {
            return Err(self.not_running(&self.state()?));
        };
        if record.condition.is_live() && let Some(main) = record.process {
            lost::gone(main)
                .await
                .map_err(Error::io("wait for a process of", self.layout.folder()))?;
        }
        match record.exit {
            Some(exit) if !record.condition.is_live() => Ok(exit),
            _ => Err(Error::ExitUnknown {
                step_id: self.step_id().to_owned(),
                detail: match self.state()?.detail {
                    detail if detail.is_empty() => "it was stopped before it began".to_owned(),
                    detail => detail,
                },
            }),
        }
    }

    /// What a job wrote to the file that `STAGEWRIGHT_OUTPUT` names.
    ///
    /// # Errors
    /// [`Error::Outputs`] with the place when the file is not what it should be.
    pub fn outputs(&self) -> Result<Vec<Output>, Error> {
        outputs::read(&self.layout.outputs())
    }

    /// The last lines that it printed, oldest first, at most 200.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn tail(&self, lines: usize) -> Result<Vec<String>, Error> {
        tail::tail(&self.layout.log(), lines)
    }

    /// Stops it and removes its files. The data folder of the service stays.
    ///
    /// # Errors
    /// As [`stop`](Self::stop), and when files cannot be removed.
    pub async fn remove(&self) -> Result<(), Error> {
        self.stop().await?;
        let folder = self.layout.folder();
        let Some(name) = folder.file_name().and_then(|name| name.to_str()) else {
            return Err(Error::Invalid("the folder of the release has no name".to_owned()));
        };
        // Renamed first: a release that is half removed must not be listed.
        let doomed = folder.with_file_name(format!(".gone-{name}"));
        remove_folder(&doomed)?;
        match std::fs::rename(folder, &doomed) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Error::io("remove", folder)(error));
            }
            _ => {}
        }
        remove_folder(&doomed)
    }

    /// Runs a program in the release with the environment of its process, and kills it when
    /// the time is over (`None`).
    pub(crate) async fn execute(
        &self,
        argv: &[String],
        timeout: Duration,
    ) -> Result<Option<Exit>, Error> {
        let Some(word) = argv.first() else {
            return Err(Error::Invalid("the command names no program".to_owned()));
        };
        let passed = &self.service.settings.passed;
        let path = passed.iter().find(|(name, _)| name == "PATH");
        let path = path.map_or("", |(_, path)| path.as_str());
        let directory = match self.last_launch()? {
            Some(launch) if !launch.working_directory.is_empty() => launch.working_directory,
            _ => self.meta.image.working_directory.clone(),
        };
        let request = Request::Execute {
            path: program::resolve_in_release(word, path, &self.layout.root(), &directory)?,
            argv: argv.to_vec(),
            timeout_ms: u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX),
        };
        match self.ask(&request).await? {
            Some(Reply::Ended(Some(exit))) => Ok(Some(exit)),
            Some(Reply::TimedOut) => Ok(None),
            Some(Reply::Failed(Failure::Refused(cause))) => Err(Error::ProgramRefused {
                program: word.clone(),
                cause,
            }),
            Some(Reply::Failed(failure)) => Err(self.failed(failure)),
            None => Err(self.not_running(&self.state()?)),
            Some(_) => Err(self.unexpected()),
        }
    }

    /// All its processes, the shim among them, because it may hold the listening sockets.
    pub(crate) fn processes(&self) -> Result<HashSet<u32>, Error> {
        let look = |error| Error::io("look for processes of", self.layout.folder())(error);
        if let Some(shim) = self.layout.shim()? {
            let below = table::descendants(shim).map_err(look)?;
            let below = below.iter().map(|process| process.identity.pid);
            return Ok(below.chain([shim]).collect());
        }
        let Some(record) = self.record()? else {
            return Ok(HashSet::new());
        };
        Ok(self.remains(&record)?.iter().map(|one| one.pid).collect())
    }

    /// The shim that looks after it now.
    pub(super) fn shim(&self) -> Result<Option<Identity>, Error> {
        // It may end between the two questions.
        Ok(self.layout.shim()?.and_then(|pid| Identity::of(pid).ok()))
    }

    pub(super) async fn ask(&self, request: &Request) -> Result<Option<Reply>, Error> {
        let folder = self.layout.folder();
        control::ask(folder, request)
            .await
            .map(|answer| answer.map(|(reply, _)| reply))
            .map_err(Error::io("ask the shim of", folder))
    }

    pub(super) fn record(&self) -> Result<Option<Record>, Error> {
        record::load(&self.layout.record())
    }

    pub(super) fn failed(&self, failure: Failure) -> Error {
        match failure {
            Failure::Unkillable(pids) => Error::Unkillable { pids },
            other => Error::Shim {
                what: format!("the release `{}`", self.step_id()),
                cause: other.sentence(),
            },
        }
    }

    pub(super) fn unexpected(&self) -> Error {
        self.failed(Failure::Other("it answered something else than was asked".to_owned()))
    }

    fn remains(&self, record: &Record) -> Result<Vec<Identity>, Error> {
        let folder = self.layout.folder();
        lost::remains(record, folder).map_err(Error::io("look for processes of", folder))
    }

    fn not_running(&self, state: &State) -> Error {
        Error::NotRunning {
            step_id: self.step_id().to_owned(),
            condition: state.condition.as_str(),
            detail: match state.detail.as_str() {
                "" => String::new(),
                detail => format!(": {detail}"),
            },
        }
    }
}

fn state(condition: Condition, record: Option<&Record>, detail: &str) -> State {
    State {
        condition,
        pid: None,
        exit: record.and_then(|record| record.exit),
        restarts: record.map_or(0, |record| record.restarts),
        detail: detail.to_owned(),
    }
}
