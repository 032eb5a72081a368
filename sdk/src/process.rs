//! Programs of the host's machine: run to their end for builds, or supervised as the releases
//! of a service.

pub use crate::bindings::process::{
    Command, Exit, Launch, Release, ReleaseState, install, releases, remove_data, run, version,
};

use std::fmt;

/// As a sentence goes on: `exit code 1`, `signal 9`.
impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.code, self.signal) {
            (Some(code), _) => write!(f, "exit code {code}"),
            (None, Some(signal)) => write!(f, "signal {signal}"),
            (None, None) => write!(f, "no exit code"),
        }
    }
}

impl Exit {
    /// Ended by itself with code 0.
    pub fn success(&self) -> bool {
        self.code == Some(0)
    }
}
