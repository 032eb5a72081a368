//! One service of the model.

use crate::action::Step;
use crate::course::ServiceSpec;
use crate::tests::script::Part;

/// What it is doing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum At {
    Start,
    Asked,
    Ready,
    Running { slot: u32 },
    Resting { until: u64 },
    Done(&'static str),
}

/// A service, as the model sees it.
pub(super) struct Actor<'a> {
    pub(super) spec: &'a ServiceSpec,
    pub(super) part: &'a Part,
    pub(super) stage: usize,
    pub(super) needs: Vec<usize>,
    pub(super) at: At,
    pub(super) step: Step,
    pub(super) attempt: u16,
    pub(super) assessed: bool,
    pub(super) failed_in_build: bool,
    pub(super) left: u64,
    pub(super) deadline: u64,
}

impl Actor<'_> {
    pub(super) fn go_to(&mut self, step: Step) {
        self.step = step;
        self.attempt = 1;
        self.assessed = false;
        self.left = self.timeout();
    }

    pub(super) fn timeout(&self) -> u64 {
        match self.step {
            Step::Build => self.spec.timeouts.build,
            Step::Push => self.spec.timeouts.push,
            _ => self.spec.timeouts.deploy,
        }
    }
}
