//! What must come of a script, by an independent model that is naive on purpose: it keeps no
//! index and no counter, and looks at every service whenever it wants to know something.

mod actor;

use super::script::{Kind, SEED, Script, failure};
use crate::action::{Action, Phase, Step};
use crate::course::StageSpec;
use crate::environment::file::{OnFailure, Overlap, ServiceType};
use crate::outcome::Ending;
use crate::retry;
use actor::{Actor, At};

/// A step that started: when, whose, which, attempt, slot.
pub(super) type Start = (u64, String, Step, u16, u32);

/// What came of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Story {
    pub(super) starts: Vec<Start>,
    /// Name and how it was settled, in the order of the names.
    pub(super) ends: Vec<(String, &'static str)>,
    pub(super) ending: Ending,
    pub(super) makespan: u64,
}

/// What failed.
enum Trial {
    Assessment,
    Step,
}

#[derive(Clone, Copy)]
enum Event {
    Answer(usize),
    End { who: usize, cancelled: bool },
    Cancel(bool),
}

struct Model<'a> {
    script: &'a Script,
    stages: Vec<&'a StageSpec>,
    actors: Vec<Actor<'a>>,
    events: Vec<(u64, u64, Event)>,
    now: u64,
    count: u64,
    cancel: Option<u64>,
    forced: bool,
    halted: bool,
    cut: Option<usize>,
    starts: Vec<Start>,
}

/// Plays a script.
pub(super) fn play(script: &Script) -> Story {
    let mut model = Model::new(script);
    model.consequences();
    while model.actors.iter().any(|a| !matches!(a.at, At::Done(_))) {
        model.step();
    }
    model.story()
}

impl<'a> Model<'a> {
    fn new(script: &'a Script) -> Self {
        let mut stages: Vec<_> = script.spec.stages.iter().collect();
        let reversed =
            script.spec.reversed || matches!(script.action, Action::Stop | Action::Destroy);
        if reversed {
            stages.reverse();
        }
        let count = stages.len();
        let mut order: Vec<usize> = (0..script.spec.services.len()).collect();
        let stage = |at: usize| {
            let own = script.spec.services[at].stage as usize;
            if reversed { count - 1 - own } else { own }
        };
        order.sort_by_key(|&at| (stage(at), at));
        let place = |at: usize| order.iter().position(|&o| o == at).unwrap();
        let needs_of = |at: usize| -> Vec<usize> {
            if reversed {
                let needs =
                    |other: &usize| script.spec.services[*other].needs.contains(&(at as u32));
                (0..order.len()).filter(needs).map(place).collect()
            } else {
                let needs = &script.spec.services[at].needs;
                needs.iter().map(|&n| place(n as usize)).collect()
            }
        };
        let actors = order.iter().map(|&at| {
            let spec = &script.spec.services[at];
            let mut actor = Actor {
                spec,
                part: &script.parts[at],
                stage: stage(at),
                needs: needs_of(at),
                at: At::Start,
                step: script.action.step(),
                attempt: 1,
                assessed: false,
                failed_in_build: false,
                left: 0,
                deadline: 0,
            };
            let builds = spec.builds && script.action.has_builds();
            actor.go_to(if builds {
                Step::Build
            } else {
                actor.deploy_step(script.action)
            });
            actor
        });
        let mut model = Self {
            script,
            actors: actors.collect(),
            stages,
            events: Vec::new(),
            now: 0,
            count: 0,
            cancel: None,
            forced: false,
            halted: false,
            cut: None,
            starts: Vec::new(),
        };
        if let Some((at, force)) = script.cancel {
            model.promise(at, Event::Cancel(force));
        }
        model
    }

    fn promise(&mut self, at: u64, event: Event) {
        self.count += 1;
        self.events.push((at, self.count, event));
    }

    /// The next thing happens.
    fn step(&mut self) {
        let next = self
            .events
            .iter()
            .enumerate()
            .min_by_key(|(_, e)| (e.0, e.1));
        let next = next.map(|(at, &(time, ..))| (at, time));
        let rests = self.actors.iter().filter_map(|a| match a.at {
            At::Resting { until } => Some(until),
            _ => None,
        });
        let timer = match self.cancel {
            Some(_) if self.forced => None,
            Some(grace) => Some(grace),
            None => rests.min(),
        };
        match (next, timer) {
            (Some((at, time)), timer) if timer.is_none_or(|t| t >= time) => {
                self.now = time;
                let (_, _, event) = self.events.remove(at);
                self.happen(event);
            }
            (_, Some(timer)) => self.now = self.now.max(timer),
            (_, None) => panic!("the model stands still"),
        }
        self.consequences();
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Cancel(force) => {
                self.cancel = Some(if force { self.now } else { self.now + 30 });
                self.stop_running(false);
            }
            Event::Answer(who) => {
                if self.actors[who].at == At::Asked {
                    self.answer(who);
                }
            }
            Event::End { who, cancelled } => self.end(who, cancelled),
        }
    }

    /// Running steps are told to end; what would end earlier by itself does.
    fn stop_running(&mut self, at_once: bool) {
        for who in 0..self.actors.len() {
            if !matches!(self.actors[who].at, At::Running { .. }) {
                continue;
            }
            let mine = |e: &Event| matches!(e, Event::End { who: w, .. } if *w == who);
            let due = self.events.iter().find(|(_, _, e)| mine(e)).unwrap().0;
            let at = self.now
                + if at_once {
                    0
                } else {
                    self.actors[who].part.wind_down
                };
            if at < due {
                self.events.retain(|(_, _, e)| !mine(e));
                let cancelled = true;
                self.promise(at, Event::End { who, cancelled });
            }
        }
    }

    fn answer(&mut self, who: usize) {
        let action = self.script.action;
        let actor = &mut self.actors[who];
        let phase = actor.step.phase();
        let judgement = actor.part.judgement(phase);
        if actor.attempt <= judgement.failures {
            self.fail(who, Trial::Assessment);
            return;
        }
        match judgement.kind {
            Kind::Unchanged if phase == Phase::Build => {
                actor.go_to(actor.deploy_step(action));
                actor.at = At::Start;
            }
            Kind::Unchanged => self.finish(who, "unchanged"),
            kind => {
                let pushes = kind == Kind::Built && phase == Phase::Build;
                let step = if pushes { Step::Push } else { actor.step };
                actor.go_to(step);
                actor.assessed = true;
                actor.at = At::Ready;
            }
        }
    }

    fn end(&mut self, who: usize, cancelled: bool) {
        let step = self.actors[who].step;
        let At::Running { slot } = self.actors[who].at else {
            panic!("{who} does not run");
        };
        if cancelled {
            self.finish(who, "cancelled");
        } else if self.actors[who].attempt <= self.actors[who].part.play(step).failures {
            self.fail(who, Trial::Step);
        } else if let Some(next) = self.goes_on(step) {
            if self.why_stop(who).is_none() {
                self.actors[who].go_to(next);
                self.actors[who].assessed = true;
                self.start(who, slot);
            } else {
                self.actors[who].at = At::Ready;
            }
        } else if step == Step::Push {
            let deploy = self.actors[who].deploy_step(self.script.action);
            self.actors[who].go_to(deploy);
            self.actors[who].at = At::Start;
        } else {
            self.finish(who, "succeeded");
        }
    }

    /// What is done in the same slot afterwards.
    fn goes_on(&self, step: Step) -> Option<Step> {
        match step {
            Step::Build => Some(Step::Push),
            Step::Deploy if self.script.action == Action::Destroy => Some(Step::Destroy),
            _ => None,
        }
    }

    fn fail(&mut self, who: usize, what: Trial) {
        let stopped = self.why_stop(who).is_some();
        let now = self.now;
        let actor = &mut self.actors[who];
        let runs_job = actor.step.phase() == Phase::Deploy
            && !matches!(actor.step, Step::Stop | Step::Destroy);
        let job = actor.spec.kind == ServiceType::Job && runs_job && !actor.spec.idempotent;
        let (hint, barred) = match what {
            Trial::Assessment => (crate::failure::Retry::Later, false),
            Trial::Step => (actor.part.play(actor.step).retry, job),
        };
        let random = retry::draw(SEED, who as u32, actor.attempt);
        let pause = retry::backoff(actor.spec.retry, &failure(hint), actor.attempt, random);
        let left = actor.deadline.saturating_sub(now).min(actor.timeout());
        match pause {
            Some(pause) if !stopped && !barred && pause < left => {
                actor.attempt += 1;
                actor.left = left - pause;
                actor.at = At::Resting { until: now + pause };
            }
            _ => self.finish(who, "failed"),
        }
    }

    fn finish(&mut self, who: usize, how: &'static str) {
        let stage = self.actors[who].stage;
        let actor = &mut self.actors[who];
        actor.at = At::Done(how);
        actor.failed_in_build = how == "failed" && actor.step.phase() == Phase::Build;
        if how == "failed" && self.cancel.is_none() && self.script.action != Action::Destroy {
            match self.stages[stage].on_failure {
                OnFailure::FailFast => self.halted = true,
                OnFailure::FinishStage if !self.halted => {
                    self.cut = Some(self.cut.map_or(stage, |cut| cut.min(stage)));
                }
                _ => {}
            }
        }
    }

    fn start(&mut self, who: usize, slot: u32) {
        let now = self.now;
        let actor = &mut self.actors[who];
        actor.at = At::Running { slot };
        actor.deadline = now + actor.left;
        let (name, step) = (actor.spec.name.clone(), actor.step);
        let ends = now + actor.part.play(step).takes;
        self.starts.push((now, name, step, actor.attempt, slot));
        let cancelled = false;
        self.promise(ends, Event::End { who, cancelled });
    }

    /// All that follows, until nothing more does.
    fn consequences(&mut self) {
        if self.cancel.is_some_and(|grace| grace <= self.now) && !self.forced {
            let running = |a: &Actor<'_>| matches!(a.at, At::Running { .. });
            if self.actors.iter().any(running) {
                self.forced = true;
                self.stop_running(true);
            }
        }
        while self.settle_one() {}
        for actor in &mut self.actors {
            if matches!(actor.at, At::Resting { until } if until <= self.now) {
                actor.at = if actor.assessed { At::Ready } else { At::Start };
            }
        }
        for who in 0..self.actors.len() {
            if self.actors[who].at == At::Start && self.has_turn(who) {
                let actor = &mut self.actors[who];
                actor.at = At::Asked;
                actor.deadline = self.now + actor.left;
                let takes = actor.part.judgement(actor.step.phase()).takes;
                self.promise(self.now + takes, Event::Answer(who));
            }
        }
        while let Some((who, slot)) = self.startable() {
            self.start(who, slot);
        }
    }

    fn settle_one(&mut self) -> bool {
        for who in 0..self.actors.len() {
            if matches!(self.actors[who].at, At::Running { .. } | At::Done(_)) {
                continue;
            }
            if let Some(how) = self.why_stop(who) {
                let tired = matches!(self.actors[who].at, At::Resting { .. });
                let how = if tired && self.cancel.is_none() {
                    "failed"
                } else {
                    how
                };
                self.finish(who, how);
                return true;
            }
        }
        false
    }

    fn why_stop(&self, who: usize) -> Option<&'static str> {
        let actor = &self.actors[who];
        let declared = actor.spec.skipped.is_some() && self.script.action != Action::Destroy;
        if declared || actor.has_nothing_to_do(self.script.action) {
            return Some("declared");
        }
        if self.cancel.is_some() {
            return Some("cancelled");
        }
        if self.halted {
            return Some("halted");
        }
        if self.cut.is_some_and(|cut| actor.stage > cut) {
            return Some("stage-failed");
        }
        if actor.needs.iter().any(|&need| self.is_down(need)) {
            return Some("need-failed");
        }
        let unbuilt = self.script.spec.overlap == Overlap::None
            && self.is_built(actor.stage)
            && self.of_stage(actor.stage).any(|a| a.failed_in_build);
        unbuilt.then_some("stage-not-built")
    }

    fn is_down(&self, who: usize) -> bool {
        let met = |how| matches!(how, "succeeded" | "unchanged" | "declared");
        let destroys = self.script.action == Action::Destroy;
        matches!(self.actors[who].at, At::Done(how) if !met(how) && !destroys)
    }

    fn is_done(&self, who: usize) -> bool {
        matches!(self.actors[who].at, At::Done(_))
    }

    fn of_stage(&self, stage: usize) -> impl Iterator<Item = &Actor<'a>> {
        self.actors.iter().filter(move |a| a.stage == stage)
    }

    /// Nothing of the stage is still to be built.
    fn is_built(&self, stage: usize) -> bool {
        let open = |a: &Actor<'_>| a.step.phase() == Phase::Build && !matches!(a.at, At::Done(_));
        !self.of_stage(stage).any(open)
    }

    /// All stages before are settled.
    fn is_reached(&self, stage: usize) -> bool {
        let before = self.actors.iter().filter(|a| a.stage < stage);
        before.into_iter().all(|a| matches!(a.at, At::Done(_)))
    }

    fn has_turn(&self, who: usize) -> bool {
        let actor = &self.actors[who];
        let reached = self.is_reached(actor.stage);
        let overlap = self.script.spec.overlap;
        if actor.step.phase() == Phase::Build {
            return reached || overlap == Overlap::AcrossStages;
        }
        let built = overlap != Overlap::None || self.is_built(actor.stage);
        reached && built && actor.needs.iter().all(|&need| self.is_done(need))
    }

    fn slots_of(&self, phase: Phase, stage: Option<usize>) -> Vec<u32> {
        let of_stage = |a: &&Actor<'_>| stage.is_none_or(|s| a.stage == s);
        let here = self
            .actors
            .iter()
            .filter(of_stage)
            .filter(|a| a.step.phase() == phase);
        let slot = |a: &Actor<'_>| match a.at {
            At::Running { slot } => Some(slot),
            _ => None,
        };
        here.filter_map(slot).collect()
    }

    fn limit(&self, phase: Phase, stage: usize) -> u32 {
        match phase {
            Phase::Build => self.stages[stage].build_limit,
            Phase::Deploy => self.stages[stage].deploy_limit,
        }
    }

    /// The first service that waits for a slot and may have one, and the lowest free number.
    fn startable(&self) -> Option<(usize, u32)> {
        let all = |phase| self.slots_of(phase, None).len() as u32;
        if all(Phase::Build) + all(Phase::Deploy) >= self.script.host_slots {
            return None;
        }
        self.actors.iter().enumerate().find_map(|(who, actor)| {
            let phase = actor.step.phase();
            let busy = |stage| self.slots_of(phase, Some(stage)).len() as u32;
            if actor.at != At::Ready || busy(actor.stage) >= self.limit(phase, actor.stage) {
                return None;
            }
            let open = (0..self.stages.len()).filter(|&s| match phase {
                Phase::Build => !self.is_built(s),
                Phase::Deploy => s == actor.stage,
            });
            let most = open.map(|s| self.limit(phase, s)).max().unwrap_or(0);
            let most = match self.script.spec.overlap {
                Overlap::AcrossStages => most,
                _ => self.limit(phase, actor.stage),
            };
            let taken = self.slots_of(phase, None);
            if taken.len() as u32 >= most {
                return None;
            }
            let slot = (1..).find(|slot| !taken.contains(slot)).unwrap();
            Some((who, slot))
        })
    }

    fn story(self) -> Story {
        let failed = self.actors.iter().any(|a| a.at == At::Done("failed"));
        let ending = match (self.cancel, failed) {
            (Some(_), _) => Ending::Cancelled,
            (None, true) => Ending::Failed,
            (None, false) => Ending::Succeeded,
        };
        let end = |a: &Actor<'_>| match a.at {
            At::Done(how) => (a.spec.name.clone(), how),
            other => panic!("{} is {other:?}", a.spec.name),
        };
        let mut ends: Vec<_> = self.actors.iter().map(end).collect();
        ends.sort();
        Story {
            starts: self.starts,
            ends,
            ending,
            makespan: self.now,
        }
    }
}
