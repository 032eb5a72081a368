//! Journals that hold what no program of ours has written: stored facts that were changed at
//! random are refused, or fold into a state from which one can go on.

use std::sync::Arc;

use serde_json::{Value, json};
use stagewright_fuzz::{Finding, Shape, Target, Verdict};

use super::scenarios::staged;
use super::script::Script;
use crate::course::Course;
use crate::decide::{Input, advance};
use crate::environment::file::OnFailure;
use crate::event::event;
use crate::fact::Fact;
use crate::failure::Retry;
use crate::ledger::Ledger;
use crate::moment::{Moment, Timestamp};
use crate::state::{Life, State};

const MOMENT: Moment = Moment {
    now: Timestamp(1_000),
    random: 7,
    host_slots: 8,
};

/// Deployments of one course that take different turns.
fn scripts() -> Vec<Script> {
    let mut calm = staged(&[2, 2]);
    calm.spec.services[3].needs = vec![2];
    calm.spec.stages[0].on_failure = OnFailure::FinishStage;
    let mut retried = calm.clone();
    retried.parts[0].build.failures = 1;
    retried.parts[0].build.retry = Retry::Later;
    retried.spec.services[0].retry.max = 2;
    let mut failed = calm.clone();
    failed.parts[2].deploy.failures = 9;
    failed.parts[2].deploy.retry = Retry::Never;
    let mut cancelled = calm.clone();
    cancelled.cancel = Some((15, false));
    vec![calm, retried, failed, cancelled]
}

fn stored(script: &Script) -> String {
    let facts = script.trace().into_iter().map(|(_, fact)| {
        let text = fact.to_json().unwrap();
        serde_json::from_str::<Value>(&text).unwrap()
    });
    Value::Array(facts.collect()).to_string()
}

/// Folds stored facts until one does not fit; tells whether all did.
fn replay(course: &Arc<Course>, text: &str) -> bool {
    let Ok(Value::Array(facts)) = serde_json::from_str(text) else {
        return false;
    };
    let mut state = State::new(Arc::clone(course));
    let mut ledger = Ledger::default();
    for (fact, seq) in facts.iter().zip(1..) {
        let Ok(fact) = Fact::from_json(&fact.to_string()) else {
            return false;
        };
        let line = event(course, "shop-1", seq, MOMENT.now, &fact).to_json();
        assert!(!line.unwrap().contains('\n'));
        let before = state.clone();
        if state.apply(&fact).is_err() {
            assert_eq!(state, before, "a refused fact left a trace: {fact:?}");
            return false;
        }
        ledger.apply(1, course, &fact);
        let again = Fact::from_json(&fact.to_json().unwrap()).unwrap();
        assert_eq!(again, fact);
    }
    let kept = serde_json::to_string(&ledger).unwrap();
    assert_eq!(serde_json::from_str::<Ledger>(&kept).unwrap(), ledger);
    go_on(&mut state);
    true
}

/// What recovery does with a state: it looks at all of it, and goes on as far as it can.
fn go_on(state: &mut State) {
    let told = state.running().count() + state.assessing().count();
    assert!(told <= state.services.len());
    let _: Option<Timestamp> = state.next_timer();
    if state.life() == Life::Running {
        for input in [Input::Resume, Input::Advance, Input::Cancel { force: true }] {
            // Refused or followed by facts that fit; both are answers.
            let before = state.clone();
            if advance(state, &MOMENT, input).is_err() {
                assert_eq!(*state, before, "a refused input left a trace");
            }
        }
    }
}

#[test]
fn replays() -> Result<(), Finding> {
    let target = Target::new("facts", Shape::Json)
        .seeds(scripts().iter().map(stored))
        .words(&[
            "fact",
            "v",
            "service",
            "stage",
            "phase",
            "build",
            "deploy",
            "push",
            "slot",
            "attempt",
            "deadline",
            "until",
            "left",
            "outcome",
            "succeeded",
            "failed",
            "cancelled",
            "result",
            "settled",
            "step-started",
            "step-ended",
            "service-settled",
            "halted",
            "cancel-forced",
            "deployment-ended",
            "stage-skipped",
            "retry-scheduled",
            "verdict",
            "changed",
            "unchanged",
            "reason",
            "by",
            "scope",
            "outputs",
            "sensitive",
            "plugin",
        ]);
    let course = scripts()[0].course();
    target.run(|input| Verdict::from(replay(&course, &String::from_utf8_lossy(input))))?;
    Ok(())
}

#[test]
fn ledgers() -> Result<(), Finding> {
    let mut ledger = Ledger::default();
    let course = scripts()[0].course();
    for (_, fact) in scripts()[0].trace() {
        ledger.apply(1, &course, &fact);
    }
    let target = Target::new("ledger", Shape::Json)
        .seed(serde_json::to_string(&ledger).unwrap())
        .seed(json!({ "services": {} }).to_string())
        .words(&[
            "services",
            "built",
            "pushed",
            "deployed",
            "instances",
            "outputs",
            "condition",
        ]);
    let trace = scripts()[0].trace();
    target.run(|input| {
        let Ok(mut ledger) = serde_json::from_slice::<Ledger>(input) else {
            return Verdict::Refused;
        };
        for (_, fact) in &trace {
            ledger.apply(2, &course, fact);
        }
        assert!(ledger.services().count() >= 4);
        Verdict::Accepted
    })?;
    Ok(())
}
