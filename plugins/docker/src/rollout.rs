//! Puts a new container of a service in the place of the old one.
//!
//! Whatever goes wrong before the new container is ready, the old one serves at the end: it was
//! not touched, or it is started again. Where both can run at once, both have the service's
//! name before the old one is asked to end, so that somebody always answers.

use stagewright_sdk::docker::{self, Container};
use stagewright_sdk::readiness::{Gate, HostTime};
use stagewright_sdk::{Failure, Replace, Service, State, Step, images, log};

use crate::condition::{Found, all, runs};
use crate::config::Config;
use crate::failing::{not_ready, with_last_lines};

/// Makes, starts, waits until it is ready, gives it the name, and removes what was there before.
pub(crate) fn deploy(
    step: &Step,
    service: &Service,
    config: &Config,
    reference: &str,
) -> Result<State, Failure> {
    let replace = config.replace(service)?;
    let options = config.options(service)?;
    let gate = Gate::of(service, config.stop_grace())?;
    let image = images::find(reference)?;
    docker::provide(&image)?;
    let (own, before): (Vec<Found>, Vec<Found>) = all()?
        .into_iter()
        .partition(|(container, _)| container.step_id() == step.id);
    let resumed = !own.is_empty();
    let new = docker::create(&step.id, &image, &options)?;
    if !runs(&new.state()?) {
        let stopped = match replace {
            Replace::StopFirst => stop_all(&before),
            Replace::StartFirst => Ok(()),
        };
        if let Err(failure) = stopped.and_then(|()| new.start()) {
            return Err(undo(&new, &before, resumed, failure));
        }
    }
    log::info("waiting until it is ready");
    if let Err(why) = gate.pass(&HostTime, &new) {
        let failure = not_ready(&service.name, &new, &why);
        return Err(undo(&new, &before, resumed, failure));
    }
    if let Err(failure) = new.announce() {
        return Err(undo(&new, &before, resumed, failure));
    }
    stop_all(&before)?;
    tidy(&before);
    Ok(State::new("ready", ready(&new)).of(new.step_id(), new.reference()))
}

/// A sentence that says where it is.
pub(crate) fn ready(container: &Container) -> String {
    let published = container.published().unwrap_or_default();
    let places: Vec<String> = published
        .iter()
        .filter_map(|one| Some(format!("{} at {}", one.port, one.host_port?)))
        .collect();
    match places.is_empty() {
        true => "It is ready.".to_owned(),
        false => format!("It is ready; published: {}.", places.join(", ")),
    }
}

/// Ends every container before this one that runs.
pub(crate) fn stop_all(before: &[Found]) -> Result<(), Failure> {
    for (container, _) in before {
        if runs(&container.state()?) {
            log::info(format!("stopping {}", container.name()));
            container.stop()?;
        }
    }
    Ok(())
}

/// Removes the new container and brings the old one back. The failure says what became of both.
fn undo(new: &Container, before: &[Found], resumed: bool, failure: Failure) -> Failure {
    let failure = match failure.details.iter().any(|(name, _)| name == "last-lines") {
        true => failure,
        false => with_last_lines(failure, new),
    };
    // It is removed last: a step that is repeated after a crash knows by it what was going on.
    let mut failure = match new.stop() {
        Ok(()) => failure,
        Err(error) => failure.detail("left-behind", error.message),
    };
    let old = before.iter().find(|(_, state)| runs(state));
    // A step that is repeated after a crash finds the old one as it left it then: stopped.
    let old = old.or_else(|| before.first().filter(|_| resumed));
    if let Some((old, _)) = old {
        let name = old.name();
        let (now, sentence) = match bring_back(old) {
            Ok(true) => ("serving", format!("The previous one, {name}, serves on.")),
            Ok(false) => (
                "restarted",
                format!("The previous one, {name}, was started again."),
            ),
            Err(error) => {
                failure = failure.detail("previous-error", error.message);
                let sentence = format!("The previous one, {name}, could not be started again.");
                ("stopped", sentence)
            }
        };
        failure.message = format!("{} {sentence}", failure.message);
        failure = failure.detail("previous", now);
    }
    match new.remove() {
        Ok(()) => failure,
        Err(error) => failure.detail("left-behind", error.message),
    }
}

/// Starts the old container again unless it runs, which it answers with.
fn bring_back(old: &Container) -> Result<bool, Failure> {
    if runs(&old.state()?) {
        return Ok(true);
    }
    old.start()?;
    Ok(false)
}

/// Removes what is not needed any more. What cannot be removed is no reason to call a service
/// that is ready a failure.
pub(crate) fn tidy(before: &[Found]) {
    for (container, _) in before {
        let name = container.name();
        if let Err(error) = container.remove() {
            log::warn(format!("{name} stays behind: {}", error.message));
        }
    }
}
