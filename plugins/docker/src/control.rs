//! What can be done with what is deployed: look at it, stop it, start it, remove it.

use stagewright_sdk::docker::{self, Container, ContainerState};
use stagewright_sdk::readiness::{Gate, HostTime};
use stagewright_sdk::{Change, Failure, Service, State, log};

use crate::condition::{all, current, runs};
use crate::config::Config;
use crate::failing::not_ready;
use crate::rollout::ready;

/// What there is now. Changes nothing.
pub(crate) fn observe(service: &Service, config: &Config) -> Result<State, Failure> {
    let Some((container, state)) = current(all()?) else {
        return Ok(State::new("absent", "Nothing of it is in the engine."));
    };
    let found = match service.is_job() {
        true => job(&container, &state)?,
        false => serving(&Gate::of(service, config.stop_grace())?, &container, &state),
    };
    Ok(found.of(container.step_id(), container.reference()))
}

fn job(container: &Container, state: &ContainerState) -> Result<State, Failure> {
    Ok(match &state.exit {
        _ if runs(state) => State::new("starting", "It is at work."),
        Some(exit) if exit.success() => {
            State::new("completed", "It has completed.").outputs(container.outputs()?)
        }
        Some(exit) => State::new("failed", format!("It ended with {exit}.")),
        None => State::new("failed", &state.detail),
    })
}

fn serving(gate: &Gate, container: &Container, state: &ContainerState) -> State {
    match state.condition.as_str() {
        "running" => match gate.complaint(container) {
            None => State::new("ready", ready(container)),
            Some(reason) => State::new("failed", format!("It runs and is not ready: {reason}.")),
        },
        "restarting" => State::new(
            "failed",
            format!("It is started again and again: {}.", state.detail),
        ),
        _ => State::new("stopped", format!("It is stopped: {}.", state.detail)),
    }
}

/// What a deploy would do.
pub(crate) fn plan(
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
    if service.is_job() {
        let image = reference.unwrap_or("an image that is not built yet");
        let object = format!("a run of the job {name}");
        let reason = format!("it runs from {image}");
        return Ok(vec![create(object, reason)]);
    }
    let object = format!("the container of {name}");
    let Some((container, state)) = current(all()?) else {
        let reason = "nothing of it is in the engine".to_owned();
        return Ok(vec![create(object, reason)]);
    };
    let change = replace.change(object, &container.reference(), reference, runs(&state));
    Ok(vec![change])
}

/// Starts what is deployed, unless it runs, and waits until it is ready.
pub(crate) fn start(service: &Service, config: &Config) -> Result<State, Failure> {
    if service.is_job() {
        return observe(service, config);
    }
    let gate = Gate::of(service, config.stop_grace())?;
    let Some((container, _)) = current(all()?) else {
        let message = format!("`{}` is not deployed in the engine.", service.name);
        return Err(Failure::new("docker.absent", message).hint("Deploy it first."));
    };
    container.start()?;
    log::info("waiting until it is ready");
    if let Err(why) = gate.pass(&HostTime, &container) {
        return Err(not_ready(&service.name, &container, &why));
    }
    container.announce()?;
    Ok(State::new("ready", ready(&container)).of(container.step_id(), container.reference()))
}

/// Stops everything of the service that runs, and keeps it.
pub(crate) fn stop() -> Result<State, Failure> {
    for (container, state) in &all()? {
        if runs(state) {
            container.stop()?;
        }
    }
    Ok(match current(all()?) {
        Some((container, _)) => {
            State::new("stopped", "It is stopped.").of(container.step_id(), container.reference())
        }
        None => State::new("absent", "Nothing of it is in the engine."),
    })
}

/// Removes everything of the service; its volumes only when told. Goes on after an error, so
/// that as little as possible stays behind, and answers with the first.
pub(crate) fn destroy(with_data: bool) -> Result<(), Failure> {
    let removed: Vec<_> = docker::containers()?
        .iter()
        .map(Container::remove)
        .collect();
    removed.into_iter().collect::<Result<Vec<()>, Failure>>()?;
    match with_data {
        true => docker::remove_data(),
        false => Ok(()),
    }
}
