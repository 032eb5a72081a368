//! What can be done with what is deployed: look at it, stop it, start it, remove it.

use stagewright_sdk::process::ReleaseState;
use stagewright_sdk::readiness::Gate;
use stagewright_sdk::{Change, Failure, Service, State, Step, log};

use crate::condition::{alive, current, runs};
use crate::config::Config;
use crate::failing::{more_of_release, not_ready};
use crate::machine::{Machine, Supervised};

/// What there is now. Changes nothing.
pub(crate) fn observe<M: Machine>(
    machine: &M,
    service: &Service,
    config: &Config,
) -> Result<State, Failure> {
    let Some((release, state)) = current(machine.releases()?)? else {
        return Ok(State::new("absent", "Nothing of it is on this machine."));
    };
    let state = match service.is_job() {
        true => job(&release, &state)?,
        false => serving(&Gate::of(service, config.stop_grace())?, &release, &state),
    };
    Ok(state.of(release.step_id(), release.reference()))
}

fn job<R: Supervised>(release: &R, state: &ReleaseState) -> Result<State, Failure> {
    Ok(match state.exit {
        _ if runs(state) => State::new("starting", "It is at work."),
        Some(exit) if state.condition == "exited" && exit.success() => {
            State::new("completed", "It has completed.").outputs(release.outputs()?)
        }
        Some(exit) if state.condition == "exited" => {
            State::new("failed", format!("It ended with {exit}."))
        }
        _ if state.condition == "stopped" => State::new("stopped", &state.detail),
        _ => State::new("failed", &state.detail),
    })
}

fn serving<R: Supervised>(gate: &Gate, release: &R, state: &ReleaseState) -> State {
    match state.condition.as_str() {
        "running" => match gate.complaint(release) {
            None => State::new("ready", "It is ready."),
            Some(reason) => State::new("failed", format!("It runs and is not ready: {reason}.")),
        },
        "starting" => State::new("starting", &state.detail),
        "stopped" => State::new("stopped", &state.detail),
        _ => State::new("failed", &state.detail),
    }
}

/// What a deploy would do.
pub(crate) fn plan<M: Machine>(
    machine: &M,
    service: &Service,
    config: &Config,
    reference: Option<&str>,
) -> Result<Vec<Change>, Failure> {
    let create = |object: String, reason: String| Change {
        action: "create".to_owned(),
        object,
        reason,
        downtime: false,
    };
    let replace = config.replace(service)?;
    let name = &service.name;
    let image = reference.unwrap_or("an image that is not built yet");
    if service.is_job() {
        let object = format!("a run of the job {name}");
        return Ok(vec![create(object, format!("it runs from {image}"))]);
    }
    let object = format!("the process of {name}");
    let Some((release, state)) = current(machine.releases()?)? else {
        let reason = "nothing of it is on this machine".to_owned();
        return Ok(vec![create(object, reason)]);
    };
    let change = replace.change(object, &release.reference(), reference, runs(&state));
    Ok(vec![change])
}

/// Starts what is deployed, unless it runs, and waits until it is ready.
pub(crate) fn start<M: Machine>(
    machine: &M,
    step: &Step,
    service: &Service,
    config: &Config,
) -> Result<State, Failure> {
    if service.is_job() {
        return observe(machine, service, config);
    }
    let gate = Gate::of(service, config.stop_grace())?;
    let Some((release, state)) = current(machine.releases()?)? else {
        let message = format!("`{}` is not deployed on this machine.", service.name);
        return Err(Failure::new("process.absent", message).hint("Deploy it first."));
    };
    if !runs(&state) {
        release.start(&config.launch(service))?;
    }
    log::info("waiting until it is ready");
    match gate.pass(machine, &release) {
        Ok(()) => {
            Ok(State::new("ready", "It is ready.").of(release.step_id(), release.reference()))
        }
        Err(why) => {
            let hint = more_of_release(step, service);
            Err(not_ready(service, &release, &why, hint))
        }
    }
}

/// Stops everything of the service that runs, and keeps it.
pub(crate) fn stop<M: Machine>(machine: &M) -> Result<State, Failure> {
    let releases = machine.releases()?;
    for release in &releases {
        if alive(&release.state()?) {
            release.stop()?;
        }
    }
    Ok(match current(releases)? {
        Some((release, _)) => {
            State::new("stopped", "It is stopped.").of(release.step_id(), release.reference())
        }
        None => State::new("absent", "Nothing of it is on this machine."),
    })
}

/// Removes everything of the service; its data folder only when told. Goes on after an error,
/// so that as little as possible stays behind, and answers with the first.
pub(crate) fn destroy<M: Machine>(machine: &M, with_data: bool) -> Result<(), Failure> {
    let removed: Vec<_> = machine.releases()?.iter().map(Supervised::remove).collect();
    removed.into_iter().collect::<Result<Vec<()>, Failure>>()?;
    match with_data {
        true => machine.remove_data(),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests;
