//! Holds a trace against the promises of the design, without the state that made it.

use std::collections::{BTreeMap, BTreeSet};

use crate::action::{Action, Phase, Step};
use crate::course::{Course, ServiceId, StageId};
use crate::environment::file::Overlap;
use crate::fact::{Fact, Scope};
use crate::moment::Timestamp;
use crate::outcome::{Outcome, Settlement, SkipReason};
use crate::verdict::Verdict;

/// A broken promise: a word for it, and the particulars.
pub(super) type Broken = (&'static str, String);

pub(super) type Trace = Vec<(Timestamp, Fact)>;

struct Checker<'a> {
    course: &'a Course,
    host_slots: u32,
    now: Timestamp,
    /// Who holds which slot.
    held: BTreeMap<(Phase, u32), ServiceId>,
    ready: BTreeMap<ServiceId, Step>,
    started: BTreeSet<(ServiceId, Step, u16)>,
    running: BTreeMap<ServiceId, (Step, u16)>,
    built: BTreeSet<ServiceId>,
    settled: BTreeMap<ServiceId, Settlement>,
    open: BTreeSet<(StageId, Phase)>,
    assessed: BTreeSet<(ServiceId, Phase)>,
    stepping: BTreeMap<ServiceId, Step>,
    not_before: BTreeMap<ServiceId, Timestamp>,
    stopped: Option<u32>,
    cancelled: bool,
    over: bool,
}

/// The first promise that the trace breaks, if any.
pub(super) fn check(course: &Course, host_slots: u32, trace: &Trace) -> Result<(), Broken> {
    let mut checker = Checker {
        course,
        host_slots,
        now: Timestamp(0),
        held: BTreeMap::new(),
        ready: BTreeMap::new(),
        started: BTreeSet::new(),
        running: BTreeMap::new(),
        built: BTreeSet::new(),
        settled: BTreeMap::new(),
        open: BTreeSet::new(),
        assessed: BTreeSet::new(),
        stepping: BTreeMap::new(),
        not_before: BTreeMap::new(),
        stopped: None,
        cancelled: false,
        over: false,
    };
    for (at, fact) in trace {
        if checker.now != *at {
            checker.no_idle_slot()?;
            checker.now = *at;
        }
        checker.see(fact)?;
    }
    ensure(checker.over, "ends", || {
        "the last fact is not the end".into()
    })
}

fn ensure(holds: bool, promise: &'static str, say: impl FnOnce() -> String) -> Result<(), Broken> {
    if holds { Ok(()) } else { Err((promise, say())) }
}

impl Checker<'_> {
    fn see(&mut self, fact: &Fact) -> Result<(), Broken> {
        ensure(!self.over, "ends", || format!("{fact:?} after the end"))?;
        match fact {
            Fact::PhaseStarted { stage, phase } => {
                if *phase == Phase::Deploy || self.course.overlap() != Overlap::AcrossStages {
                    self.earlier_settled(*stage, "a phase opened")?;
                }
                self.open.insert((*stage, *phase));
            }
            Fact::PhaseEnded { stage, phase, .. } => {
                self.open.remove(&(*stage, *phase));
            }
            Fact::StageEnded { stage, .. } => {
                self.earlier_settled(StageId(stage.0 + 1), "a stage ended")?;
            }
            Fact::ServiceAssessed {
                service,
                phase,
                verdict,
            } => self.assessed(*service, *phase, verdict),
            Fact::StepStarted {
                service,
                step,
                attempt,
                slot,
                deadline,
            } => {
                self.start(*service, *step, *attempt, *slot)?;
                let whole = self.course.service(*service).unwrap().timeout(*step);
                let fits = deadline.since(self.now) <= whole;
                ensure(fits, "deadline", || format!("{fact:?} at {}", self.now.0))?;
            }
            Fact::StepEnded {
                service,
                step,
                attempt,
                outcome,
            } => self.end(*service, *step, *attempt, outcome)?,
            Fact::RetryScheduled { service, until, .. } => {
                ensure(!self.cancelled, "cancel", || format!("{fact:?}"))?;
                self.not_before.insert(*service, *until);
            }
            Fact::BackoffEnded { service } => {
                let due = self.not_before.remove(service);
                let waited = due.is_some_and(|due| due <= self.now);
                ensure(waited, "backoff", || format!("{fact:?} at {}", self.now.0))?;
                let step = self.stepping[service];
                if self.assessed.contains(&(*service, step.phase())) {
                    self.ready.insert(*service, step);
                }
            }
            Fact::ServiceSettled { service, result } => {
                self.ready.remove(service);
                self.held.retain(|_, holder| holder != service);
                let again = self.settled.insert(*service, *result).is_some();
                let wrong = again || self.running.contains_key(service);
                ensure(!wrong, "settles once", || format!("{fact:?}"))?;
            }
            Fact::Halted { by, scope } => {
                let stage = self.course.service(*by).unwrap().stage.0;
                let after = match scope {
                    Scope::Deployment => 0,
                    Scope::LaterStages => stage + 1,
                };
                self.stopped = Some(self.stopped.map_or(after, |s| s.min(after)));
            }
            Fact::CancelRequested { .. } => self.cancelled = true,
            Fact::DeploymentEnded { .. } => {
                let all = self.settled.len() == self.course.services().len();
                ensure(all, "ends", || "services are left".into())?;
                self.over = true;
            }
            _ => {}
        }
        Ok(())
    }

    fn assessed(&mut self, service: ServiceId, phase: Phase, verdict: &Verdict) {
        let action = self.course.service(service).unwrap().step;
        let (step, changed) = match (phase, verdict) {
            (Phase::Build, Verdict::Changed(c)) if c.built.is_some() => (Step::Push, true),
            (Phase::Build, verdict) => (Step::Build, matches!(verdict, Verdict::Changed(_))),
            (Phase::Deploy, verdict) => (action, matches!(verdict, Verdict::Changed(_))),
        };
        self.stepping.insert(service, step);
        if changed {
            self.assessed.insert((service, phase));
            self.ready.insert(service, step);
        } else if phase == Phase::Build && matches!(verdict, Verdict::Unchanged(_)) {
            self.built.insert(service);
        }
    }

    fn start(
        &mut self,
        service: ServiceId,
        step: Step,
        attempt: u16,
        slot: u32,
    ) -> Result<(), Broken> {
        let phase = step.phase();
        let what = || format!("service {} {step} attempt {attempt} slot {slot}", service.0);
        let first = self.started.insert((service, step, attempt));
        let follows = attempt == 1 || self.started.contains(&(service, step, attempt - 1));
        ensure(first && follows, "once per attempt", what)?;
        ensure(!self.cancelled, "cancel", what)?;
        let stage = self.course.service(service).unwrap().stage;
        let stops = self.stopped.is_some_and(|from| stage.0 >= from);
        ensure(!stops, "halt", what)?;
        let done = self.settled.contains_key(&service) || self.running.contains_key(&service);
        ensure(!done, "once per attempt", what)?;
        self.in_order(service, step)?;
        let second = match step {
            Step::Push => true,
            Step::Destroy => self.course.action() == Action::Destroy,
            _ => false,
        };
        let goes_on = second && self.held.get(&(phase, slot)) == Some(&service);
        let waited = self.ready.remove(&service) == Some(step);
        ensure(waited || goes_on, "order", what)?;
        if !goes_on {
            let before = self.ready.first_key_value().map(|(&id, _)| id);
            let leapt = before.is_some_and(|id| id < service && self.could_start(id));
            ensure(!leapt, "order", || {
                format!("{} leapt over {before:?}", what())
            })?;
            let taken = self.held.insert((phase, slot), service);
            ensure(taken.is_none(), "limit", || {
                format!("{}: {taken:?} holds it", what())
            })?;
            self.within_limits(phase, what)?;
        }
        self.stepping.insert(service, step);
        self.running.insert(service, (step, attempt));
        Ok(())
    }

    /// Looked at when a slot is taken. A push that goes on in the slot of its build takes none,
    /// even if the largest limit has meanwhile become smaller.
    fn within_limits(&self, phase: Phase, what: impl Fn() -> String) -> Result<(), Broken> {
        for (at, stage) in self.course.stages().iter().enumerate() {
            let count = self.holders(phase, Some(StageId(at as u32)));
            ensure(count <= stage.limit(phase), "limit", &what)?;
        }
        ensure(
            self.holders(phase, None) <= self.largest(phase),
            "limit",
            &what,
        )?;
        let total = self.held.len() as u32;
        ensure(total <= self.host_slots, "limit", &what)
    }

    /// What must be settled before a step starts.
    fn in_order(&self, service: ServiceId, step: Step) -> Result<(), Broken> {
        let own = self.course.service(service).unwrap().stage;
        let overlap = self.course.overlap();
        if step.phase() == Phase::Deploy || overlap != Overlap::AcrossStages {
            self.earlier_settled(own, "a step started")?;
        }
        if step.phase() == Phase::Build {
            return Ok(());
        }
        let services = self.course.stages()[own.index()].services.clone();
        let of_stage = services.map(ServiceId);
        let unbuilt = |id: &ServiceId| {
            let course = self.course.service(*id).unwrap();
            let apart = self
                .settled
                .get(id)
                .is_some_and(|r| *r != Settlement::Failed);
            course.builds && !self.built.contains(id) && !apart
        };
        let missing = match overlap {
            Overlap::None => of_stage.clone().find(unbuilt),
            _ => Some(service).filter(unbuilt),
        };
        let none = missing.is_none();
        ensure(none, "builds first", || {
            format!("{} before {missing:?}", service.0)
        })?;
        for need in self.course.needs(service) {
            let result = self.settled.get(need);
            let met = match result {
                None => false,
                Some(Settlement::Succeeded | Settlement::Unchanged) => true,
                Some(Settlement::Skipped(SkipReason::Declared)) => true,
                Some(_) => self.course.action().is_thorough(),
            };
            ensure(met, "needs", || format!("{} before {}", service.0, need.0))?;
        }
        Ok(())
    }

    fn end(
        &mut self,
        service: ServiceId,
        step: Step,
        attempt: u16,
        outcome: &Outcome,
    ) -> Result<(), Broken> {
        let ran = self.running.remove(&service) == Some((step, attempt));
        let what = || format!("service {} {step} {attempt}", service.0);
        ensure(ran, "once per attempt", what)?;
        let succeeded = matches!(outcome, Outcome::Succeeded(_));
        let runs_last = step == Step::Deploy && self.course.action() == Action::Destroy;
        if !((step == Step::Build || runs_last) && succeeded) {
            self.held.retain(|_, holder| *holder != service);
        }
        if step == Step::Push && succeeded {
            self.built.insert(service);
        }
        Ok(())
    }

    fn earlier_settled(&self, stage: StageId, what: &str) -> Result<(), Broken> {
        let mut ids = (0..self.course.services().len() as u32).map(ServiceId);
        let left = ids.find(|id| {
            let earlier = self.course.service(*id).unwrap().stage < stage;
            earlier && !self.settled.contains_key(id)
        });
        ensure(left.is_none(), "stage order", || {
            format!("{what} in stage {} before {left:?} was settled", stage.0)
        })
    }

    fn holders(&self, phase: Phase, stage: Option<StageId>) -> u32 {
        let of_stage = |id: &ServiceId| {
            stage.is_none_or(|stage| self.course.service(*id).unwrap().stage == stage)
        };
        let held = self
            .held
            .iter()
            .filter(|((p, _), id)| *p == phase && of_stage(id));
        held.count() as u32
    }

    fn largest(&self, phase: Phase) -> u32 {
        let open = self.open.iter().filter(|(_, p)| *p == phase);
        let limit = |stage: &StageId| self.course.stage(*stage).unwrap().limit(phase);
        open.map(|(stage, _)| limit(stage)).max().unwrap_or(0)
    }

    fn could_start(&self, id: ServiceId) -> bool {
        let phase = self.ready[&id].phase();
        let stage = self.course.service(id).unwrap().stage;
        let limit = self.course.stage(stage).unwrap().limit(phase);
        self.holders(phase, Some(stage)) < limit
            && self.holders(phase, None) < self.largest(phase)
            && (self.held.len() as u32) < self.host_slots
    }

    /// Time goes on: nothing that could run may be waiting.
    fn no_idle_slot(&self) -> Result<(), Broken> {
        let idle = self.ready.keys().find(|id| self.could_start(**id));
        ensure(idle.is_none(), "no idle slot", || {
            format!("{idle:?} waits at {} beside a free slot", self.now.0)
        })
    }
}
