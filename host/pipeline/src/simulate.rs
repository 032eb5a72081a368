//! Deployments without a world: the same core, driven over made-up durations and outcomes.
//!
//! For estimates, for tests, and to see that a schedule is as short as it can be. It calls
//! [`advance`] exactly as the executor does. Must never schedule anything by itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::action::{Phase, Step};
use crate::course::{Course, ServiceId};
use crate::decide::{Input, advance};
use crate::fact::Fact;
use crate::illegal::Illegal;
use crate::moment::{Moment, Timestamp};
use crate::outcome::{Ending, Outcome};
use crate::state::{Life, State};
use crate::verdict::Verdict;

/// What takes how long, and comes out how. Any `FnMut(ServiceId, Step, u16) -> (u64, Outcome)`
/// is one in which everything is to be done.
pub trait World {
    /// Milliseconds and outcome of an attempt (counted from 1) of a step.
    fn attempt(&mut self, service: ServiceId, step: Step, attempt: u16) -> (u64, Outcome);

    /// Milliseconds and answer of an assessment (attempts counted from 1).
    fn assess(&mut self, _: ServiceId, _: Phase, _attempt: u16) -> (u64, Verdict) {
        (0, Verdict::changed("simulated"))
    }

    /// Milliseconds from the request of a cancel until a running step has stopped; a step that
    /// would have ended before ends as it would have.
    fn wind_down(&mut self, _: ServiceId, _: Step) -> u64 {
        0
    }
}

impl<F: FnMut(ServiceId, Step, u16) -> (u64, Outcome)> World for F {
    fn attempt(&mut self, service: ServiceId, step: Step, attempt: u16) -> (u64, Outcome) {
        self(service, step, attempt)
    }
}

/// What a simulation is given beside the course and the world.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How many steps the host lets the deployment run at once.
    pub host_slots: u32,
    /// Where the jitter comes from.
    pub seed: u64,
    /// A cancel at this many milliseconds from the start, forced or not.
    pub cancel: Option<(u64, bool)>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            host_slots: u32::MAX,
            seed: 0,
            cancel: None,
        }
    }
}

/// How a simulation went.
#[derive(Clone, Debug)]
pub struct Report {
    /// Milliseconds from the first fact to the last.
    pub makespan: u64,
    /// How many facts there were.
    pub facts: u64,
    /// How the deployment ended.
    pub ending: Ending,
    /// The last state.
    pub state: State,
}

/// A simulation that did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum SimulationError {
    /// The core refused an input.
    #[error(transparent)]
    Illegal(#[from] Illegal),
    /// The deployment has not ended, and neither what runs nor what is due brings it further:
    /// for want of host slots.
    #[error("the deployment stands still at {0} ms; give the host at least one slot")]
    Stuck(u64),
}

/// Runs a deployment to its end. `watch` sees every fact and when it was decided; time starts
/// at 0.
///
/// # Errors
/// When the deployment stands still, which it does only if the host has no slots.
pub fn simulate(
    course: Arc<Course>,
    world: &mut impl World,
    settings: Settings,
    watch: impl FnMut(Timestamp, &Fact),
) -> Result<Report, SimulationError> {
    simulate_by(advance, course, world, settings, watch)
}

/// As [`simulate`], with another way to advance: a check of the checks.
pub(crate) fn simulate_by(
    mut advance: impl FnMut(&mut State, &Moment, Input) -> Result<Vec<Fact>, Illegal>,
    course: Arc<Course>,
    world: &mut impl World,
    settings: Settings,
    mut watch: impl FnMut(Timestamp, &Fact),
) -> Result<Report, SimulationError> {
    let mut run = Run {
        state: State::new(course),
        agenda: BTreeMap::new(),
        awaited: BTreeMap::new(),
        sequence: 0,
        now: Timestamp(0),
    };
    run.put(Timestamp(0), Input::Begin);
    if let Some((at, force)) = settings.cancel {
        run.put(Timestamp(at), Input::Cancel { force });
    }
    let mut count = 0;
    loop {
        let input = run.next()?;
        let moment = Moment {
            now: run.now,
            random: settings.seed,
            host_slots: settings.host_slots,
        };
        let was_due = input == Input::Advance;
        let facts = advance(&mut run.state, &moment, input)?;
        if was_due && facts.is_empty() {
            return Err(SimulationError::Stuck(run.now.0));
        }
        for fact in facts {
            count += 1;
            watch(run.now, &fact);
            run.perform(world, &fact);
        }
        if let Life::Ended(ending) = run.state.life() {
            return Ok(Report {
                makespan: run.now.0,
                facts: count,
                ending,
                state: run.state,
            });
        }
    }
}

struct Run {
    state: State,
    /// What will happen, in order of time and then of promise.
    agenda: BTreeMap<(Timestamp, u64), Input>,
    /// Where on the agenda a service's answer stands.
    awaited: BTreeMap<ServiceId, (Timestamp, u64)>,
    sequence: u64,
    now: Timestamp,
}

impl Run {
    fn put(&mut self, at: Timestamp, input: Input) -> (Timestamp, u64) {
        self.sequence += 1;
        let key = (at, self.sequence);
        self.agenda.insert(key, input);
        key
    }

    /// The next thing that happens; time jumps to it.
    fn next(&mut self) -> Result<Input, SimulationError> {
        let timer = self.state.next_timer();
        if let Some(due) = timer
            && self
                .agenda
                .first_key_value()
                .is_none_or(|((at, _), _)| due < *at)
        {
            self.now = self.now.max(due);
            return Ok(Input::Advance);
        }
        let ((at, _), input) = self
            .agenda
            .pop_first()
            .ok_or(SimulationError::Stuck(self.now.0))?;
        self.now = at;
        if let Input::StepEnded { service, .. } | Input::Assessed { service, .. } = &input {
            self.awaited.remove(service);
        }
        Ok(input)
    }

    /// The effects of a fact, put on the agenda.
    fn perform(&mut self, world: &mut impl World, fact: &Fact) {
        match *fact {
            Fact::AssessmentAsked {
                service,
                phase,
                attempt,
                ..
            } => {
                let (takes, verdict) = world.assess(service, phase, attempt);
                let answer = Input::Assessed {
                    service,
                    phase,
                    verdict,
                };
                self.promise(service, self.now.after(takes), answer);
            }
            Fact::StepStarted {
                service,
                step,
                attempt,
                ..
            } => {
                let (takes, outcome) = world.attempt(service, step, attempt);
                let end = Input::StepEnded {
                    service,
                    step,
                    attempt,
                    outcome,
                };
                self.promise(service, self.now.after(takes), end);
            }
            Fact::CancelRequested { .. } => {
                self.stop(|service, step| world.wind_down(service, step))
            }
            Fact::CancelForced => self.stop(|_, _| 0),
            _ => {}
        }
    }

    fn promise(&mut self, service: ServiceId, at: Timestamp, input: Input) {
        let key = self.put(at, input);
        if let Some(replaced) = self.awaited.insert(service, key) {
            self.agenda.remove(&replaced);
        }
    }

    /// Running steps end as cancelled, unless they end by themselves before.
    fn stop(&mut self, mut after: impl FnMut(ServiceId, Step) -> u64) {
        let running: Vec<_> = self.state.running().collect();
        for step in running {
            let at = self.now.after(after(step.service, step.step));
            if self
                .awaited
                .get(&step.service)
                .is_some_and(|&(end, _)| at < end)
            {
                let outcome = Outcome::Cancelled {
                    confirmed: true,
                    remains: Vec::new(),
                };
                let end = Input::StepEnded {
                    service: step.service,
                    step: step.step,
                    attempt: step.attempt,
                    outcome,
                };
                self.promise(step.service, at, end);
            }
        }
    }
}
