//! Cancel, soft and forced.

use std::sync::Arc;

use super::plain;
use crate::action::{Action, Phase, Step};
use crate::course::ServiceId;
use crate::decide::{Input, advance};
use crate::fact::Fact;
use crate::failure::Retry;
use crate::moment::{Moment, Timestamp};
use crate::outcome::{Ending, Outcome, Settlement};
use crate::state::{Life, State};
use crate::tests::script::{Play, Script};
use crate::verdict::Verdict;

fn restarting(services: usize) -> Script {
    let mut script = plain(services);
    script.action = Action::Restart;
    script
}

#[test]
fn what_waits_never_starts_and_what_runs_gets_a_grace_period() {
    let mut script = restarting(6);
    script.parts[0].deploy.takes = 1_000;
    script.parts[1].wind_down = 2;
    script.cancel = Some((5, false));
    let told = script.told();
    let expected = [
        "5 settle s4 cancelled",
        "5 settle s5 cancelled",
        // s1 gives in, s2 and s3 are quick enough to succeed, s0 is stopped for good.
        "7 settle s1 cancelled",
        "10 settle s2 succeeded",
        "10 settle s3 succeeded",
        "35 forced",
        "35 settle s0 cancelled",
        "35 end deploy 0 cancelled",
        "35 end stage 0 cancelled",
        "35 over cancelled",
    ];
    assert_eq!(told[6..], expected);
}

#[test]
fn force_skips_the_grace_period() {
    let mut script = restarting(2);
    script.cancel = Some((5, true));
    assert_eq!(script.told_of("forced"), ["5 forced"]);
    assert_eq!(script.last(), "5 over cancelled");
}

#[test]
fn cancel_wins_over_pending_retries() {
    let mut script = restarting(1);
    script.spec.services[0].retry.max = 5;
    script.parts[0].deploy = Play {
        takes: 10,
        failures: 99,
        retry: Retry::Later,
    };
    script.cancel = Some((50, false));
    let expected = ["50 settle s0 cancelled", "50 end deploy 0 cancelled"];
    let told = script.told();
    assert!(told[3].starts_with("10 retry s0 at"), "{told:?}");
    assert_eq!(told[4..6], expected);
    // A step that fails by itself while it is told to end is not tried again either.
    script.cancel = Some((5, false));
    assert_eq!(script.told_of("s0").last().unwrap(), "10 settle s0 failed");
    assert_eq!(script.last(), "10 over cancelled");
    // Nor does its failure halt what is being cancelled already.
    let halts = |(_, fact): &(Timestamp, Fact)| matches!(fact, Fact::Halted { .. });
    assert!(!script.trace().iter().any(halts));
}

fn moment(now: u64) -> Moment {
    Moment {
        now: Timestamp(now),
        random: 0,
        host_slots: u32::MAX,
    }
}

/// A deployment of one service whose build runs.
fn building() -> State {
    let mut state = State::new(plain(1).course());
    advance(&mut state, &moment(0), Input::Begin).unwrap();
    let verdict = Verdict::changed("test");
    let answer = Input::Assessed {
        service: ServiceId(0),
        phase: Phase::Build,
        verdict,
    };
    advance(&mut state, &moment(0), answer).unwrap();
    state
}

fn ended(step: Step, outcome: Outcome) -> Input {
    Input::StepEnded {
        service: ServiceId(0),
        step,
        attempt: 1,
        outcome,
    }
}

#[test]
fn a_build_that_succeeds_within_the_grace_period_is_not_pushed() {
    let mut state = building();
    let facts = advance(&mut state, &moment(5), Input::Cancel { force: false }).unwrap();
    let grace_until = Timestamp(35);
    assert_eq!(
        facts,
        [Fact::CancelRequested {
            force: false,
            grace_until
        }]
    );
    assert_eq!(state.next_timer(), Some(grace_until));
    let facts = advance(
        &mut state,
        &moment(9),
        ended(Step::Build, Outcome::succeeded()),
    )
    .unwrap();
    assert!(!facts.iter().any(|f| matches!(f, Fact::StepStarted { .. })));
    let settled = Settlement::Cancelled { confirmed: true };
    assert_eq!(state.settlement(ServiceId(0)), Some(settled));
    assert_eq!(state.life(), Life::Ended(Ending::Cancelled));
    assert_eq!(state.in_use(), 0);
    assert_eq!(state.next_timer(), None);
}

#[test]
fn an_unconfirmed_abort_is_said() {
    let mut state = building();
    advance(&mut state, &moment(5), Input::Cancel { force: true }).unwrap();
    let outcome = Outcome::Cancelled {
        confirmed: false,
        remains: vec!["a half-built image".into()],
    };
    advance(&mut state, &moment(6), ended(Step::Build, outcome)).unwrap();
    let settled = Settlement::Cancelled { confirmed: false };
    assert_eq!(state.settlement(ServiceId(0)), Some(settled));
    assert_eq!(state.tally().cancelled, 1);
}

#[test]
fn a_second_cancel_adds_only_force() {
    let mut state = building();
    let soft = || Input::Cancel { force: false };
    let hard = || Input::Cancel { force: true };
    assert_eq!(advance(&mut state, &moment(1), soft()).unwrap().len(), 1);
    assert_eq!(advance(&mut state, &moment(2), soft()).unwrap(), []);
    assert_eq!(
        advance(&mut state, &moment(3), hard()).unwrap(),
        [Fact::CancelForced]
    );
    assert_eq!(advance(&mut state, &moment(4), hard()).unwrap(), []);
    assert_eq!(
        advance(&mut state, &moment(99), Input::Advance).unwrap(),
        []
    );
    assert_eq!(state.next_timer(), None);
}

#[test]
fn an_answer_that_comes_too_late_is_ignored() {
    let mut state = State::new(plain(1).course());
    advance(&mut state, &moment(0), Input::Begin).unwrap();
    let mut other = State::new(plain(2).course());
    advance(&mut other, &moment(0), Input::Begin).unwrap();
    let late = |service| Input::Assessed {
        service: ServiceId(service),
        phase: Phase::Build,
        verdict: Verdict::changed("late"),
    };
    advance(&mut other, &moment(0), late(1)).unwrap();
    advance(&mut other, &moment(1), Input::Cancel { force: false }).unwrap();
    // s1 runs still, s0 was being assessed and is settled.
    assert_eq!(advance(&mut other, &moment(2), late(0)).unwrap(), []);
    assert_eq!(other.life(), Life::Running);
}

#[test]
fn a_queued_deployment_is_cancelled_or_merged_before_it_begins() {
    let course = plain(1).course();
    let mut state = State::new(Arc::clone(&course));
    let facts = advance(&mut state, &moment(0), Input::Queue { position: 1 }).unwrap();
    assert_eq!(facts, [Fact::DeploymentQueued { position: 1 }]);
    advance(&mut state, &moment(0), Input::Cancel { force: false }).unwrap();
    assert_eq!(state.life(), Life::Ended(Ending::Cancelled));

    let mut state = State::new(course);
    let into = "shop-42".to_owned();
    advance(&mut state, &moment(0), Input::Merge { into }).unwrap();
    assert_eq!(state.life(), Life::Ended(Ending::Skipped));
    assert!(advance(&mut state, &moment(0), Input::Begin).is_err());
}
