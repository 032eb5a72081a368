//! Runs a job to its end, once for each step, and reads what it answers with.

use stagewright_sdk::docker::{self, Container, ContainerState};
use stagewright_sdk::process::Exit;
use stagewright_sdk::{Failure, Service, State, Step, images, log};

use crate::condition::{Found, all, runs, untouched};
use crate::config::Config;
use crate::failing::with_last_lines;
use crate::rollout::{stop_all, tidy};

/// Starts the job unless this step has done so, and waits for its end.
pub(crate) fn run(
    step: &Step,
    service: &Service,
    config: &Config,
    reference: &str,
) -> Result<State, Failure> {
    let options = config.options(service)?;
    let image = images::find(reference)?;
    docker::provide(&image)?;
    let found = all()?.into_iter();
    let before: Vec<Found> = found
        .filter(|(container, _)| container.step_id() != step.id)
        .collect();
    let container = docker::create(&step.id, &image, &options)?;
    let state = container.state()?;
    let exit = match next(&state, step.attempt) {
        Next::Start => {
            stop_all(&before)?;
            log::info("starting the job");
            container.start()?;
            await_end(&container)?
        }
        Next::Wait => await_end(&container)?,
        Next::Done(exit) => exit,
    };
    if !exit.success() {
        let detail = container.state()?.detail;
        let message = format!("The job `{}` ended with {exit}: {detail}.", service.name);
        let failure = Failure::new("job.failed", message)
            .hint("Its last lines are below.")
            .retry_later()
            .detail("exit", exit);
        let failure = with_last_lines(failure, &container);
        tidy(&before);
        return Err(failure);
    }
    let outputs = container.outputs()?;
    tidy(&before);
    let state = State::new("completed", "It has completed.");
    Ok(state
        .of(container.step_id(), container.reference())
        .outputs(outputs))
}

/// What is to be done with the container of this step.
#[derive(Debug, PartialEq)]
enum Next {
    Start,
    Wait,
    Done(Exit),
}

/// A first attempt that finds its own job ended comes after a crash of the host, and must not
/// run it twice. A further attempt is only made of jobs that may be run twice.
fn next(state: &ContainerState, attempt: u32) -> Next {
    match state.exit {
        _ if untouched(state) => Next::Start,
        _ if runs(state) => Next::Wait,
        Some(exit) if exit.success() || attempt < 2 => Next::Done(exit),
        _ => Next::Start,
    }
}

/// Waits for the end; when that is broken off, so is the job.
fn await_end(container: &Container) -> Result<Exit, Failure> {
    container.wait().map_err(|failure| match container.stop() {
        Ok(()) => failure,
        Err(error) => failure.detail("still-running", error.message),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(condition: &str, code: Option<i32>) -> ContainerState {
        ContainerState {
            condition: condition.to_owned(),
            exit: code.map(|code| Exit {
                code: Some(code),
                signal: None,
            }),
            restarts: 0,
            health: None,
            health_output: String::new(),
            detail: String::new(),
        }
    }

    #[test]
    fn a_job_that_a_crash_interrupted_is_not_run_twice_by_the_same_attempt() {
        assert_eq!(next(&state("created", None), 1), Next::Start);
        assert_eq!(next(&state("running", None), 1), Next::Wait);
        for code in [0, 3] {
            let ended = state("exited", Some(code));
            assert_eq!(next(&ended, 1), Next::Done(ended.exit.unwrap()));
        }
        assert_eq!(next(&state("exited", Some(3)), 2), Next::Start);
        let good = state("exited", Some(0));
        assert_eq!(next(&good, 2), Next::Done(good.exit.unwrap()));
    }
}
