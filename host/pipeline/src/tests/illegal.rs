//! What does not fit is answered with an error, and leaves no trace.

use proptest::prelude::*;

use super::scenarios::{plain, staged};
use super::script::scripts;
use crate::action::{Action, Phase, Step};
use crate::course::{ServiceId, StageId};
use crate::decide::{Input, advance};
use crate::event::event;
use crate::fact::{Barrier, Fact, FactError, Scope};
use crate::illegal::Illegal;
use crate::moment::{Moment, Timestamp};
use crate::outcome::{Ending, Outcome, Settlement};
use crate::state::{Life, State};
use crate::verdict::Verdict;
use crate::wait::Wait;

const MOMENT: Moment = Moment {
    now: Timestamp(0),
    random: 0,
    host_slots: 8,
};

fn begun() -> State {
    let mut state = State::new(plain(2).course());
    advance(&mut state, &MOMENT, Input::Begin).unwrap();
    state
}

fn refused(state: &State, input: Input) -> Illegal {
    let mut copy = state.clone();
    let illegal = advance(&mut copy, &MOMENT, input).unwrap_err();
    assert_eq!(&copy, state, "a refused input left a trace");
    illegal
}

fn ended(service: u32, attempt: u16, outcome: Outcome) -> Input {
    Input::StepEnded {
        service: ServiceId(service),
        step: Step::Build,
        attempt,
        outcome,
    }
}

fn assessed(service: u32, phase: Phase) -> Input {
    Input::Assessed {
        service: ServiceId(service),
        phase,
        verdict: Verdict::changed("test"),
    }
}

#[test]
fn inputs_out_of_turn_are_refused() {
    let state = State::new(plain(2).course());
    assert_eq!(refused(&state, Input::Advance), Illegal::NotBegun);
    assert_eq!(refused(&state, Input::Resume), Illegal::NotBegun);
    let mut state = begun();
    assert_eq!(refused(&state, Input::Begin), Illegal::AlreadyBegun);
    assert_eq!(
        refused(&state, Input::Queue { position: 0 }),
        Illegal::AlreadyBegun
    );
    assert_eq!(
        refused(&state, ended(7, 1, Outcome::succeeded())),
        Illegal::NoService(7)
    );
    assert_eq!(
        refused(&state, assessed(7, Phase::Build)),
        Illegal::NoService(7)
    );
    let early = refused(&state, ended(0, 1, Outcome::succeeded())).to_string();
    assert!(
        early.contains("s0: build attempt 1 cannot end now"),
        "{early}"
    );
    assert!(matches!(
        refused(&state, assessed(0, Phase::Deploy)),
        Illegal::Assessment { .. }
    ));

    advance(&mut state, &MOMENT, assessed(0, Phase::Build)).unwrap();
    assert!(matches!(
        refused(&state, assessed(0, Phase::Build)),
        Illegal::Assessment { .. }
    ));
    assert!(matches!(
        refused(&state, ended(0, 2, Outcome::succeeded())),
        Illegal::Step { .. }
    ));
    let cancelled = Outcome::Cancelled {
        confirmed: true,
        remains: Vec::new(),
    };
    assert!(matches!(
        refused(&state, ended(0, 1, cancelled)),
        Illegal::NotCancelled { .. }
    ));
}

#[test]
fn nothing_but_time_comes_after_the_end() {
    let mut state = State::new(staged(&[]).course());
    advance(&mut state, &MOMENT, Input::Begin).unwrap();
    assert_eq!(refused(&state, Input::Begin), Illegal::Ended);
    assert_eq!(
        refused(&state, Input::Cancel { force: true }),
        Illegal::Ended
    );
    assert_eq!(advance(&mut state, &MOMENT, Input::Advance), Ok(Vec::new()));
}

#[test]
fn facts_of_another_course_are_refused() {
    let facts = [
        (Action::Deploy, 1, 3),
        (Action::Deploy, 2, 2),
        (Action::Stop, 1, 2),
    ];
    for (action, stages, services) in facts {
        let mut state = State::new(plain(2).course());
        let fact = Fact::DeploymentStarted {
            action,
            stages,
            services,
        };
        assert!(
            matches!(state.apply(&fact), Err(Illegal::OtherCourse(_))),
            "{fact:?}"
        );
    }
}

#[test]
fn a_slot_that_is_taken_is_refused() {
    let mut state = State::new(plain(6).course());
    let narrow = Moment {
        host_slots: 1,
        ..MOMENT
    };
    advance(&mut state, &narrow, Input::Begin).unwrap();
    for service in 0..2 {
        advance(&mut state, &narrow, assessed(service, Phase::Build)).unwrap();
    }
    let start = |slot| Fact::StepStarted {
        service: ServiceId(1),
        step: Step::Build,
        attempt: 1,
        slot,
        deadline: Timestamp(9),
    };
    for slot in [0, 1] {
        assert!(
            matches!(state.apply(&start(slot)), Err(Illegal::Slot { .. })),
            "{slot}"
        );
    }
    state.apply(&start(2)).unwrap();
}

#[test]
fn facts_of_newer_versions_and_other_text_are_refused() {
    let newer = Fact::from_json(r#"{"v":9,"fact":"teleported","service":1}"#).unwrap_err();
    assert!(matches!(newer, FactError::Newer { found: 9 }), "{newer}");
    for text in [
        "",
        "{}",
        r#"{"v":1}"#,
        r#"{"v":1,"fact":"no-such-fact"}"#,
        "[1]",
    ] {
        assert!(
            matches!(Fact::from_json(text), Err(FactError::Unreadable(_))),
            "{text}"
        );
    }
}

/// Facts as version 1 wrote them. These files are never changed: journals of that time are
/// not, either.
const RUN: &str = include_str!("v1/run.jsonl");
const EVERY_FACT: &str = include_str!("v1/every-fact.jsonl");

#[test]
fn a_journal_of_version_1_is_still_folded() {
    let mut script = plain(1);
    script.parts[0].deploy.failures = 1;
    script.spec.services[0].retry.max = 1;
    let mut state = State::new(script.course());
    let facts: Vec<Fact> = RUN
        .lines()
        .map(|line| Fact::from_json(line).unwrap())
        .collect();
    facts.iter().for_each(|fact| state.apply(fact).unwrap());
    assert_eq!(state.settlement(ServiceId(0)), Some(Settlement::Succeeded));
    assert_eq!(state.life(), Life::Ended(Ending::Succeeded));
}

#[test]
fn every_fact_of_version_1_is_still_read_and_has_an_event() {
    let course = staged(&[2, 2, 2]).course();
    let mut names = std::collections::BTreeSet::new();
    for line in EVERY_FACT.lines() {
        let fact = Fact::from_json(line).unwrap();
        assert_eq!(fact.to_json().unwrap(), line);
        let event = event(&course, "shop-41", 1, Timestamp(0), &fact);
        let json = event.to_json().unwrap();
        assert!(
            !event.event.is_empty() && !json.contains("handle-7"),
            "{json}"
        );
        names.insert(event.event);
    }
    assert_eq!(EVERY_FACT.lines().count(), 45);
    assert_eq!(names.len(), 21, "{names:?}");
}

fn facts() -> impl Strategy<Value = Fact> {
    let service = (0..30_u32).prop_map(ServiceId);
    let stage = (0..6_u32).prop_map(StageId);
    let phase = prop_oneof![Just(Phase::Build), Just(Phase::Deploy)];
    let step = prop_oneof![Just(Step::Build), Just(Step::Push), Just(Step::Deploy)];
    (0..20_u32, service, stage, phase, step, 0..4_u16, 0..6_u32).prop_map(
        |(kind, service, stage, phase, step, attempt, slot)| {
            let result = Ending::Succeeded;
            let at = Timestamp(u64::from(slot));
            match kind {
                0 => Fact::DeploymentResumed,
                1 => Fact::StageStarted { stage },
                2 => Fact::PhaseStarted { stage, phase },
                3 => Fact::PhaseEnded {
                    stage,
                    phase,
                    result,
                },
                4 => Fact::StageEnded { stage, result },
                5 => Fact::StageSkipped {
                    stage,
                    reason: Barrier::Cancelled,
                },
                6 => Fact::AssessmentAsked {
                    service,
                    phase,
                    attempt,
                    deadline: at,
                },
                7 => Fact::ServiceAssessed {
                    service,
                    phase,
                    verdict: Verdict::changed("x"),
                },
                8 => Fact::StepWaiting {
                    service,
                    step,
                    reason: Wait::HostSlots,
                },
                9 | 10 => Fact::StepStarted {
                    service,
                    step,
                    attempt,
                    slot,
                    deadline: at,
                },
                11 | 12 => {
                    let outcome = Outcome::succeeded();
                    Fact::StepEnded {
                        service,
                        step,
                        attempt,
                        outcome,
                    }
                }
                13 => Fact::RetryScheduled {
                    service,
                    step,
                    attempt,
                    until: at,
                    left: 5,
                },
                14 => Fact::BackoffEnded { service },
                15 => Fact::ServiceSettled {
                    service,
                    result: Settlement::Failed,
                },
                16 => Fact::Halted {
                    by: service,
                    scope: Scope::Deployment,
                },
                17 => Fact::CancelRequested {
                    force: false,
                    grace_until: at,
                },
                18 => Fact::CancelForced,
                _ => Fact::DeploymentEnded { result },
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Arbitrary facts, in the middle of a real deployment: none makes it panic, and those
    /// that are refused leave no trace.
    #[test]
    fn arbitrary_facts_never_panic(
        script in scripts(),
        until in 0..200_usize,
        facts in prop::collection::vec(facts(), 1..60),
    ) {
        let mut state = State::new(script.course());
        for (_, fact) in script.trace().iter().take(until) {
            state.apply(fact).unwrap();
        }
        for fact in facts {
            let before = state.clone();
            if state.apply(&fact).is_err() {
                prop_assert_eq!(&before, &state);
            }
        }
    }
}

/// Found by the fuzzer: half a gigabyte of slots was made for one stored fact.
#[test]
fn a_slot_beyond_the_limit_is_refused() {
    let mut state = begun();
    let assessed = Fact::ServiceAssessed {
        service: ServiceId(0),
        phase: Phase::Build,
        verdict: Verdict::changed("test"),
    };
    state.apply(&assessed).unwrap();
    for slot in [0, 5, u32::MAX] {
        let started = Fact::StepStarted {
            service: ServiceId(0),
            step: Step::Build,
            attempt: 1,
            slot,
            deadline: Timestamp(0),
        };
        let illegal = state.apply(&started).unwrap_err();
        assert!(matches!(illegal, Illegal::Slot { .. }), "{illegal}");
    }
}
