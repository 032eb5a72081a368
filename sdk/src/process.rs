//! Programs of the host's machine: run to their end for builds, or supervised as the releases
//! of a service.

pub use crate::bindings::process::{
    Command, Exit, Launch, Release, ReleaseState, install, releases, remove_data, run, version,
};

use std::fmt;

use crate::readiness::{Candidate, Life};
use crate::{Failure, probe};

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

/// A release is ready when its ports answer.
impl Candidate for Release {
    fn life(&self) -> Result<Life, Failure> {
        let state = self.state()?;
        Ok(Life {
            runs: matches!(state.condition.as_str(), "starting" | "running"),
            restarts: state.restarts,
            exit: state.exit,
            detail: state.detail,
            own_check: None,
        })
    }

    fn tcp(&self, port: u16, timeout_ms: u32) -> Result<(), Failure> {
        probe::tcp(self, port, timeout_ms)
    }

    fn http(&self, port: u16, path: &str, timeout_ms: u32) -> Result<u16, Failure> {
        probe::http(self, port, path, timeout_ms)
    }

    fn exec(&self, argv: &[String], timeout_ms: u32) -> Result<Exit, Failure> {
        probe::exec(self, argv, timeout_ms)
    }

    fn grpc(&self, port: u16, service: &str, timeout_ms: u32) -> Result<String, Failure> {
        probe::grpc(self, port, service, timeout_ms)
    }
}
