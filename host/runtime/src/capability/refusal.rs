//! How a host call says no: with a failure that the guest can handle, or with a trap that
//! ends it.
//!
//! A trap is for what no honest guest does, a handle that it does not have; all else is a
//! failure.

use wasmtime::component::ResourceTableError;

use crate::folder::FolderError;
use crate::record::{Failure, Retry};

/// Why a host call was not done.
#[derive(Debug)]
pub enum Refusal {
    /// The guest gets to know, and may go on.
    Failure(Failure),
    /// The guest is ended.
    Trap(wasmtime::Error),
}

impl Refusal {
    /// What the generated bindings ask for.
    pub(crate) fn into_failure(self) -> wasmtime::Result<Failure> {
        match self {
            Self::Failure(failure) => Ok(failure),
            Self::Trap(error) => Err(error),
        }
    }
}

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
        let retry = if error.is_temporary() { Retry::Later } else { Retry::Never };
        let failure = Self::new(error.code(), error.to_string()).retry(retry);
        match error.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}
