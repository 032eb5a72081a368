//! Everything that surrounds one call of a plugin: for whom it is, until when, what it may
//! see, and where what it says goes.
//!
//! A call is plain data that the executor fills in. Nothing in it gives a plugin more than
//! its grants allow; an effective grant decides which of it becomes reachable.

mod error;
mod operation;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use tokio_util::sync::CancellationToken;

use crate::capability::log::Sink;
use crate::capability::process::Versions;
use crate::capability::registry::Declared;
use crate::capability::secrets::Secrets;
use crate::capability::workspace::Supply;
use crate::record::{Service, Step};
use crate::redactor::Redactor;

pub use error::{StepError, Trapped};
pub(crate) use operation::{HostFault, Operations};

/// The surroundings of one call.
#[derive(Clone)]
pub struct Call {
    /// The piece of work. Calls that change nothing are not told of it.
    pub step: Step,
    /// The service that it is about.
    pub service: Service,
    /// When it is ended, at the latest. A plugin's limit `call` may end it before.
    pub deadline: Instant,
    /// How it is ended from outside.
    pub cancel: Cancel,
    /// Where log lines and progress go.
    pub sink: Arc<dyn Sink>,
    /// What takes secrets out of everything that is written; shared by all calls of a
    /// deployment, so that what one step was told is not printed by another.
    pub redactor: Arc<Redactor>,
    /// Where the values of the secrets that the service's variables name come from.
    pub secrets: Arc<dyn Secrets>,
    /// The folder of the environment file: `oci:FOLDER` is relative to it.
    pub base: PathBuf,
    /// The source, where the service has one. Only for builders.
    pub source: Option<Supply>,
    /// The folder to build in, which stays the same for a service. Only for builders.
    pub output: Option<PathBuf>,
    /// The folder of the caches that survive between builds of this service.
    pub caches: Option<PathBuf>,
    /// Programs that the environment file declares for its own build steps. Leave it empty
    /// wherever the environment file is not trusted to grant anything.
    pub commands: Vec<String>,
    /// Repositories that the environment file declares for this service. Leave it empty
    /// wherever the environment file is not trusted to grant anything.
    pub repositories: Declared,
    /// Versions of programs, shared by the calls that may be told the same.
    pub versions: Arc<Versions>,
}

/// How a call is ended from outside.
#[derive(Clone, Debug, Default)]
pub struct Cancel {
    /// The plugin is asked to end; host calls that wait end by themselves.
    pub requested: CancellationToken,
    /// The call is ended without asking.
    pub forced: CancellationToken,
}
