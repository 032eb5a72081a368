//! Facts: what has been decided and what has happened in one deployment, as the journal
//! stores them.
//!
//! A fact is complete: slots, deadlines and the jittered instants of backoffs are in it, so a
//! replay only folds and never decides again. Facts are read for as long as journals are kept:
//! fields are added with a default, meanings never change, and a new meaning gets a new name.

use serde::{Deserialize, Serialize};

use crate::action::{Action, Phase, Step};
use crate::course::{ServiceId, StageId};
use crate::moment::Timestamp;
use crate::outcome::{Ending, Outcome, Settlement};
use crate::verdict::Verdict;
use crate::wait::Wait;

/// The version of facts that this program writes. It reads this one and all before it.
pub const VERSION: u32 = 1;

/// Something that has been decided or has happened. Who performs effects looks at
/// `AssessmentAsked`, `StepStarted`, `CancelRequested` and `CancelForced`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Fact {
    /// The deployment waits for others of its environment.
    DeploymentQueued {
        /// How many are before it.
        position: u32,
    },
    /// A newer deployment of the same kind took its place before it began; it is over.
    DeploymentMerged {
        /// The id of the newer one.
        into: String,
    },
    /// The deployment began. The sizes are there to refuse a replay onto another course.
    DeploymentStarted {
        /// What it does.
        action: Action,
        /// How many stages it has.
        stages: u32,
        /// How many services it has.
        services: u32,
    },
    /// Another process took the deployment over after the one before it had gone.
    DeploymentResumed,
    /// The stage began.
    StageStarted {
        /// Which.
        stage: StageId,
    },
    /// The phase opened.
    PhaseStarted {
        /// Of which stage.
        stage: StageId,
        /// Which half.
        phase: Phase,
    },
    /// Nothing of the phase runs or waits any more.
    PhaseEnded {
        /// Of which stage.
        stage: StageId,
        /// Which half.
        phase: Phase,
        /// How.
        result: Ending,
    },
    /// All of the stage's services are settled.
    StageEnded {
        /// Which.
        stage: StageId,
        /// How.
        result: Ending,
    },
    /// The stage never began.
    StageSkipped {
        /// Which.
        stage: StageId,
        /// What kept it from beginning.
        reason: Barrier,
    },
    /// Effect: find out whether there is something to do, and answer with
    /// [`Input::Assessed`](crate::decide::Input::Assessed). Holds no slot.
    AssessmentAsked {
        /// Of which service.
        service: ServiceId,
        /// For which phase.
        phase: Phase,
        /// Counted from 1.
        attempt: u16,
        /// When to give up.
        deadline: Timestamp,
    },
    /// The answer.
    ServiceAssessed {
        /// Of which service.
        service: ServiceId,
        /// For which phase.
        phase: Phase,
        /// What it is.
        verdict: Verdict,
    },
    /// The step could not start at once.
    StepWaiting {
        /// Of which service.
        service: ServiceId,
        /// Which step.
        step: Step,
        /// What it waits for.
        reason: Wait,
    },
    /// Effect: perform the step, and answer with
    /// [`Input::StepEnded`](crate::decide::Input::StepEnded).
    StepStarted {
        /// Of which service.
        service: ServiceId,
        /// Which step.
        step: Step,
        /// Counted from 1.
        attempt: u16,
        /// The slot of the phase that it runs in, counted from 1.
        slot: u32,
        /// When to end it by force.
        deadline: Timestamp,
    },
    /// The attempt ended.
    StepEnded {
        /// Of which service.
        service: ServiceId,
        /// Which step.
        step: Step,
        /// Counted from 1.
        attempt: u16,
        /// How.
        outcome: Outcome,
    },
    /// The step, or the assessment before it, will be tried again.
    RetryScheduled {
        /// Of which service.
        service: ServiceId,
        /// Which step.
        step: Step,
        /// The attempt to come.
        attempt: u16,
        /// Not before this instant; the jitter is in it.
        until: Timestamp,
        /// What the step has left of its time from then on, in milliseconds.
        left: u64,
    },
    /// The pause is over; the step waits for a slot in its old place.
    BackoffEnded {
        /// Of which service.
        service: ServiceId,
    },
    /// The service is done with.
    ServiceSettled {
        /// Which.
        service: ServiceId,
        /// How.
        result: Settlement,
    },
    /// A failure stops what has not started.
    Halted {
        /// Whose failure.
        by: ServiceId,
        /// What it stops.
        scope: Scope,
    },
    /// Effect: tell what runs to end.
    CancelRequested {
        /// Without a grace period.
        force: bool,
        /// What has not ended by then is stopped for good.
        grace_until: Timestamp,
    },
    /// Effect: stop for good what still runs.
    CancelForced,
    /// The deployment is over.
    DeploymentEnded {
        /// How.
        result: Ending,
    },
}

/// How far a failure reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// Every stage (`fail-fast`).
    Deployment,
    /// The stages after the one of the failed service (`finish-stage`).
    LaterStages,
}

/// What keeps a stage from going on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Barrier {
    /// The deployment was cancelled.
    Cancelled,
    /// A failure of this service stopped the deployment.
    Halted(ServiceId),
    /// A failure of this service stopped the stages after its own.
    StageFailed(ServiceId),
}

/// A fact as it is written: `{"v":1,"fact":"step-started",…}`.
#[derive(Serialize, Deserialize)]
struct Envelope<F> {
    v: u32,
    #[serde(flatten)]
    fact: F,
}

/// A stored fact that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum FactError {
    /// Written by a newer program.
    #[error(
        "this fact has version {found} and this program reads up to {VERSION}; use the version of stagewright that wrote it, or a newer one"
    )]
    Newer {
        /// Its version.
        found: u32,
    },
    /// Not a fact at all.
    #[error("the journal holds something that is not a fact: {0}")]
    Unreadable(#[from] serde_json::Error),
}

impl Fact {
    /// The fact as one line of JSON, with its version.
    ///
    /// # Errors
    /// When it cannot be written as JSON, which no fact that `decide` makes does.
    pub fn to_json(&self) -> Result<String, FactError> {
        Ok(serde_json::to_string(&Envelope {
            v: VERSION,
            fact: self,
        })?)
    }

    /// Reads a fact of this version or an earlier one.
    ///
    /// # Errors
    /// When it is newer than this program, or no fact.
    pub fn from_json(text: &str) -> Result<Self, FactError> {
        #[derive(Deserialize)]
        struct Versioned {
            v: u32,
        }
        let Versioned { v } = serde_json::from_str(text)?;
        if v > VERSION {
            return Err(FactError::Newer { found: v });
        }
        let envelope: Envelope<Self> = serde_json::from_str(text)?;
        Ok(envelope.fact)
    }
}
