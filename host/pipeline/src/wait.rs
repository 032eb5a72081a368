//! What a service waits for. Nothing waits silently: whatever neither runs nor is settled has
//! a [`Wait`].
//!
//! Derived from the state alone, so that a status shown after a crash says the same. Must
//! never be a reason for anything: decisions look at the state, not at these words.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::action::Phase;
use crate::course::{Course, ServiceId, StageId};
use crate::moment::Timestamp;
use crate::state::{Life, Mode, State, Status};

/// Why a service does not run just now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Wait {
    /// The deployment has not begun.
    Beginning,
    /// This stage, an earlier one or its own, is not so far yet.
    Stage(StageId),
    /// Builds of its stage have not ended, this many.
    Builds(u32),
    /// Whether there is something to do is being found out.
    Assessment(Phase),
    /// All slots of the phase are taken.
    Slot {
        /// Whose slots.
        phase: Phase,
        /// How many there are.
        limit: u32,
    },
    /// The host runs as many steps as it may.
    HostSlots,
    /// Services that it needs are not up.
    Needs {
        /// The first of them.
        first: ServiceId,
        /// How many there are.
        count: u32,
    },
    /// A pause before the next attempt.
    Backoff {
        /// When it ends.
        until: Timestamp,
        /// The attempt to come, counted from 1.
        attempt: u16,
    },
    /// It will not go on, and is about to be settled.
    Stopping,
}

impl Wait {
    /// The instant at which it is over, where there is one.
    #[must_use]
    pub fn until(&self) -> Option<Timestamp> {
        match self {
            Self::Backoff { until, .. } => Some(*until),
            _ => None,
        }
    }

    /// A sentence for people, with the names of the course.
    pub fn sentence<'a>(&'a self, course: &'a Course) -> impl fmt::Display + 'a {
        Sentence { wait: self, course }
    }
}

struct Sentence<'a> {
    wait: &'a Wait,
    course: &'a Course,
}

impl fmt::Display for Sentence<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self.wait {
            Wait::Beginning => write!(f, "waits for the deployment to begin"),
            Wait::Stage(stage) => write!(f, "waits for stage {}", self.course.stage_name(stage)),
            Wait::Builds(1) => write!(f, "waits for the last build of its stage"),
            Wait::Builds(left) => write!(f, "waits for {left} builds of its stage"),
            Wait::Assessment(Phase::Build) => write!(f, "is being compared with its last build"),
            Wait::Assessment(Phase::Deploy) => write!(f, "is being compared with what runs"),
            Wait::Slot { phase, limit: 1 } => {
                write!(f, "waits for the one {phase} slot, which is taken")
            }
            Wait::Slot { phase, limit } => {
                write!(f, "waits for a {phase} slot, all {limit} are taken")
            }
            Wait::HostSlots => write!(f, "waits for the host, which runs as much as it may"),
            Wait::Needs { first, count } => {
                write!(f, "needs {}", self.course.service_name(first))?;
                match count {
                    0 | 1 => Ok(()),
                    more => write!(f, " and {} more", more - 1),
                }
            }
            Wait::Backoff { until, attempt } => write!(f, "attempt {attempt} follows at {until}"),
            Wait::Stopping => write!(f, "will not go on"),
        }
    }
}

impl State {
    /// What a service waits for; nothing when it runs or is settled.
    #[must_use]
    pub fn waiting(&self, id: ServiceId) -> Option<Wait> {
        let service = self.services.get(id.index())?;
        let wait = match service.mode {
            Mode::Running | Mode::Settled(_) => return None,
            _ if self.life == Life::New => Wait::Beginning,
            _ if self.pending.contains(&id) => Wait::Stopping,
            Mode::Ended(_) => Wait::Stopping,
            Mode::Assessing => Wait::Assessment(service.step.phase()),
            Mode::BackingOff => Wait::Backoff {
                until: service.deadline,
                attempt: service.attempt,
            },
            Mode::Ready => self.waiting_for_slot(id, service.step.phase())?,
            Mode::Idle => self.waiting_for_turn(id, service.step.phase())?,
        };
        Some(wait)
    }

    fn waiting_for_slot(&self, id: ServiceId, phase: Phase) -> Option<Wait> {
        let stage = self.course.service(id)?.stage;
        let limit = self.course.stage(stage)?.limit(phase);
        let lane = self.lane(phase);
        Some(
            if self.stages.get(stage.index())?.half(phase).running >= limit {
                Wait::Slot { phase, limit }
            } else if lane.running >= lane.limit() {
                let limit = lane.limit();
                Wait::Slot { phase, limit }
            } else {
                Wait::HostSlots
            },
        )
    }

    fn waiting_for_turn(&self, id: ServiceId, phase: Phase) -> Option<Wait> {
        let service = self.services.get(id.index())?;
        let stage = self.course.service(id)?.stage;
        let at = self.stages.get(stage.index())?;
        let open = at.half(phase).status == Status::Open;
        Some(if open && phase == Phase::Deploy && service.unmet > 0 {
            Wait::Needs {
                first: self.first_unmet(id)?,
                count: service.unmet,
            }
        } else if open {
            Wait::Assessment(phase)
        } else if at.build.status == Status::Open && at.build.left > 0 && self.closed == stage.0 {
            Wait::Builds(at.build.left)
        } else {
            Wait::Stage(StageId(self.closed))
        })
    }

    fn first_unmet(&self, id: ServiceId) -> Option<ServiceId> {
        let unsettled = |need: &&ServiceId| self.settlement(**need).is_none();
        self.course.needs(id).iter().find(unsettled).copied()
    }
}
