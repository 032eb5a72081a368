//! Failures of containers, with what a person needs to find the cause: how the program ended
//! and what it said last.

use stagewright_sdk::Failure;
use stagewright_sdk::docker::Container;
use stagewright_sdk::readiness::NotReady;

/// How many of the last lines go with a failure.
const LINES: u32 = 20;
/// How the host says that the kernel has ended a container.
const OUT_OF_MEMORY: &str = "out of memory";

/// The failure of a service that did not become ready.
pub(crate) fn not_ready(name: &str, container: &Container, why: &NotReady) -> Failure {
    let detail = container.state().map(|state| state.detail);
    let killed = detail.ok().filter(|detail| detail.contains(OUT_OF_MEMORY));
    let reason = match killed {
        Some(detail) => format!("{}; {detail}", why.reason),
        None => why.reason.clone(),
    };
    let failure = match why.cancelled {
        true => Failure::new(
            "cancelled",
            format!("`{name}` was not ready when the step was cancelled."),
        ),
        false => Failure::new(
            "docker.not-ready",
            format!("`{name}` did not become ready: {reason}."),
        )
        .hint("Its last lines are below.")
        .retry_later(),
    };
    let failure = match &why.exit {
        Some(exit) => failure.detail("exit", exit),
        None => failure,
    };
    with_last_lines(failure.detail("last-check", reason), container)
}

/// Adds the last lines that a container printed.
pub(crate) fn with_last_lines(failure: Failure, container: &Container) -> Failure {
    match container.tail(LINES) {
        Ok(lines) if lines.is_empty() => failure.detail("last-lines", "(it printed nothing)"),
        Ok(lines) => failure.detail("last-lines", lines.join("\n")),
        Err(error) => failure.detail("last-lines", format!("(not readable: {})", error.message)),
    }
}
