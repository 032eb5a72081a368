//! Clocks that are set while a deployment runs.

use super::scenarios::plain;
use crate::action::{Action, Phase, Step};
use crate::course::ServiceId;
use crate::decide::{Input, advance};
use crate::moment::{Moment, Timestamp};
use crate::outcome::Outcome;
use crate::state::State;
use crate::tests::script::failure;
use crate::verdict::Verdict;

const DAY: u64 = 86_400_000;

fn moment(now: u64) -> Moment {
    Moment {
        now: Timestamp(now),
        random: 0,
        host_slots: u32::MAX,
    }
}

/// One service whose restart began at noon of some day and has a minute.
fn running() -> State {
    let mut script = plain(1);
    script.action = Action::Restart;
    script.spec.services[0].timeouts.deploy = 60_000;
    script.spec.services[0].retry.max = 3;
    let mut state = State::new(script.course());
    advance(&mut state, &moment(10 * DAY), Input::Begin).unwrap();
    let answer = Input::Assessed {
        service: ServiceId(0),
        phase: Phase::Deploy,
        verdict: Verdict::changed("test"),
    };
    advance(&mut state, &moment(10 * DAY), answer).unwrap();
    state
}

#[test]
fn what_remains_of_a_deadline_is_between_nothing_and_the_whole() {
    let state = running();
    let remaining = |now| state.remaining(ServiceId(0), Timestamp(now));
    assert_eq!(remaining(10 * DAY + 20_000), 40_000);
    assert_eq!(remaining(11 * DAY), 0);
    assert_eq!(remaining(9 * DAY), 60_000);
    assert_eq!(
        state.running().next().unwrap().deadline,
        Timestamp(10 * DAY + 60_000)
    );
}

#[test]
fn a_retry_after_the_clock_was_set_back_has_no_more_than_the_whole() {
    let mut state = running();
    let failed = Input::StepEnded {
        service: ServiceId(0),
        step: Step::Restart,
        attempt: 1,
        outcome: Outcome::failed(failure(crate::failure::Retry::Later)),
    };
    advance(&mut state, &moment(9 * DAY), failed).unwrap();
    let due = state.next_timer().unwrap();
    assert!(due > Timestamp(9 * DAY) && due <= Timestamp(9 * DAY + 1_000));
    advance(&mut state, &moment(due.0 - 1), Input::Advance).unwrap();
    assert_eq!(state.in_use(), 0);
    advance(&mut state, &moment(due.0), Input::Advance).unwrap();
    let attempt = state.running().next().unwrap();
    assert_eq!(attempt.attempt, 2);
    assert!(attempt.deadline <= due.after(60_000));
    assert_eq!(state.next_timer(), None);
}
