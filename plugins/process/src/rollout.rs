//! Puts a new release of a service in the place of the old one.
//!
//! Whatever goes wrong before the new release is ready, the old one serves at the end: it was
//! not touched, or it is started again and waited for, as long as there is time. When it ends by
//! itself, too, the failure says so.

use stagewright_sdk::process::ReleaseState;
use stagewright_sdk::readiness::{Gate, NotReady};
use stagewright_sdk::{Failure, Replace, Service, State, Step, log};

use crate::condition::{alive, runs, untouched};
use crate::config::Config;
use crate::failing::{more_of_step, not_ready, with_last_lines};
use crate::machine::{Machine, Supervised};

/// The releases that were there before, newest first, each with its state at that time.
pub(crate) type Before<R> = Vec<(R, ReleaseState)>;

/// Installs, starts, waits until it is ready, and removes what is not needed any more.
pub(crate) fn deploy<M: Machine>(
    machine: &M,
    step: &Step,
    service: &Service,
    config: &Config,
    reference: &str,
) -> Result<State, Failure> {
    let replace = config.replace(service)?;
    let gate = Gate::of(service, config.stop_grace())?;
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
    let resumed = own.is_some();
    let new = match own {
        Some(release) => release,
        None => machine.install(&step.id, reference)?,
    };
    if !runs(&new.state()?) {
        let stopped = match replace {
            Replace::StopFirst => stop_all(&before),
            Replace::StartFirst => Ok(()),
        };
        if let Err(failure) = stopped.and_then(|()| new.start(&config.launch(service))) {
            return Err(undo(machine, &gate, &new, &before, resumed, failure));
        }
    }
    log::info("waiting until it is ready");
    if let Err(why) = gate.pass(machine, &new) {
        let failure = not_ready(service, &new, &why, more_of_step(step, service));
        return Err(undo(machine, &gate, &new, &before, resumed, failure));
    }
    stop_all(&before)?;
    tidy(&mut before, config.keep_releases);
    Ok(State::new("ready", "It is ready.").of(new.step_id(), new.reference()))
}

/// Ends every release before this one that has a process.
pub(crate) fn stop_all<R: Supervised>(before: &Before<R>) -> Result<(), Failure> {
    for (release, _) in before {
        if alive(&release.state()?) {
            log::info(format!(
                "stopping the release of step {}",
                release.step_id()
            ));
            release.stop()?;
        }
    }
    Ok(())
}

/// Removes the new release and brings the old one back. The failure says what became of both.
fn undo<M: Machine>(
    machine: &M,
    gate: &Gate,
    new: &M::Release,
    before: &Before<M::Release>,
    resumed: bool,
    failure: Failure,
) -> Failure {
    let failure = match failure.details.iter().any(|(name, _)| name == "last-lines") {
        true => failure,
        false => with_last_lines(failure, new),
    };
    // It is removed last: a step that is repeated after a crash knows by it what was going on.
    let mut failure = match new.stop() {
        Ok(()) => failure,
        Err(error) => failure.detail("left-behind", error.message),
    };
    // A step that is repeated after a crash finds the old release as it left it then: stopped.
    let old = before.iter().find(|(_, state)| alive(state));
    let old = old.or_else(|| {
        let mut stopped = before
            .iter()
            .filter(|(_, state)| state.condition == "stopped");
        stopped.next().filter(|_| resumed)
    });
    if let Some((old, _)) = old {
        let back = bring_back(machine, gate, old);
        failure.message = format!(
            "{} The previous release, of step {}, {}.",
            failure.message,
            old.step_id(),
            back.sentence()
        );
        failure = failure.detail("previous", back.word());
        failure = match back {
            Back::Stopped(error) => failure.detail("previous-error", error.message),
            Back::Unconfirmed(why) => failure.detail("previous-check", why.reason),
            _ => failure,
        };
    }
    match new.remove() {
        Ok(()) => failure,
        Err(error) => failure.detail("left-behind", error.message),
    }
}

/// What became of the old release.
enum Back {
    Serving,
    Restarted,
    /// It was started again and runs. This check has not succeeded as long as it was waited for.
    Unconfirmed(NotReady),
    /// It was started again and has ended.
    Unready(NotReady),
    /// It could not be started again.
    Stopped(Failure),
}

impl Back {
    fn word(&self) -> &'static str {
        match self {
            Self::Serving => "serving",
            Self::Restarted | Self::Unconfirmed(_) => "restarted",
            Self::Unready(_) => "not-ready",
            Self::Stopped(_) => "stopped",
        }
    }

    /// As it goes on after "The previous release".
    fn sentence(&self) -> String {
        match self {
            Self::Serving => "serves on".to_owned(),
            Self::Restarted => "was started again".to_owned(),
            Self::Unconfirmed(_) => {
                "was started again and not waited for until it is ready".to_owned()
            }
            Self::Unready(why) => {
                let reason = &why.reason;
                format!("was started again and did not become ready, either: {reason}")
            }
            Self::Stopped(_) => "could not be started again".to_owned(),
        }
    }
}

/// Starts the old release again unless it runs, and waits until it is ready.
fn bring_back<M: Machine>(machine: &M, gate: &Gate, old: &M::Release) -> Back {
    match old.state() {
        Ok(state) if runs(&state) => return Back::Serving,
        Ok(_) => {}
        Err(error) => return Back::Stopped(error),
    }
    if let Err(error) = old.start_again() {
        return Back::Stopped(error);
    }
    log::info("waiting until the previous release is ready again");
    match gate.pass_again(machine, old) {
        Ok(()) => Back::Restarted,
        Err(why) if why.ended => Back::Unready(why),
        Err(why) => Back::Unconfirmed(why),
    }
}

/// Removes the releases beyond those that are kept, the new one counted. A release that cannot
/// be removed is no reason to call a service that is ready a failure.
pub(crate) fn tidy<R: Supervised>(before: &mut Before<R>, keep: usize) {
    let mut others = keep.saturating_sub(1);
    before.retain(|(release, state)| {
        if !untouched(state) && others > 0 {
            others -= 1;
            return true;
        }
        if let Err(error) = release.remove() {
            let id = release.step_id();
            log::warn(format!(
                "The release of step {id} stays behind: {}",
                error.message
            ));
        }
        false
    });
}

#[cfg(test)]
mod tests;
