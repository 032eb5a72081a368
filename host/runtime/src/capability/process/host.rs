//! `process` for guests: which program may run is decided here, how it runs elsewhere.

mod convert;
mod release;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use stagewright_pipeline::environment::Duration;
use wasmtime::component::{HasData, Resource, ResourceTable};

use super::{Exit, Release, Runner, Service, Versions};
use crate::bindings::offered::process::{self, Host};
use crate::call::Operations;
use crate::capability::images::{Image, UnpackLimits, unpack};
use crate::capability::log::{Origin, StepLog};
use crate::capability::refusal::Refusal;
use crate::capability::registry::{Session, brought_here};
use crate::capability::secrets::SecretsContext;
use crate::capability::workspace::Handle;
use crate::folder::{Access, Folder};
use crate::grant::ProcessGrant;
use crate::record::{Failure, Level};

use convert::defaults;

/// Marks the data that `process` works on.
pub(crate) struct ProcessAccess;

/// What one call may do with programs of this machine.
pub(crate) struct ProcessContext {
    pub(crate) runner: Runner,
    /// What programs said of their versions.
    pub(crate) versions: Arc<Versions>,
    /// The service whose releases it may handle. `None`: it may not supervise.
    pub(crate) service: Option<Service>,
    /// The programs that it may run to their end.
    pub(crate) commands: BTreeSet<String>,
    /// How much an image may become on disk.
    pub(crate) unpack: UnpackLimits,
    /// Where layers come from that are still in a registry.
    pub(crate) session: Arc<Session>,
    /// The longest that it may give a program to stop.
    pub(crate) stop_grace: Duration,
    /// Why the step is done, for the programs that it starts.
    pub(crate) reason: String,
    /// When the call is over.
    pub(crate) deadline: Instant,
    pub(crate) secrets: Arc<SecretsContext>,
    pub(crate) log: Arc<StepLog>,
}

/// The programs that a grant and a call allow together.
pub(crate) fn commands(grant: &ProcessGrant, declared: &[String]) -> BTreeSet<String> {
    let declared = declared.iter().filter(|_| grant.declared);
    grant.commands.iter().chain(declared).cloned().collect()
}

/// The programs of the call and the handles of the guest.
pub(crate) struct ProcessView<'a> {
    pub(crate) context: Option<&'a ProcessContext>,
    pub(crate) operations: &'a Operations,
    pub(crate) table: &'a mut ResourceTable,
}

impl HasData for ProcessAccess {
    type Data<'a> = ProcessView<'a>;
}

impl<'a> ProcessView<'a> {
    fn context(&self) -> Result<&'a ProcessContext, Refusal> {
        self.context
            .ok_or_else(|| Failure::not_granted("process").into())
    }

    fn service(&self) -> Result<Service, Refusal> {
        let service = self.context()?.service.clone();
        service.ok_or_else(|| Failure::not_granted("process (supervise)").into())
    }
}

impl ProcessContext {
    /// Removes what a host that died has left half installed or half removed of the service.
    pub(crate) async fn sweep(&self) {
        let Some(service) = self.service.clone() else {
            return;
        };
        let name = service.name.clone();
        // What stays behind is in nobody's way, so the step begins nevertheless.
        match tokio::task::spawn_blocking(move || service.sweep()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(service = name, %error, "leftovers stay behind"),
            Err(error) => tracing::warn!(service = name, %error, "removing leftovers broke off"),
        }
    }

    fn check(&self, program: &str) -> Result<(), Failure> {
        if self.commands.contains(program) {
            return Ok(());
        }
        let program: String = program.chars().take(200).collect();
        let granted: Vec<_> = self.commands.iter().map(String::as_str).collect();
        let message = format!("the program `{program}` is not granted");
        Err(Failure::new("process.program-not-granted", message)
            .hint("declare it as the first word of a build step, or let the operator grant it under `process.commands`")
            .detail("granted", granted.join(", ")))
    }
}

/// The folder on this machine in which a program starts.
fn directory(folder: &Folder, below: &str) -> Result<Folder, Refusal> {
    if folder.access() != Access::Write {
        let message = "programs run in the output folder only: the source is for reading";
        return Err(Failure::new("process.read-only-folder", message)
            .hint("copy the source into the output folder first")
            .into());
    }
    let below = if below.is_empty() { "." } else { below };
    Ok(folder.enter(below)?)
}

impl Host for ProcessView<'_> {
    async fn run(
        &mut self,
        folder: Resource<Handle>,
        command: process::Command,
    ) -> Result<process::Exit, Refusal> {
        let context = self.context()?;
        self.operations.refuse_when_cancelled("the command")?;
        let process::Command {
            argv,
            working_directory,
            variables,
        } = command;
        context.check(argv.first().map_or("", String::as_str))?;
        for word in &argv {
            let place = "a word of the command";
            context.secrets.refuse_revealed(word, place)?;
        }
        let folder = self.table.get(&folder)?.folder(self.operations).await?;
        let directory = self
            .operations
            .tidying("opening a folder", move |_| {
                directory(&folder, &working_directory)
            })
            .await??;
        let variables = context.secrets.resolve(variables).await?;
        let variables = variables
            .into_iter()
            .map(|(name, value)| (name, value.expose().to_owned()));
        let command = super::Command {
            argv,
            directory: directory.location().to_owned(),
            variables: variables.collect(),
            stop_grace: None,
            deadline: Some(context.deadline.into()),
            force: self.operations.forced().clone(),
        };
        let (runner, log) = (context.runner.clone(), Arc::clone(&context.log));
        let run = self.operations.run("a command", |token| async move {
            let mut print = |_: super::Source, line: &str| {
                log.write(Origin::Program, Level::Info, line, &[]);
            };
            runner.run(&command, &token, &mut print).await
        });
        Ok(run.await??.into())
    }

    async fn version(&mut self, program: String) -> Result<String, Refusal> {
        let context = self.context()?;
        context.check(&program)?;
        let (runner, versions) = (context.runner.clone(), Arc::clone(&context.versions));
        let version = self
            .operations
            .run("asking for a version", |token| async move {
                versions.of(&runner, &program, &token).await
            });
        Ok(version.await??)
    }

    async fn install(
        &mut self,
        step_id: String,
        image: Resource<Image>,
    ) -> Result<Resource<Release>, Refusal> {
        let service = self.service()?;
        let image = self.table.get(&image)?.clone();
        let reference = image.reference().to_owned();
        let session = &self.context()?.session;
        let image = brought_here(self.operations, session, &image).await?;
        let limits = self.context()?.unpack;
        let install = self
            .operations
            .blocking("unpacking an image", move |interrupt| {
                let defaults = defaults(image.config());
                let unpack = |folder: &Path| unpack(&image, folder, &limits, interrupt);
                service.install(&step_id, &reference, defaults, unpack)
            });
        let release = install.await??;
        Ok(self.table.push(release)?)
    }

    async fn releases(&mut self) -> Result<Vec<Resource<Release>>, Refusal> {
        let service = self.service()?;
        let list = self
            .operations
            .tidying("listing releases", move |_| service.releases());
        let releases = list.await??;
        releases
            .into_iter()
            .map(|release| Ok(self.table.push(release)?))
            .collect()
    }

    async fn remove_data(&mut self) -> Result<(), Refusal> {
        let service = self.service()?;
        Ok(self
            .operations
            .tidying("removing data", move |_| service.remove_data())
            .await??)
    }
}

impl From<Exit> for process::Exit {
    fn from(exit: Exit) -> Self {
        Self {
            code: exit.code,
            signal: exit.signal,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declared_programs_count_only_where_the_grant_says_so() {
        let declared = ["cargo".to_owned()];
        let mut grant = ProcessGrant {
            commands: vec!["make".into()],
            ..ProcessGrant::default()
        };
        assert_eq!(
            commands(&grant, &declared),
            BTreeSet::from(["make".to_owned()])
        );
        grant.declared = true;
        assert!(commands(&grant, &declared).contains("cargo"));
        assert!(!commands(&grant, &[]).contains("cargo"));
    }

    #[test]
    fn programs_run_in_output_folders_only() {
        let place = tempfile::tempdir().unwrap();
        std::fs::create_dir(place.path().join("sub")).unwrap();
        let output = Folder::open(place.path(), Access::Write).unwrap();
        assert!(
            directory(&output, "")
                .unwrap()
                .location()
                .starts_with(place.path())
        );
        assert!(
            directory(&output, "sub")
                .unwrap()
                .location()
                .ends_with("sub")
        );
        for (folder, below, code) in [
            (output, "..", "workspace.outside"),
            (
                Folder::open(place.path(), Access::Read).unwrap(),
                "",
                "process.read-only-folder",
            ),
        ] {
            match directory(&folder, below) {
                Err(Refusal::Failure(failure)) => assert_eq!(failure.code, code),
                other => panic!("{other:?}"),
            }
        }
    }
}
