//! Why something about a process did not work, for a machine (`code`) and for a person.
//!
//! No message holds the value of a variable or more of a command than its program: arguments
//! are where people put tokens.

use std::io;
use std::path::PathBuf;

use super::outputs::OutputsError;
use super::ports::Holder;

/// What can go wrong with processes and releases.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No file of that name where it was looked for.
    #[error("the program `{program}` was not found {place}")]
    ProgramNotFound {
        /// The first word of the command.
        program: String,
        /// `in PATH (…)`, `in the release`.
        place: String,
    },
    /// The file is there, and the system refuses to run it.
    #[error("the program `{program}` could not be started: {cause}")]
    ProgramRefused {
        /// The first word of the command.
        program: String,
        /// What the system said.
        cause: String,
    },
    /// A command or a launch that cannot be meant.
    #[error("{0}")]
    Invalid(String),
    /// The caller cancelled; nothing of the process is left.
    #[error("`{program}` was stopped because the step was cancelled")]
    Cancelled {
        /// The first word of the command.
        program: String,
    },
    /// The deadline came; nothing of the process is left.
    #[error("`{program}` was stopped because its time was over")]
    TimedOut {
        /// The first word of the command.
        program: String,
    },
    /// Killed, and still there.
    #[error("after being killed these processes are still there: {pids:?}")]
    Unkillable {
        /// Their process ids.
        pids: Vec<u32>,
    },
    /// A declared port is held by something that is not of this service.
    #[error("port {port} ({name}) is held by {holder}")]
    PortTaken {
        /// Its number.
        port: u16,
        /// Its declared name.
        name: String,
        /// Who holds it.
        holder: Holder,
    },
    /// A declared port is held by another release of the same service.
    #[error("port {port} ({name}) is held by the release `{step_id}` of this service, {holder}")]
    PortOfOtherRelease {
        /// Its number.
        port: u16,
        /// Its declared name.
        name: String,
        /// The step that installed that release.
        step_id: String,
        /// Who holds it.
        holder: Holder,
    },
    /// The same step id was installed from another image.
    #[error("the step `{step_id}` has already installed `{installed}`, not `{wanted}`")]
    InstalledOtherwise {
        /// The step.
        step_id: String,
        /// Image reference of the release that is there.
        installed: String,
        /// Image reference that was asked for.
        wanted: String,
    },
    /// Something that needs a running process was asked of one that does not run.
    #[error("the release `{step_id}` is not running: it is {condition}{detail}")]
    NotRunning {
        /// The step that installed it.
        step_id: String,
        /// Word of its condition.
        condition: &'static str,
        /// Starts with `: ` when there is more to say.
        detail: String,
    },
    /// `start_again` before the first start.
    #[error("the release `{step_id}` was never started, so it cannot be started again")]
    NeverStarted {
        /// The step that installed it.
        step_id: String,
    },
    /// A secret that the launch names was not given.
    #[error("the variable `{variable}` needs the secret `{secret}`, which was not given")]
    SecretMissing {
        /// Name of the variable.
        variable: String,
        /// Name of the secret.
        secret: String,
    },
    /// `wait` on a release that has no end.
    #[error("the release `{step_id}` is kept running, so there is no end to wait for")]
    KeptRunning {
        /// The step that installed it.
        step_id: String,
    },
    /// Its end was seen by nobody.
    #[error("how the release `{step_id}` ended is not known: {detail}")]
    ExitUnknown {
        /// The step that installed it.
        step_id: String,
        /// Why.
        detail: String,
    },
    /// The data folder is in use.
    #[error("the data of `{service}` cannot be removed while its release `{step_id}` runs")]
    DataInUse {
        /// Name of the service.
        service: String,
        /// The step that installed the release.
        step_id: String,
    },
    /// What a job wrote as its outputs.
    #[error(transparent)]
    Outputs(#[from] OutputsError),
    /// The shim could not be started or does not answer as agreed.
    #[error("the supervising process of {what} failed: {cause}")]
    Shim {
        /// The release or command.
        what: String,
        /// What happened.
        cause: String,
    },
    /// A file of ours that cannot be understood.
    #[error("{path} is damaged: {cause}")]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it, and where.
        cause: String,
    },
    /// The system refused.
    #[error("could not {action} {path}: {source}")]
    Io {
        /// A verb: `read`, `create`.
        action: &'static str,
        /// What was acted on.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl Error {
    /// Stable, dotted, lower case.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::ProgramNotFound { .. } => "process.not-found",
            Self::ProgramRefused { .. } => "process.not-executable",
            Self::Invalid(_) => "process.invalid",
            Self::Cancelled { .. } => "process.cancelled",
            Self::TimedOut { .. } => "process.timed-out",
            Self::Unkillable { .. } => "process.unkillable",
            Self::PortTaken { .. } => "port.taken",
            Self::PortOfOtherRelease { .. } => "port.held-by-other-release",
            Self::InstalledOtherwise { .. } => "release.installed-otherwise",
            Self::NotRunning { .. } => "release.not-running",
            Self::NeverStarted { .. } => "release.never-started",
            Self::SecretMissing { .. } => "release.secret-missing",
            Self::KeptRunning { .. } => "release.kept-running",
            Self::ExitUnknown { .. } => "release.exit-unknown",
            Self::DataInUse { .. } => "release.data-in-use",
            Self::Outputs(_) => "job.outputs-invalid",
            Self::Shim { .. } => "process.shim",
            Self::Damaged { .. } => "process.damaged",
            Self::Io { .. } => "process.io",
        }
    }

    /// What a person can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::ProgramNotFound { .. } => {
                "install the program, or write the path of a file in the image as the first word"
            }
            Self::ProgramRefused { .. } => {
                "the file must be executable and built for this machine; a script needs a `#!` line that names an interpreter of this machine"
            }
            Self::PortTaken { .. } => "stop that program, or declare another port",
            Self::PortOfOtherRelease { .. } => {
                "stop the other release first, or use `activation: socket` to replace without a pause"
            }
            Self::Outputs(_) => {
                "write one JSON object to the file that STAGEWRIGHT_OUTPUT names; its values are strings or {\"value\": …, \"sensitive\": …}"
            }
            Self::SecretMissing { .. } => "give the secret to the host again and repeat the step",
            Self::DataInUse { .. } => "stop the service first",
            Self::Unkillable { .. } => {
                "they may belong to another user or wait for a device; end them by hand"
            }
            _ => return None,
        })
    }

    /// May the same call succeed later without anybody changing anything?
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Shim { .. } | Self::Io { .. })
    }

    /// For `map_err`: an operation of the system that failed on a path.
    pub(super) fn io(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }
}
