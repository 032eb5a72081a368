//! Folding what happens to one service. Every method expects a fact that was checked.

use std::sync::Arc;

use crate::action::{Phase, Step};
use crate::course::ServiceId;
use crate::environment::file::OnFailure;
use crate::moment::Timestamp;
use crate::outcome::{Outcome, Settlement, SkipReason};
use crate::state::{End, Mode, State};
use crate::verdict::Verdict;

impl State {
    pub(super) fn ask(&mut self, id: ServiceId, deadline: Timestamp) {
        self.unassessed.remove(&id);
        if let Some(service) = self.services.get_mut(id.index()) {
            service.mode = Mode::Assessing;
            service.deadline = deadline;
        }
    }

    pub(super) fn assess(&mut self, id: ServiceId, phase: Phase, verdict: &Verdict) {
        match verdict {
            Verdict::Unchanged(_) if phase == Phase::Build => {
                self.failures.remove(&id);
                self.leave_build(id);
            }
            Verdict::Unchanged(_) => {
                self.failures.remove(&id);
                self.end(id, End::Unchanged);
            }
            Verdict::Changed(change) => {
                self.failures.remove(&id);
                let course = Arc::clone(&self.course);
                if let Some(service) = self.services.get_mut(id.index()) {
                    let built = phase == Phase::Build && change.built.is_some();
                    let step = if built { Step::Push } else { service.step };
                    service.assessed = true;
                    service.come_to(step, &course, id);
                }
                self.queue(id);
            }
            Verdict::Failed(failure) => {
                self.failures.insert(id, Arc::new((**failure).clone()));
                self.end(id, End::Failed);
            }
        }
    }

    pub(super) fn start_step(&mut self, id: ServiceId, step: Step, slot: u32, end: Timestamp) {
        let course = Arc::clone(&self.course);
        let Some(service) = self.services.get_mut(id.index()) else {
            return;
        };
        let waited = service.mode == Mode::Ready;
        if !waited {
            service.come_to(step, &course, id);
        }
        service.mode = Mode::Running;
        service.slot = slot;
        service.deadline = end;
        if waited {
            self.unqueue(id);
            self.take_slot(id, step.phase(), slot);
        } else {
            self.pending.remove(&id);
        }
    }

    pub(super) fn end_step(&mut self, id: ServiceId, outcome: &Outcome) {
        let step = self.services.get(id.index()).map(|s| s.step);
        match outcome {
            Outcome::Succeeded(_) => {
                self.failures.remove(&id);
                if step.and_then(|step| self.course.next_step(step)).is_some() {
                    // The slot stays taken: the next step goes on in it.
                    self.end(id, End::Succeeded);
                    return;
                }
                self.free_slot(id);
                if step == Some(Step::Push) {
                    self.leave_build(id);
                } else {
                    self.end(id, End::Succeeded);
                }
            }
            Outcome::Failed(failure) => {
                self.failures.insert(id, Arc::new((**failure).clone()));
                self.free_slot(id);
                self.end(id, End::Failed);
            }
            Outcome::Cancelled { confirmed, .. } => {
                self.free_slot(id);
                let confirmed = *confirmed;
                self.end(id, End::Cancelled { confirmed });
            }
        }
    }

    pub(super) fn back_off(&mut self, id: ServiceId, attempt: u16, until: Timestamp, left: u64) {
        if let Some(service) = self.services.get_mut(id.index()) {
            service.mode = Mode::BackingOff;
            service.attempt = attempt;
            service.left = left;
            service.deadline = until;
        }
        self.pending.remove(&id);
        self.timers.insert((until, id));
    }

    pub(super) fn come_back(&mut self, id: ServiceId) {
        let Some(service) = self.services.get_mut(id.index()) else {
            return;
        };
        self.timers.remove(&(service.deadline, id));
        if service.assessed {
            self.queue(id);
        } else {
            service.mode = Mode::Idle;
            self.unassessed.insert(id);
        }
    }

    pub(super) fn settle(&mut self, id: ServiceId, result: Settlement) {
        let Some(service) = self.services.get(id.index()).copied() else {
            return;
        };
        match service.mode {
            Mode::Ready => self.unqueue(id),
            Mode::BackingOff => {
                self.timers.remove(&(service.deadline, id));
            }
            _ => {}
        }
        self.free_slot(id);
        self.unassessed.remove(&id);
        self.unannounced.remove(&id);
        self.pending.remove(&id);
        if let Some(service) = self.services.get_mut(id.index()) {
            service.mode = Mode::Settled(result);
        }
        self.count(id, service.step.phase(), result);
        self.tell_dependents(id, result);
    }

    fn count(&mut self, id: ServiceId, phase: Phase, result: Settlement) {
        if phase == Phase::Build {
            self.count_built(id);
        }
        let failed = result == Settlement::Failed;
        let mut policy = None;
        if let Some(course) = self.course.service(id)
            && let Some(stage) = self.stages.get_mut(course.stage.index())
        {
            stage.deploy.left -= 1;
            stage.half_mut(phase).failed += u32::from(failed);
            let stopped = matches!(result, Settlement::Skipped(why) if why != SkipReason::Declared);
            stage.stopped += u32::from(stopped);
            policy = self.course.stage(course.stage).map(|s| s.on_failure);
        }
        let counter = match result {
            Settlement::Succeeded => &mut self.tally.succeeded,
            Settlement::Unchanged => &mut self.tally.unchanged,
            Settlement::Skipped(_) => &mut self.tally.skipped,
            Settlement::Failed => &mut self.tally.failed,
            Settlement::Cancelled { .. } => &mut self.tally.cancelled,
        };
        *counter += 1;
        let stops = match policy {
            Some(OnFailure::FailFast) => true,
            Some(OnFailure::FinishStage) => self.cuts_more(id),
            Some(OnFailure::Continue) | None => false,
        };
        if failed && stops && self.halt.is_none() && self.cancel.is_none() {
            self.trigger.get_or_insert(id);
        }
    }

    fn tell_dependents(&mut self, id: ServiceId, result: Settlement) {
        let course = Arc::clone(&self.course);
        let met = course.needs_only_order()
            || matches!(
                result,
                Settlement::Succeeded
                    | Settlement::Unchanged
                    | Settlement::Skipped(SkipReason::Declared)
            );
        for &dependent in course.dependents(id) {
            let Some(service) = self.services.get_mut(dependent.index()) else {
                continue;
            };
            if met {
                service.unmet -= 1;
                if self.may_deploy(dependent) {
                    self.unannounced.remove(&dependent);
                    self.unassessed.insert(dependent);
                }
            } else {
                service.failed_need.get_or_insert(id);
                self.stop_service(dependent);
            }
        }
    }

    /// The image is known: the service comes to the deploy phase.
    fn leave_build(&mut self, id: ServiceId) {
        let course = Arc::clone(&self.course);
        if let Some(service) = self.services.get_mut(id.index()) {
            service.mode = Mode::Idle;
            service.assessed = false;
            let step = course.service(id).map_or(service.step, |s| s.step);
            service.come_to(step, &course, id);
        }
        self.count_built(id);
        self.enter_deploy(id);
    }

    /// What follows is found by the next decision.
    fn end(&mut self, id: ServiceId, end: End) {
        if let Some(service) = self.services.get_mut(id.index()) {
            service.mode = Mode::Ended(end);
        }
        self.pending.insert(id);
    }

    /// A service that neither runs nor is settled will be settled next.
    pub(super) fn stop_service(&mut self, id: ServiceId) {
        if let Some(service) = self.services.get(id.index())
            && !matches!(service.mode, Mode::Running | Mode::Settled(_))
        {
            self.pending.insert(id);
        }
    }
}
