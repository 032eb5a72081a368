//! Planted faults: whoever breaks a promise is caught by the checker, and a core that does
//! something else than it should is caught by the model.

use super::checker::{Broken, Trace, check};
use super::model::play;
use super::scenarios::{plain, staged};
use super::script::Script;
use crate::action::Step;
use crate::course::ServiceId;
use crate::decide::{Input, advance, decide};
use crate::environment::file::{OnFailure, Overlap};
use crate::fact::Fact;
use crate::moment::{Moment, Timestamp};
use crate::simulate::{SimulationError, simulate_by};
use crate::state::State;

fn broken(script: &Script, trace: &Trace) -> &'static str {
    let result: Result<(), Broken> = check(&script.course(), script.host_slots, trace);
    result.expect_err("the fault was not noticed").0
}

#[test]
fn an_honest_trace_passes() {
    for script in [plain(9), staged(&[3, 0, 6])] {
        assert_eq!(check(&script.course(), u32::MAX, &script.trace()), Ok(()));
    }
}

#[test]
fn one_slot_too_many_is_noticed() {
    let honest = plain(9);
    let mut faulty = honest.clone();
    faulty.spec.stages[0].build_limit += 1;
    assert_eq!(broken(&honest, &faulty.trace()), "limit");
    assert_ne!(play(&honest), play(&faulty));

    let mut narrow = honest.clone();
    narrow.host_slots = 2;
    assert_eq!(broken(&narrow, &honest.trace()), "limit");
}

/// Runs with an `advance` that, the nth time that a step ends, forgets to look what follows.
fn losing(script: &Script, nth: u32) -> Result<Trace, SimulationError> {
    let mut ends = 0;
    let by = |state: &mut State, moment: &Moment, input: Input| {
        ends += u32::from(matches!(input, Input::StepEnded { .. }));
        if ends == nth && matches!(input, Input::StepEnded { .. }) {
            let facts = decide(state, moment, input)?;
            facts.iter().try_for_each(|fact| state.apply(fact))?;
            return Ok(facts);
        }
        advance(state, moment, input)
    };
    let mut trace = Vec::new();
    let watch = |at: Timestamp, fact: &Fact| trace.push((at, fact.clone()));
    let mut world = script.world();
    simulate_by(by, script.course(), &mut world, script.settings(), watch)?;
    Ok(trace)
}

#[test]
fn a_lost_wake_up_is_noticed() {
    let mut script = plain(9);
    for (at, part) in script.parts.iter_mut().enumerate() {
        part.deploy.takes = 10 + at as u64;
    }
    // 9 builds, 9 pushes; then the first deploy to end leaves five that wait.
    let trace = losing(&script, 19).unwrap();
    assert_eq!(broken(&script, &trace), "no idle slot");
    // The last one to end has nobody to make up for it.
    assert!(matches!(
        losing(&script, 27),
        Err(SimulationError::Stuck(_))
    ));
}

#[test]
fn an_early_stage_is_noticed() {
    let honest = staged(&[2, 2]);
    let mut early = honest.clone();
    early.spec.overlap = Overlap::AcrossStages;
    assert_eq!(broken(&honest, &early.trace()), "stage order");
    assert_ne!(play(&honest), play(&early));

    let mut uneven = plain(2);
    uneven.parts[1].build.takes = 50;
    let mut within = uneven.clone();
    within.spec.overlap = Overlap::WithinStage;
    assert_eq!(broken(&uneven, &within.trace()), "builds first");
}

#[test]
fn what_starts_after_a_failure_is_noticed() {
    let mut honest = staged(&[6, 2]);
    honest.parts[0].deploy.failures = 99;
    let mut faulty = honest.clone();
    faulty.spec.stages[0].on_failure = OnFailure::Continue;
    let mut trace = faulty.trace();
    // The faulty core would also say that it halted, and go on all the same.
    let at = trace
        .iter()
        .position(|(_, f)| matches!(f, Fact::ServiceSettled { .. }))
        .unwrap();
    let halted = Fact::Halted {
        by: ServiceId(0),
        scope: crate::fact::Scope::Deployment,
    };
    trace.insert(at + 1, (trace[at].0, halted));
    assert_eq!(broken(&honest, &trace), "halt");
    assert_ne!(play(&honest), play(&faulty));
}

#[test]
fn a_need_that_is_not_waited_for_is_noticed() {
    let faulty = plain(2);
    let mut honest = faulty.clone();
    honest.spec.services[1].needs = vec![0];
    assert_eq!(broken(&honest, &faulty.trace()), "needs");
}

#[test]
fn a_step_that_runs_twice_or_out_of_place_is_noticed() {
    let script = plain(6);
    let is_start = |(_, fact): &(Timestamp, Fact)| matches!(fact, Fact::StepStarted { step: Step::Build, service, .. } if service.0 == 5);
    let trace = script.trace();
    let at = trace.iter().position(is_start).unwrap();

    let mut twice = trace.clone();
    twice.insert(at + 1, twice[at].clone());
    assert_eq!(broken(&script, &twice), "once per attempt");

    let mut endless = trace.clone();
    endless.pop();
    assert_eq!(broken(&script, &endless), "ends");

    // The fifth service starts before the fourth.
    let mut leapt = trace;
    let before = leapt[..at]
        .iter()
        .rposition(|(_, f)| matches!(f, Fact::StepStarted { .. }));
    leapt.swap(before.unwrap(), at);
    assert_eq!(broken(&script, &leapt), "order");
}

#[test]
fn a_host_without_slots_is_told() {
    let mut script = plain(1);
    script.host_slots = 0;
    let stuck = losing(&script, u32::MAX).unwrap_err();
    assert!(stuck.to_string().contains("at least one slot"), "{stuck}");
}
