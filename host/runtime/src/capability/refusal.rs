//! How a host call says no: with a failure that the guest can handle, or with a trap that
//! ends it.
//!
//! A trap is for what no honest guest does, a handle that it does not have; all else is a
//! failure.

use wasmtime::component::ResourceTableError;

use super::docker::DockerView;
use super::images::ImagesView;
use super::probe::ProbeView;
use super::process::ProcessView;
use super::registry::RegistryView;
use super::secrets::SecretsView;
use super::workspace::WorkspaceView;
use crate::folder::FolderError;
use crate::record::{Failure, Retry};

/// Why a host call was not done.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The guest gets to know, and may go on.
    Failure(Failure),
    /// The guest is ended.
    Trap(wasmtime::Error),
}

/// The generated bindings turn a refusal into the WIT's record through the view that refused.
macro_rules! refusing {
    ($($view:ty),* $(,)?) => {
        $(impl crate::bindings::offered::types::Host for $view {
            fn convert_failure(&mut self, refusal: Refusal) -> wasmtime::Result<Failure> {
                match refusal {
                    Refusal::Failure(failure) => Ok(failure),
                    Refusal::Trap(error) => Err(error),
                }
            }
        })*
    };
}

refusing!(
    WorkspaceView<'_>,
    ImagesView<'_>,
    ProcessView<'_>,
    ProbeView<'_>,
    RegistryView<'_>,
    SecretsView<'_>,
    DockerView<'_>,
);

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

impl From<wasmtime::Error> for Refusal {
    fn from(error: wasmtime::Error) -> Self {
        Self::Trap(error)
    }
}

impl From<ResourceTableError> for Refusal {
    fn from(error: ResourceTableError) -> Self {
        Self::Trap(error.into())
    }
}

impl From<FolderError> for Refusal {
    fn from(error: FolderError) -> Self {
        Self::Failure(error.into())
    }
}

impl From<FolderError> for Failure {
    fn from(error: FolderError) -> Self {
        if matches!(error, FolderError::Interrupted) {
            return Self::cancelled("work on files");
        }
        let retry = if error.is_temporary() {
            Retry::Later
        } else {
            Retry::Never
        };
        let failure = Self::new(error.code(), error.to_string()).retry(retry);
        match error.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}
