//! One service of the model.

use crate::action::{Action, Step};
use crate::course::ServiceSpec;
use crate::environment::file::{Run, ServiceType};
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

    /// What it does in the deploy phase, or does first there.
    pub(super) fn deploy_step(&self, action: Action) -> Step {
        if self.spec.kind == ServiceType::Job && self.runs(action) {
            return Step::Deploy;
        }
        match action {
            Action::Restart => Step::Restart,
            Action::Stop => Step::Stop,
            Action::Start => Step::Start,
            Action::Destroy => Step::Destroy,
            _ => Step::Deploy,
        }
    }

    fn runs(&self, action: Action) -> bool {
        let declared = |run| self.spec.run.contains(&run);
        match action {
            Action::Deploy | Action::Redeploy => declared(Run::OnDeploy) || declared(Run::OnChange),
            Action::Rollback => declared(Run::OnRollback),
            Action::Stop => declared(Run::OnStop),
            Action::Destroy => declared(Run::OnDestroy),
            Action::Run => true,
            _ => false,
        }
    }

    /// What the action has no step for.
    pub(super) fn has_nothing_to_do(&self, action: Action) -> bool {
        if self.spec.kind != ServiceType::Job {
            return action == Action::Run;
        }
        match action {
            Action::Start | Action::Restart => true,
            Action::Stop | Action::Rollback => !self.runs(action),
            _ => false,
        }
    }

    pub(super) fn timeout(&self) -> u64 {
        match self.step {
            Step::Build => self.spec.timeouts.build,
            Step::Push => self.spec.timeouts.push,
            _ => self.spec.timeouts.deploy,
        }
    }
}
