//! Where a deployment is: everything that its facts so far add up to.
//!
//! Only [`apply`](State::apply) changes it, and only by facts, so that a replay of the journal
//! gives the same state. What decisions look for is indexed (ready steps, timers, free slots),
//! so that a decision costs O(log n). Must never hold what only the executor needs.

mod lane;
mod service;
mod stage;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::action::{Phase, Step};
use crate::course::{Course, ServiceId, StageId};
use crate::environment::file::Overlap;
use crate::fact::Barrier;
use crate::failure::Failure;
use crate::moment::Timestamp;
use crate::outcome::{Ending, Settlement, SkipReason};
pub(crate) use lane::Lane;
pub(crate) use service::{End, Mode, Service};
pub(crate) use stage::{Half, Stage, Status};

/// Where a deployment is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    pub(crate) course: Arc<Course>,
    pub(crate) life: Life,
    pub(crate) services: Vec<Service>,
    pub(crate) stages: Vec<Stage>,
    pub(crate) build: Lane,
    pub(crate) deploy: Lane,
    /// Services that something follows for, whatever the time: a settlement, a retry, a push.
    pub(crate) pending: BTreeSet<ServiceId>,
    /// Services whose assessment is to be asked.
    pub(crate) unassessed: BTreeSet<ServiceId>,
    /// Services whose waiting has not been told yet.
    pub(crate) unannounced: BTreeSet<ServiceId>,
    /// Ends of backoffs.
    pub(crate) timers: BTreeSet<(Timestamp, ServiceId)>,
    /// Stages whose build phase is open and done with.
    pub(crate) built: BTreeSet<StageId>,
    /// How many stages have begun or were skipped.
    pub(crate) opened: u32,
    /// How many stages have ended or were skipped.
    pub(crate) closed: u32,
    /// The last failure of services that have not succeeded since.
    pub(crate) failures: BTreeMap<ServiceId, Arc<Failure>>,
    pub(crate) cancel: Option<Cancel>,
    /// Whose failure stopped everything.
    pub(crate) halt: Option<ServiceId>,
    /// Whose failure stopped the stages after its own.
    pub(crate) cut: Option<ServiceId>,
    /// A failure whose policy stops something, which has not been written yet.
    pub(crate) trigger: Option<ServiceId>,
    pub(crate) tally: Tally,
}

/// Has it begun, has it ended?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// No fact yet.
    New,
    /// Begun.
    Running,
    /// Over.
    Ended(Ending),
}

/// A cancel that was requested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cancel {
    /// What has not ended by then is stopped for good.
    pub grace_until: Timestamp,
    /// It is to be, or was, forced.
    pub force: bool,
    /// What runs has been told to stop for good.
    pub forced: bool,
}

/// How many services are settled, by how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// All steps succeeded.
    pub succeeded: u32,
    /// Nothing to do.
    pub unchanged: u32,
    /// Took no part, or not to the end.
    pub skipped: u32,
    /// Failed for good.
    pub failed: u32,
    /// Cancelled.
    pub cancelled: u32,
}

/// A step that has started and not ended: what recovery asks about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Running {
    /// Of which service.
    pub service: ServiceId,
    /// Which step.
    pub step: Step,
    /// Counted from 1.
    pub attempt: u16,
    /// The slot that it holds, counted from 1.
    pub slot: u32,
    /// When to end it by force.
    pub deadline: Timestamp,
}

impl State {
    /// The state before the first fact.
    #[must_use]
    pub fn new(course: Arc<Course>) -> Self {
        let services = (0..course.services().len() as u32)
            .map(|at| Service::new(&course, ServiceId(at)))
            .collect();
        let stages = course
            .stages()
            .iter()
            .map(|s| Stage::new(&course, s))
            .collect();
        Self {
            course,
            life: Life::New,
            services,
            stages,
            build: Lane::default(),
            deploy: Lane::default(),
            pending: BTreeSet::new(),
            unassessed: BTreeSet::new(),
            unannounced: BTreeSet::new(),
            timers: BTreeSet::new(),
            built: BTreeSet::new(),
            opened: 0,
            closed: 0,
            failures: BTreeMap::new(),
            cancel: None,
            halt: None,
            cut: None,
            trigger: None,
            tally: Tally::default(),
        }
    }

    /// What is being done.
    #[must_use]
    pub fn course(&self) -> &Arc<Course> {
        &self.course
    }

    /// Has it begun, has it ended?
    #[must_use]
    pub const fn life(&self) -> Life {
        self.life
    }

    /// The cancel that was requested, if one was.
    #[must_use]
    pub const fn cancel(&self) -> Option<Cancel> {
        self.cancel
    }

    /// How many services are settled, by how.
    #[must_use]
    pub const fn tally(&self) -> Tally {
        self.tally
    }

    /// How the service came out, once it is settled.
    #[must_use]
    pub fn settlement(&self, service: ServiceId) -> Option<Settlement> {
        match self.services.get(service.index())?.mode {
            Mode::Settled(result) => Some(result),
            _ => None,
        }
    }

    /// The last failure of a service that has not succeeded since.
    #[must_use]
    pub fn failure(&self, service: ServiceId) -> Option<&Failure> {
        self.failures.get(&service).map(|failure| &**failure)
    }

    /// When [`Input::Advance`](crate::decide::Input::Advance) is due, if nothing else happens:
    /// the end of a backoff, or of the grace period of a cancel.
    #[must_use]
    pub fn next_timer(&self) -> Option<Timestamp> {
        if matches!(self.life, Life::Ended(_)) {
            return None;
        }
        match self.cancel {
            Some(cancel) if cancel.forced => None,
            Some(cancel) => Some(cancel.grace_until),
            None => self.timers.first().map(|&(at, _)| at),
        }
    }

    /// The steps that have started and not ended, in the order of the course. Takes time in
    /// proportion to the number of services: it is for recovery and status.
    pub fn running(&self) -> impl Iterator<Item = Running> + '_ {
        let running = self
            .services
            .iter()
            .zip(0..)
            .filter(|(s, _)| s.mode == Mode::Running);
        running.map(|(service, at)| Running {
            service: ServiceId(at),
            step: service.step,
            attempt: service.attempt,
            slot: service.slot,
            deadline: service.deadline,
        })
    }

    /// The assessments that were asked and not answered. Takes time in proportion to the
    /// number of services.
    pub fn assessing(&self) -> impl Iterator<Item = (ServiceId, Phase)> + '_ {
        let asked = self
            .services
            .iter()
            .zip(0..)
            .filter(|(s, _)| s.mode == Mode::Assessing);
        asked.map(|(service, at)| (ServiceId(at), service.step.phase()))
    }

    /// How many steps run, in both phases: what this deployment takes of the host's slots.
    #[must_use]
    pub const fn in_use(&self) -> u32 {
        self.build.running + self.deploy.running
    }

    /// What a step has left of its time when it is taken over at `now`, in milliseconds. The
    /// clock may have been set meanwhile, so the answer is at most the whole.
    #[must_use]
    pub fn remaining(&self, service: ServiceId, now: Timestamp) -> u64 {
        let whole = |s: &Service| self.course.service(service).map(|c| c.timeout(s.step));
        self.services
            .get(service.index())
            .map_or(0, |s| s.deadline.since(now).min(whole(s).unwrap_or(0)))
    }

    pub(crate) const fn lane(&self, phase: Phase) -> &Lane {
        match phase {
            Phase::Build => &self.build,
            Phase::Deploy => &self.deploy,
        }
    }

    /// What keeps a stage from beginning, or from opening its deploy phase.
    pub(crate) fn barrier(&self, stage: StageId) -> Option<Barrier> {
        if self.cancel.is_some() {
            return Some(Barrier::Cancelled);
        }
        if let Some(by) = self.halt {
            return Some(Barrier::Halted(by));
        }
        let by = self.cut?;
        let cut = self.course.service(by)?.stage;
        (stage > cut).then_some(Barrier::StageFailed(by))
    }

    /// How a service is settled that neither runs nor may go on; nothing when it may.
    pub(crate) fn stop(&self, id: ServiceId) -> Option<Settlement> {
        let service = self.services.get(id.index())?;
        let course = self.course.service(id)?;
        if course.skipped.is_some() {
            return Some(Settlement::Skipped(SkipReason::Declared));
        }
        match self.barrier(course.stage) {
            Some(Barrier::Cancelled) => return Some(Settlement::Cancelled { confirmed: true }),
            Some(Barrier::Halted(by)) => return Some(Settlement::Skipped(SkipReason::Halted(by))),
            Some(Barrier::StageFailed(by)) => {
                return Some(Settlement::Skipped(SkipReason::StageFailed(by)));
            }
            None => {}
        }
        if let Some(need) = service.failed_need {
            return Some(Settlement::Skipped(SkipReason::NeedFailed(need)));
        }
        let unbuilt = self.course.overlap() == Overlap::None
            && self
                .stages
                .get(course.stage.index())
                .is_some_and(Stage::ended_unbuilt);
        unbuilt.then_some(Settlement::Skipped(SkipReason::StageNotBuilt))
    }

    /// Is it the service's turn in the deploy phase?
    pub(crate) fn may_deploy(&self, id: ServiceId) -> bool {
        let Some(service) = self.services.get(id.index()) else {
            return false;
        };
        let stage = self
            .course
            .service(id)
            .and_then(|s| self.stages.get(s.stage.index()));
        service.mode == Mode::Idle
            && service.step.phase() == Phase::Deploy
            && service.unmet == 0
            && stage.is_some_and(|s| s.deploy.status == Status::Open)
    }
}
