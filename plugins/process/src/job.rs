//! Runs a job to its end, once for each step, and reads what it answers with.

use stagewright_sdk::process::{Exit, ReleaseState};
use stagewright_sdk::{Failure, Service, State, Step, log};

use crate::condition::{alive, runs};
use crate::config::Config;
use crate::failing::{more_of_release, with_last_lines};
use crate::machine::{Machine, Supervised};
use crate::rollout::{Before, stop_all, tidy};

/// Starts the job unless this step has done so, and waits for its end.
pub(crate) fn run<M: Machine>(
    machine: &M,
    step: &Step,
    service: &Service,
    config: &Config,
    reference: &str,
) -> Result<State, Failure> {
    let mut before = Before::new();
    let mut own = None;
    for release in machine.releases()? {
        match release.step_id() == step.id {
            true => own = Some(release),
            false => {
                let state = release.state()?;
                before.push((release, state));
            }
        }
    }
    let release = match own {
        Some(release) => release,
        None => machine.install(&step.id, reference)?,
    };
    // What a failed run leaves is kept for a look at it, beside what was kept before it; of the
    // rest nothing may stay, however this run ends.
    tidy(&mut before, config.keep_releases + 1);
    let state = complete(step, service, config, &release, &before)?;
    tidy(&mut before, config.keep_releases);
    Ok(state)
}

fn complete<R: Supervised>(
    step: &Step,
    service: &Service,
    config: &Config,
    release: &R,
    before: &Before<R>,
) -> Result<State, Failure> {
    let state = release.state()?;
    let exit = match next(&state, step.attempt) {
        Next::Start => {
            stop_all(before)?;
            log::info("starting the job");
            release.start(&config.launch(service))?;
            await_end(release)?
        }
        Next::Wait => await_end(release)?,
        Next::Done(exit) => exit,
        Next::Lost => {
            if alive(&state) {
                release.stop()?;
            }
            let message = format!(
                "The job `{}` was stopped before its end: {}.",
                service.name, state.detail
            );
            let failure = Failure::new("job.lost", message).retry_later();
            return Err(with_last_lines(failure, release));
        }
    };
    if !exit.success() {
        return Err(failed(step, service, release, &exit));
    }
    let outputs = release.outputs()?;
    let state = State::new("completed", "It has completed.");
    Ok(state
        .of(release.step_id(), release.reference())
        .outputs(outputs))
}

/// What is to be done with the release of this step.
#[derive(Debug, PartialEq)]
enum Next {
    Start,
    Wait,
    Done(Exit),
    Lost,
}

/// A first attempt that finds its own job ended comes after a crash of the host, and must not
/// run it twice. A further attempt is only made of jobs that may be run twice.
fn next(state: &ReleaseState, attempt: u32) -> Next {
    match state.exit {
        _ if state.condition == "installed" => Next::Start,
        _ if runs(state) => Next::Wait,
        Some(exit) if state.condition == "exited" && (exit.success() || attempt < 2) => {
            Next::Done(exit)
        }
        _ if attempt > 1 => Next::Start,
        _ => Next::Lost,
    }
}

/// Waits for the end; when that is broken off, so is the job.
fn await_end<R: Supervised>(release: &R) -> Result<Exit, Failure> {
    release.wait().map_err(|failure| match release.stop() {
        Ok(()) => failure,
        Err(error) => failure.detail("still-running", error.message),
    })
}

fn failed<R: Supervised>(step: &Step, service: &Service, release: &R, exit: &Exit) -> Failure {
    let message = format!("The job `{}` ended with {exit}.", service.name);
    let failure = Failure::new("job.failed", message)
        .hint(more_of_release(step, service))
        .retry_later()
        .detail("exit", exit);
    with_last_lines(failure, release)
}

#[cfg(test)]
mod tests;
