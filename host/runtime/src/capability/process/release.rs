//! One release: an unpacked image of a service, and the process that was started from it.
//!
//! A handle keeps nothing that changes, so it never goes stale: what is true is asked each
//! time. Its life is told in three other files: [`start`](super::start),
//! [`state`](super::state) and [`end`](super::end).

use std::path::PathBuf;
use std::time::Duration;

use super::control;
use super::error::Error;
use super::launch::{Exit, State};
use super::outputs::{self, Output};
use super::place::{GONE, remove_folder};
use super::program;
use super::protocol::{Failure, Reply, Request};
use super::record::{self, Layout, Meta, Record};
use super::supervisor::Service;
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
            return Err(Error::Invalid(
                "the folder of the release has no name".to_owned(),
            ));
        };
        let doomed = folder.with_file_name(format!("{GONE}{name}"));
        let folder = folder.to_owned();
        // A release may have hundreds of thousands of files.
        let removed = tokio::task::spawn_blocking(move || {
            // Renamed first: a release that is half removed must not be listed.
            remove_folder(&doomed)?;
            match std::fs::rename(&folder, &doomed) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(Error::io("remove", &folder)(error));
                }
                _ => {}
            }
            remove_folder(&doomed)
        });
        removed
            .await
            .map_err(|error| Error::Invalid(format!("removing the release broke off: {error}")))?
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
        self.failed(Failure::Other(
            "it answered something else than was asked".to_owned(),
        ))
    }

    pub(super) fn not_running(&self, state: &State) -> Error {
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
