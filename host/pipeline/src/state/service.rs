//! Where one service is. Small, since there may be a million of them.

use crate::action::Step;
use crate::course::{Course, ServiceId};
use crate::moment::Timestamp;
use crate::outcome::Settlement;

/// One service of a running deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Service {
    pub(crate) mode: Mode,
    /// The step that it is at, or comes to next.
    pub(crate) step: Step,
    /// Of the step, or of the assessment before it; counted from 1.
    pub(crate) attempt: u16,
    /// The assessment of this phase has been answered.
    pub(crate) assessed: bool,
    /// The slot that it holds, counted from 1; 0 when it holds none.
    pub(crate) slot: u32,
    /// Needs that are not up yet.
    pub(crate) unmet: u32,
    /// The first need that will not come up.
    pub(crate) failed_need: Option<ServiceId>,
    /// Milliseconds that the step has left when it next starts.
    pub(crate) left: u64,
    /// Of the attempt that runs or ran last, or the end of its backoff.
    pub(crate) deadline: Timestamp,
}

/// What a service is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Its phase is not open for it, or its assessment is about to be asked.
    Idle,
    /// Its assessment was asked.
    Assessing,
    /// It waits for a slot.
    Ready,
    /// Its step has started.
    Running,
    /// Its step or assessment ended, and what follows has not been written yet.
    Ended(End),
    /// It pauses before the next attempt; `deadline` says until when.
    BackingOff,
    /// It is done with.
    Settled(Settlement),
}

/// How a step or an assessment ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// There was nothing to do.
    Unchanged,
    /// The step succeeded.
    Succeeded,
    /// The step or the assessment failed; the failure is in `State::failures`.
    Failed,
    /// The step was cancelled.
    Cancelled { confirmed: bool },
}

impl Service {
    pub(super) fn new(course: &Course, id: ServiceId) -> Self {
        let step = course
            .service(id)
            .map_or_else(|| course.action().step(), |s| course.first_step(s));
        let mut service = Self {
            mode: Mode::Idle,
            step,
            attempt: 1,
            assessed: false,
            slot: 0,
            unmet: course.needs(id).len() as u32,
            failed_need: None,
            left: 0,
            deadline: Timestamp(0),
        };
        service.come_to(step, course, id);
        service
    }

    /// Turns to a step: first attempt, all of its time left.
    pub(crate) fn come_to(&mut self, step: Step, course: &Course, id: ServiceId) {
        self.step = step;
        self.attempt = 1;
        self.left = course.service(id).map_or(0, |s| s.timeout(step));
    }

    /// For people who handed in something that does not fit.
    pub(crate) fn place(&self) -> String {
        let Self { step, attempt, .. } = self;
        match self.mode {
            Mode::Idle => format!("has not come to its {step}"),
            Mode::Assessing => format!("is being assessed for its {step}"),
            Mode::Ready => format!("waits for a slot for its {step}, attempt {attempt}"),
            Mode::Running => format!("runs its {step}, attempt {attempt}"),
            Mode::Ended(_) => format!("has just ended its {step}, attempt {attempt}"),
            Mode::BackingOff => format!("pauses before its {step}, attempt {attempt}"),
            Mode::Settled(_) => "is settled".to_owned(),
        }
    }
}
