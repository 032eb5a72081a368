//! The one fact that follows next from a state, without any input.
//!
//! The rules stand in the order in which they are asked; each finds its answer through an
//! index of the state. Asking until there is no answer brings a deployment as far as it can
//! go, and asking again after a crash goes on where the facts stopped.

use crate::action::{Phase, Step};
use crate::course::{ServiceId, StageId};
use crate::environment::file::{OnFailure, Overlap};
use crate::fact::{Fact, Scope};
use crate::moment::Moment;
use crate::outcome::{Ending, Settlement};
use crate::retry;
use crate::state::{End, Life, Mode, Service, Stage, State, Status};

/// The next fact, or nothing when the deployment waits for the world.
pub(crate) fn consequence(state: &State, moment: &Moment) -> Option<Fact> {
    if state.life != Life::Running {
        return None;
    }
    force(state, moment)
        .or_else(|| halt(state))
        .or_else(|| follow(state, moment, *state.pending.first()?))
        .or_else(|| wake(state, moment))
        .or_else(|| end_builds(state))
        .or_else(|| turn(state))
        .or_else(|| ask(state, moment))
        .or_else(|| start(state, moment))
        .or_else(|| announce(state))
}

/// The grace period of a cancel is over while something still runs.
fn force(state: &State, moment: &Moment) -> Option<Fact> {
    let cancel = state.cancel.filter(|cancel| !cancel.forced)?;
    let over = cancel.force || cancel.grace_until <= moment.now;
    (over && state.in_use() > 0).then_some(Fact::CancelForced)
}

/// A failure stops what its stage's policy says.
fn halt(state: &State) -> Option<Fact> {
    let by = state.trigger?;
    let stage = state.course.service(by)?.stage;
    let scope = match state.course.stage(stage)?.on_failure {
        OnFailure::FailFast => Scope::Deployment,
        OnFailure::FinishStage | OnFailure::Continue => Scope::LaterStages,
    };
    Some(Fact::Halted { by, scope })
}

/// What follows for a service whose step ended, or that may not go on.
fn follow(state: &State, moment: &Moment, id: ServiceId) -> Option<Fact> {
    let service = state.services.get(id.index())?;
    let stop = state.stop(id);
    let result = match service.mode {
        Mode::Ended(End::Unchanged) => Settlement::Unchanged,
        Mode::Ended(End::Succeeded) => match (state.course.next_step(service.step), stop) {
            (None, _) => Settlement::Succeeded,
            (Some(_), Some(result)) => result,
            (Some(next), None) => return Some(go_on(state, moment, id, service, next)),
        },
        Mode::Ended(End::Cancelled { confirmed }) => Settlement::Cancelled { confirmed },
        Mode::Ended(End::Failed) if stop.is_none() => match try_again(state, moment, id, service) {
            Some(fact) => return Some(fact),
            None => Settlement::Failed,
        },
        Mode::Ended(End::Failed) => Settlement::Failed,
        // It did fail, and no further attempt will make up for it.
        Mode::BackingOff if state.cancel.is_none() => Settlement::Failed,
        _ => stop?,
    };
    Some(Fact::ServiceSettled {
        service: id,
        result,
    })
}

/// The next step, in the slot of the one before it.
fn go_on(state: &State, moment: &Moment, id: ServiceId, service: &Service, step: Step) -> Fact {
    let timeout = state.course.service(id).map_or(0, |s| s.timeout(step));
    Fact::StepStarted {
        service: id,
        step,
        attempt: 1,
        slot: service.slot,
        deadline: moment.now.after(timeout),
    }
}

fn try_again(state: &State, moment: &Moment, id: ServiceId, service: &Service) -> Option<Fact> {
    let course = state.course.service(id)?;
    // An assessment changes nothing, so even a job's may be repeated.
    if service.assessed && !course.may_repeat(service.step) {
        return None;
    }
    let failure = state.failures.get(&id)?;
    let random = retry::draw(moment.random, id.0, service.attempt);
    let pause = retry::backoff(course.retry, failure, service.attempt, random)?;
    let left = state.remaining(id, moment.now).checked_sub(pause)?;
    (left > 0).then_some(Fact::RetryScheduled {
        service: id,
        step: service.step,
        attempt: service.attempt.checked_add(1)?,
        until: moment.now.after(pause),
        left,
    })
}

/// A backoff is over.
fn wake(state: &State, moment: &Moment) -> Option<Fact> {
    let &(until, service) = state.timers.first()?;
    (until <= moment.now).then_some(Fact::BackoffEnded { service })
}

/// A build phase has nothing left.
fn end_builds(state: &State) -> Option<Fact> {
    let &stage = state.built.first()?;
    let at = state.stages.get(stage.index())?;
    Some(Fact::PhaseEnded {
        stage,
        phase: Phase::Build,
        result: ending(state, at.build.failed, at.stopped),
    })
}

/// Stages begin, open their deploy phase and end, in order.
fn turn(state: &State) -> Option<Fact> {
    open_builds(state).or_else(|| {
        if state.closed < state.opened {
            close(state, StageId(state.closed))
        } else {
            None
        }
        .or_else(|| open(state))
    })
}

/// The stage that began last opens its build phase first of all.
fn open_builds(state: &State) -> Option<Fact> {
    let stage = StageId(state.opened.checked_sub(1)?);
    let at = state.stages.get(stage.index())?;
    let opens = state.course.action().has_builds()
        && at.status == Status::Open
        && at.build.status == Status::Unopened;
    opens.then_some(Fact::PhaseStarted {
        stage,
        phase: Phase::Build,
    })
}

/// The next stage begins, or is skipped; after the last one the deployment ends.
fn open(state: &State) -> Option<Fact> {
    let stage = StageId(state.opened);
    let is_next = state.opened == state.closed;
    if state.opened as usize == state.stages.len() {
        let result = ending(state, state.tally.failed, 0);
        return is_next.then_some(Fact::DeploymentEnded { result });
    }
    match state.barrier(stage) {
        Some(reason) => is_next.then_some(Fact::StageSkipped { stage, reason }),
        None => {
            let ahead = state.course.overlap() == Overlap::AcrossStages
                && state.course.action().has_builds();
            (is_next || ahead).then_some(Fact::StageStarted { stage })
        }
    }
}

/// The stage whose turn it is opens its deploy phase, ends it, or ends.
fn close(state: &State, stage: StageId) -> Option<Fact> {
    let at = state.stages.get(stage.index())?;
    let phase = Phase::Deploy;
    let building = at.build.status == Status::Open;
    match at.deploy.status {
        Status::Unopened if may_open_deploys(state, stage, at) => {
            Some(Fact::PhaseStarted { stage, phase })
        }
        Status::Open if at.deploy.left == 0 && !building => Some(Fact::PhaseEnded {
            stage,
            phase,
            result: ending(state, at.deploy.failed, at.stopped),
        }),
        Status::Unopened | Status::Ended if at.deploy.left == 0 && !building => {
            Some(Fact::StageEnded {
                stage,
                result: ending(state, at.build.failed + at.deploy.failed, at.stopped),
            })
        }
        _ => None,
    }
}

fn may_open_deploys(state: &State, stage: StageId, at: &Stage) -> bool {
    let well = match state.course.overlap() {
        Overlap::None => at.build.status != Status::Open && !at.ended_unbuilt(),
        Overlap::WithinStage | Overlap::AcrossStages => true,
    };
    well && state.barrier(stage).is_none()
}

fn ending(state: &State, failed: u32, stopped: u32) -> Ending {
    if state.cancel.is_some() {
        Ending::Cancelled
    } else if failed > 0 {
        Ending::Failed
    } else if stopped > 0 {
        Ending::Skipped
    } else {
        Ending::Succeeded
    }
}

fn ask(state: &State, moment: &Moment) -> Option<Fact> {
    let &id = state.unassessed.first()?;
    let service = state.services.get(id.index())?;
    Some(Fact::AssessmentAsked {
        service: id,
        phase: service.step.phase(),
        attempt: service.attempt,
        deadline: moment.now.after(service.left),
    })
}

/// The first step, in the order of the course, that has a slot.
fn start(state: &State, moment: &Moment) -> Option<Fact> {
    if state.in_use() >= moment.host_slots {
        return None;
    }
    let first = |phase: Phase| {
        let stage = state.lane(phase).first_startable()?;
        let half = state.stages.get(stage.index())?.half(phase);
        half.ready.first().copied()
    };
    let id = match (first(Phase::Build), first(Phase::Deploy)) {
        (Some(build), Some(deploy)) => build.min(deploy),
        (build, deploy) => build.or(deploy)?,
    };
    let service = state.services.get(id.index())?;
    Some(Fact::StepStarted {
        service: id,
        step: service.step,
        attempt: service.attempt,
        slot: state.lane(service.step.phase()).lowest_free(),
        deadline: moment.now.after(service.left),
    })
}

/// What has come to wait and could not go on at once says so, once.
fn announce(state: &State) -> Option<Fact> {
    let &id = state.unannounced.first()?;
    Some(Fact::StepWaiting {
        service: id,
        step: state.services.get(id.index())?.step,
        reason: state.waiting(id)?,
    })
}
