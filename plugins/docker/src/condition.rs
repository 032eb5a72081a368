//! What the host says about a container, in words that the decisions are made with.

use stagewright_sdk::Failure;
use stagewright_sdk::docker::{self, Container, ContainerState};

/// A container with its state.
pub(crate) type Found = (Container, ContainerState);

/// Is there a process, or will there be one without anybody's doing?
pub(crate) fn runs(state: &ContainerState) -> bool {
    matches!(state.condition.as_str(), "running" | "restarting")
}

/// Was it made and never started?
pub(crate) fn untouched(state: &ContainerState) -> bool {
    state.condition == "created"
}

/// The containers of the service with their states, newest first.
pub(crate) fn all() -> Result<Vec<Found>, Failure> {
    let mut all = Vec::new();
    for container in docker::containers()? {
        let state = container.state()?;
        all.push((container, state));
    }
    Ok(all)
}

/// The container that the service is at present: the newest that runs, else the newest that was
/// ever started.
pub(crate) fn current(all: Vec<Found>) -> Option<Found> {
    let mut newest = None;
    for (container, state) in all {
        if runs(&state) {
            return Some((container, state));
        }
        if newest.is_none() && !untouched(&state) {
            newest = Some((container, state));
        }
    }
    newest
}
