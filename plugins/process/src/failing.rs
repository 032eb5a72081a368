//! Failures of releases, with what a person needs to find the cause: how the process ended and
//! what it said last.

use stagewright_sdk::readiness::NotReady;
use stagewright_sdk::{Failure, Service, Step};

use crate::machine::Supervised;

/// How many of the last lines go with a failure.
const LINES: u32 = 20;

/// Where the rest is of what a release printed that is still there.
pub(crate) fn more_of_release(step: &Step, service: &Service) -> String {
    format!(
        "Its last lines are below; `stagewright logs {} --release --service {}` shows more.",
        step.deployment, service.name
    )
}

/// Where to look again when the release is gone.
pub(crate) fn more_of_step(step: &Step, service: &Service) -> String {
    format!(
        "Its last lines are below; `stagewright logs {} --service {}` shows them again.",
        step.deployment, service.name
    )
}

/// The failure of a service that did not become ready; `hint` is where more is to be found.
pub(crate) fn not_ready<R: Supervised>(
    service: &Service,
    release: &R,
    why: &NotReady,
    hint: String,
) -> Failure {
    let name = &service.name;
    let failure = match why.cancelled {
        true => Failure::new(
            "cancelled",
            format!("`{name}` was not ready when the step was cancelled."),
        ),
        false => Failure::new(
            "process.not-ready",
            format!("`{name}` did not become ready: {}.", why.reason),
        )
        .hint(hint)
        .retry_later(),
    };
    let failure = match &why.exit {
        Some(exit) => failure.detail("exit", exit),
        None => failure,
    };
    with_last_lines(failure.detail("last-check", &why.reason), release)
}

/// Adds the last lines that a release printed.
pub(crate) fn with_last_lines<R: Supervised>(failure: Failure, release: &R) -> Failure {
    match release.tail(LINES) {
        Ok(lines) if lines.is_empty() => failure.detail("last-lines", "(it printed nothing)"),
        Ok(lines) => failure.detail("last-lines", lines.join("\n")),
        Err(error) => failure.detail("last-lines", format!("(not readable: {})", error.message)),
    }
}
