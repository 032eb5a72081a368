//! The Docker engine that the operator chose: builds, and containers of the step's own service.

pub use crate::bindings::docker::{
    Container, ContainerOptions, ContainerState, Engine, Mount, Published, Recipe, build,
    containers, create, info, provide, remove_data,
};

use crate::Failure;
use crate::process::Exit;
use crate::readiness::{Candidate, Life, OwnCheck};

/// A container is ready when its ports answer, or the check of its image succeeds.
impl Candidate for Container {
    fn life(&self) -> Result<Life, Failure> {
        let state = self.state()?;
        let own_check = match state.health.as_deref() {
            Some("healthy") => Some(OwnCheck::Healthy),
            Some("unhealthy") => Some(OwnCheck::Unhealthy(state.health_output)),
            Some(_) => Some(OwnCheck::Starting),
            None => None,
        };
        Ok(Life {
            runs: matches!(state.condition.as_str(), "running" | "restarting"),
            restarts: state.restarts,
            exit: state.exit,
            detail: state.detail,
            own_check,
        })
    }

    fn tcp(&self, port: u16, timeout_ms: u32) -> Result<(), Failure> {
        self.probe_tcp(port, timeout_ms)
    }

    fn http(&self, port: u16, path: &str, timeout_ms: u32) -> Result<u16, Failure> {
        self.probe_http(port, path, timeout_ms)
    }

    fn exec(&self, argv: &[String], timeout_ms: u32) -> Result<Exit, Failure> {
        self.probe_exec(argv, timeout_ms)
    }

    fn grpc(&self, port: u16, service: &str, timeout_ms: u32) -> Result<String, Failure> {
        self.probe_grpc(port, service, timeout_ms)
    }
}
