//! The answer to an input or a fact that does not fit the state.
//!
//! Whoever hands the core something impossible gets an error that says what was expected,
//! and the state stays as it was. Never a panic.

use crate::action::{Phase, Step};
use crate::fact::Scope;

/// An input or a fact that does not fit the state. The state is unchanged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Illegal {
    /// Only `Begin` comes before the beginning.
    #[error("the deployment has not begun; begin it first")]
    NotBegun,
    /// A deployment begins once.
    #[error("the deployment has begun already; resume it instead")]
    AlreadyBegun,
    /// Nothing happens after the end.
    #[error("the deployment has ended; start a new one")]
    Ended,
    /// The facts were written for another course.
    #[error("these facts belong to another description: {0}; resume with the recorded one")]
    OtherCourse(String),
    /// There is no such service.
    #[error("there is no service with index {0} in this deployment")]
    NoService(u32),
    /// There is no such stage.
    #[error("there is no stage with index {0} in this deployment")]
    NoStage(u32),
    /// A step was said to start, end or wait that is in no place to do so.
    #[error("{service}: {step} attempt {attempt} cannot {verb} now, the service {place}")]
    Step {
        /// The service, by name.
        service: String,
        /// The step in question.
        step: Step,
        /// Its attempt.
        attempt: u16,
        /// What it was said to do.
        verb: &'static str,
        /// Where the service really is.
        place: String,
    },
    /// An assessment was asked or answered out of turn.
    #[error("{service}: an assessment for {phase} does not fit, the service {place}")]
    Assessment {
        /// The service, by name.
        service: String,
        /// For which phase.
        phase: Phase,
        /// Where the service really is.
        place: String,
    },
    /// A service was settled that cannot be settled now.
    #[error("{service} cannot be settled now, it {place}")]
    Settlement {
        /// The service, by name.
        service: String,
        /// Where the service really is.
        place: String,
    },
    /// Slots are numbered from 1 up to the limit of their phase, and hold one step each.
    #[error("{service}: {phase} slot {slot} is not there, or not free")]
    Slot {
        /// The service, by name.
        service: String,
        /// Whose slots.
        phase: Phase,
        /// The number.
        slot: u32,
    },
    /// A stage or phase began or ended out of turn.
    #[error("stage {stage} cannot {verb} now")]
    Stage {
        /// The stage, by name.
        stage: String,
        /// What it was said to do.
        verb: &'static str,
    },
    /// A halt that no failure asked for.
    #[error("{service} cannot stop {scope:?}: its failure did not ask for that")]
    Halt {
        /// The service, by name.
        service: String,
        /// How far it was said to reach.
        scope: Scope,
    },
    /// Nothing is cancelled that was not asked to be.
    #[error("{service}: a step ended cancelled, but the deployment was not cancelled")]
    NotCancelled {
        /// The service, by name.
        service: String,
    },
    /// A cancel that was forced already, or was never requested.
    #[error("the cancel cannot be forced now")]
    Force,
    /// The deployment cannot end while something is left.
    #[error("the deployment cannot end while stages are left")]
    Unfinished,
}
