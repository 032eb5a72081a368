//! What happens next: `(state, moment, input) -> facts`.
//!
//! [`advance`] is what executor, recovery and simulator call: it decides, folds, and goes on
//! until nothing more follows. Decisions are made from the state, the moment and the input
//! alone; what follows from a state is found again after a crash between any two facts. Must
//! never change the state other than through [`State::apply`].

mod consequence;

use crate::action::{Phase, Step};
use crate::course::ServiceId;
use crate::fact::Fact;
use crate::illegal::Illegal;
use crate::moment::Moment;
use crate::outcome::{Ending, Outcome};
use crate::state::{Life, State};
use crate::verdict::Verdict;
pub(crate) use consequence::consequence;

/// What the world says to a deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Input {
    /// It has to wait for this many deployments of its environment.
    Queue {
        /// How many are before it.
        position: u32,
    },
    /// A newer deployment of the same kind takes its place in the queue.
    Merge {
        /// The id of the newer one.
        into: String,
    },
    /// Begin.
    Begin,
    /// Another process takes over what an earlier one began.
    Resume,
    /// The answer to an assessment that was asked. Too late for a service that is settled, it
    /// is ignored.
    Assessed {
        /// Of which service.
        service: ServiceId,
        /// For which phase.
        phase: Phase,
        /// The answer.
        verdict: Verdict,
    },
    /// An attempt that was started has ended.
    StepEnded {
        /// Of which service.
        service: ServiceId,
        /// Which step.
        step: Step,
        /// Which attempt.
        attempt: u16,
        /// How.
        outcome: Outcome,
    },
    /// End it before its time. A second one without `force` changes nothing.
    Cancel {
        /// Without a grace period.
        force: bool,
    },
    /// Nothing new, but time has passed or the host has other slots.
    Advance,
}

/// The facts that an input brings by itself; for `Advance` the one fact that follows next, if
/// any. The state is not changed.
///
/// # Errors
/// When the input does not fit the state.
pub fn decide(state: &State, moment: &Moment, input: Input) -> Result<Vec<Fact>, Illegal> {
    match state.life() {
        Life::New => return Ok(vec![before_begin(state, input)?]),
        Life::Ended(_) if input == Input::Advance => return Ok(Vec::new()),
        Life::Ended(_) => return Err(Illegal::Ended),
        Life::Running => {}
    }
    match input {
        Input::Begin | Input::Queue { .. } | Input::Merge { .. } => Err(Illegal::AlreadyBegun),
        Input::Resume => Ok(vec![Fact::DeploymentResumed]),
        Input::Advance => Ok(consequence(state, moment).into_iter().collect()),
        Input::Cancel { force } => Ok(cancel(state, moment, force)),
        Input::Assessed {
            service,
            phase,
            verdict,
        } => {
            if state.settlement(service).is_some() {
                return Ok(Vec::new());
            }
            checked(
                state,
                Fact::ServiceAssessed {
                    service,
                    phase,
                    verdict,
                },
            )
        }
        Input::StepEnded {
            service,
            step,
            attempt,
            outcome,
        } => checked(
            state,
            Fact::StepEnded {
                service,
                step,
                attempt,
                outcome,
            },
        ),
    }
}

/// Decides, folds, and goes on until nothing more follows: all facts, in order.
///
/// # Errors
/// When the input does not fit the state, which then is as it was.
pub fn advance(state: &mut State, moment: &Moment, input: Input) -> Result<Vec<Fact>, Illegal> {
    let mut facts = decide(state, moment, input)?;
    for fact in &facts {
        state.apply(fact)?;
    }
    while let Some(fact) = consequence(state, moment) {
        state.apply(&fact)?;
        facts.push(fact);
    }
    Ok(facts)
}

fn cancel(state: &State, moment: &Moment, force: bool) -> Vec<Fact> {
    match state.cancel() {
        // A request that adds nothing.
        Some(cancel) if cancel.forced || !force => Vec::new(),
        Some(_) => vec![Fact::CancelForced],
        None => {
            let grace = if force { 0 } else { state.course.grace() };
            vec![Fact::CancelRequested {
                force,
                grace_until: moment.now.after(grace),
            }]
        }
    }
}

fn before_begin(state: &State, input: Input) -> Result<Fact, Illegal> {
    match input {
        Input::Begin => Ok(Fact::DeploymentStarted {
            action: state.course.action(),
            stages: state.course.stages().len() as u32,
            services: state.course.services().len() as u32,
        }),
        Input::Queue { position } => Ok(Fact::DeploymentQueued { position }),
        Input::Merge { into } => Ok(Fact::DeploymentMerged { into }),
        Input::Cancel { .. } => Ok(Fact::DeploymentEnded {
            result: Ending::Cancelled,
        }),
        _ => Err(Illegal::NotBegun),
    }
}

fn checked(state: &State, fact: Fact) -> Result<Vec<Fact>, Illegal> {
    state.check(&fact)?;
    Ok(vec![fact])
}
