//! Folding what happens to stages and phases, and to the slots that they share.

use crate::action::Phase;
use crate::course::{ServiceId, StageId};
use crate::environment::file::Overlap;
use crate::fact::Scope;
use crate::state::{Lane, Life, Mode, Stage, State, Status};

impl State {
    pub(super) fn begin(&mut self) {
        self.life = Life::Running;
        for (service, id) in self.course.services().iter().zip(0..) {
            if service.skipped.is_some() {
                self.pending.insert(ServiceId(id));
            }
        }
    }

    pub(super) fn start_stage(&mut self, id: StageId) {
        self.opened += 1;
        if let Some(stage) = self.stages.get_mut(id.index()) {
            stage.status = Status::Open;
        }
    }

    pub(super) fn end_stage(&mut self, id: StageId) {
        self.closed += 1;
        if let Some(stage) = self.stages.get_mut(id.index()) {
            stage.status = Status::Ended;
        }
    }

    pub(super) fn skip_stage(&mut self, id: StageId) {
        self.opened += 1;
        self.end_stage(id);
    }

    pub(super) fn start_phase(&mut self, id: StageId, phase: Phase) {
        let (Some(stage), Some(course)) = (self.stages.get_mut(id.index()), self.course.stage(id))
        else {
            return;
        };
        let half = stage.half_mut(phase);
        half.status = Status::Open;
        let (done, services) = (half.left == 0, course.services.clone());
        let limit = course.limit(phase);
        self.lane_mut(phase).open(limit);
        if phase == Phase::Build && done {
            self.built.insert(id);
        }
        for service in services.map(ServiceId) {
            match phase {
                Phase::Build => self.enter_build(service),
                Phase::Deploy => self.enter_deploy(service),
            }
        }
    }

    pub(super) fn end_phase(&mut self, id: StageId, phase: Phase) {
        let (Some(stage), Some(course)) = (self.stages.get_mut(id.index()), self.course.stage(id))
        else {
            return;
        };
        stage.half_mut(phase).status = Status::Ended;
        let unbuilt = phase == Phase::Build && stage.ended_unbuilt();
        let (services, limit) = (course.services.clone(), course.limit(phase));
        self.lane_mut(phase).close(limit);
        self.built.remove(&id);
        if unbuilt && self.course.overlap() == Overlap::None {
            for service in services.map(ServiceId) {
                self.stop_service(service);
            }
        }
    }

    pub(super) fn halt(&mut self, by: ServiceId, scope: Scope) {
        self.trigger = None;
        match scope {
            Scope::Deployment => {
                self.halt = Some(by);
                self.stop_from(0);
            }
            Scope::LaterStages => {
                self.cut = Some(by);
                let stage = self
                    .course
                    .service(by)
                    .and_then(|s| self.course.stage(s.stage));
                if let Some(stage) = stage {
                    let after = stage.services.end;
                    self.stop_from(after);
                }
            }
        }
    }

    /// Services from this one on that neither run nor are settled will be settled next.
    pub(super) fn stop_from(&mut self, first: u32) {
        for id in first..self.services.len() as u32 {
            self.stop_service(ServiceId(id));
        }
    }

    /// Would a `finish-stage` failure of this service stop stages that are not stopped yet?
    pub(super) fn cuts_more(&self, by: ServiceId) -> bool {
        let stage = |id| {
            self.course
                .service(id)
                .map(|s: &crate::course::ServiceCourse| s.stage)
        };
        let Some(own) = stage(by) else {
            return false;
        };
        let is_last = own.index() + 1 == self.stages.len();
        let cut_before = self.cut.and_then(stage).is_some_and(|cut| cut <= own);
        !is_last && !cut_before
    }

    /// The service is built, or settled before it was.
    pub(super) fn count_built(&mut self, id: ServiceId) {
        let Some(id) = self.course.service(id).map(|s| s.stage) else {
            return;
        };
        if let Some(stage) = self.stages.get_mut(id.index()) {
            stage.build.left -= 1;
            if stage.build.left == 0 && stage.build.status == Status::Open {
                self.built.insert(id);
            }
        }
    }

    fn enter_build(&mut self, id: ServiceId) {
        if let Some(service) = self.services.get(id.index())
            && service.mode == Mode::Idle
            && service.step.phase() == Phase::Build
        {
            self.unassessed.insert(id);
        }
    }

    /// The deploy phase has opened, or the service has come to it.
    pub(super) fn enter_deploy(&mut self, id: ServiceId) {
        let Some(service) = self.services.get(id.index()) else {
            return;
        };
        if service.mode != Mode::Idle || service.step.phase() != Phase::Deploy {
            return;
        }
        if self.stop(id).is_some() {
            self.pending.insert(id);
        } else if self.may_deploy(id) {
            self.unassessed.insert(id);
        } else if self
            .stage_of(id)
            .is_some_and(|s| s.deploy.status == Status::Open)
        {
            self.unannounced.insert(id);
        }
    }

    /// The step waits for a slot.
    pub(super) fn queue(&mut self, id: ServiceId) {
        if let Some(service) = self.services.get_mut(id.index()) {
            service.mode = Mode::Ready;
        }
        self.unannounced.insert(id);
        self.in_half(id, |half| {
            half.ready.insert(id);
        });
    }

    /// The step waits for a slot no longer.
    pub(super) fn unqueue(&mut self, id: ServiceId) {
        self.unannounced.remove(&id);
        self.in_half(id, |half| {
            half.ready.remove(&id);
        });
    }

    pub(super) fn take_slot(&mut self, id: ServiceId, phase: Phase, slot: u32) {
        self.lane_mut(phase).take(slot);
        self.in_half(id, |half| half.running += 1);
    }

    /// Gives back the slot that the service holds, if it holds one.
    pub(super) fn free_slot(&mut self, id: ServiceId) {
        let Some(service) = self.services.get_mut(id.index()) else {
            return;
        };
        let slot = std::mem::take(&mut service.slot);
        if slot > 0 {
            let phase = service.step.phase();
            self.lane_mut(phase).release(slot);
            self.in_half(id, |half| half.running -= 1);
        }
    }

    /// Changes the phase that the service is in, and keeps the index of startable stages.
    fn in_half(&mut self, id: ServiceId, change: impl FnOnce(&mut crate::state::Half)) {
        let Some(phase) = self.services.get(id.index()).map(|s| s.step.phase()) else {
            return;
        };
        let Some(at) = self.course.service(id).map(|s| s.stage) else {
            return;
        };
        let limit = self.course.stage(at).map_or(0, |s| s.limit(phase));
        let Some(stage) = self.stages.get_mut(at.index()) else {
            return;
        };
        let half = stage.half_mut(phase);
        change(half);
        let startable = half.running < limit && !half.ready.is_empty();
        let lane = match phase {
            Phase::Build => &mut self.build,
            Phase::Deploy => &mut self.deploy,
        };
        if startable {
            lane.startable.insert(at);
        } else {
            lane.startable.remove(&at);
        }
    }

    fn stage_of(&self, id: ServiceId) -> Option<&Stage> {
        let stage = self.course.service(id)?.stage;
        self.stages.get(stage.index())
    }

    fn lane_mut(&mut self, phase: Phase) -> &mut Lane {
        match phase {
            Phase::Build => &mut self.build,
            Phase::Deploy => &mut self.deploy,
        }
    }
}
