//! Every random deployment keeps every promise, and does exactly what the model says.

use std::collections::BinaryHeap;

use proptest::prelude::*;

use super::checker::check;
use super::model::{Story, play};
use super::script::{Batch, Script, scripts};
use crate::action::{Action, Step};
use crate::course::ServiceId;
use crate::fact::Fact;
use crate::outcome::{Outcome, Settlement, SkipReason};
use crate::state::{Life, Mode, State};

fn story(script: &Script) -> Story {
    let (report, batches) = script.run();
    let course = script.course();
    let timed = |b: &Batch| {
        let now = b.moment.now.0;
        b.facts.clone().into_iter().map(move |fact| (now, fact))
    };
    let starts = batches
        .iter()
        .flat_map(timed)
        .filter_map(|(now, fact)| match fact {
            Fact::StepStarted {
                service,
                step,
                attempt,
                slot,
                ..
            } => Some((
                now,
                course.service_name(service).to_owned(),
                step,
                attempt,
                slot,
            )),
            _ => None,
        });
    let ids = (0..course.services().len() as u32).map(ServiceId);
    let end = |id| match report.state.settlement(id).unwrap() {
        Settlement::Succeeded => "succeeded",
        Settlement::Unchanged => "unchanged",
        Settlement::Failed => "failed",
        Settlement::Cancelled { .. } => "cancelled",
        Settlement::Skipped(SkipReason::Declared) => "declared",
        Settlement::Skipped(SkipReason::NeedFailed(_)) => "need-failed",
        Settlement::Skipped(SkipReason::Halted(_)) => "halted",
        Settlement::Skipped(SkipReason::StageFailed(_)) => "stage-failed",
        Settlement::Skipped(SkipReason::StageNotBuilt) => "stage-not-built",
    };
    let mut ends: Vec<_> = ids
        .map(|id| (course.service_name(id).to_owned(), end(id)))
        .collect();
    ends.sort();
    Story {
        starts: starts.collect(),
        ends,
        ending: report.ending,
        makespan: report.makespan,
    }
}

/// The shortest that first-in-first-out can do with so many slots.
fn greedy(durations: impl Iterator<Item = u64>, slots: u32) -> u64 {
    let mut free: BinaryHeap<std::cmp::Reverse<u64>> =
        (0..slots).map(|_| std::cmp::Reverse(0)).collect();
    let mut end = 0;
    for duration in durations {
        let std::cmp::Reverse(start) = free.pop().unwrap();
        end = end.max(start + duration);
        free.push(std::cmp::Reverse(start + duration));
    }
    end
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn it_does_what_the_model_says(script in scripts()) {
        prop_assert_eq!(story(&script), play(&script));
    }

    #[test]
    fn it_keeps_its_promises(script in scripts()) {
        let checked = check(&script.course(), script.host_slots, &script.trace());
        prop_assert_eq!(checked, Ok(()));
    }

    #[test]
    fn a_replay_of_stored_facts_gives_the_same_state(script in scripts()) {
        let (report, batches) = script.run();
        let mut replayed = State::new(script.course());
        for fact in batches.iter().flat_map(|b| &b.facts) {
            let stored = fact.to_json().unwrap();
            let read = Fact::from_json(&stored).unwrap();
            prop_assert_eq!(&read, fact);
            replayed.apply(&read).unwrap();
        }
        prop_assert_eq!(replayed, report.state);
    }

    #[test]
    fn nothing_waits_silently(script in scripts()) {
        let mut state = State::new(script.course());
        for batch in script.run().1 {
            for fact in &batch.facts {
                state.apply(fact).unwrap();
                let ended = matches!(state.life(), Life::Ended(_));
                for at in 0..state.services.len() {
                    let id = ServiceId(at as u32);
                    let busy = matches!(state.services[at].mode, Mode::Running | Mode::Settled(_));
                    let wait = state.waiting(id);
                    prop_assert_eq!(wait.is_none(), busy, "{} {:?}", at, state.services[at]);
                    if let Some(wait) = wait {
                        prop_assert!(!ended && !wait.sentence(&state.course).to_string().is_empty());
                    }
                }
            }
            // Once nothing follows any more, "is about to be settled" is no answer.
            for id in (0..state.services.len() as u32).map(ServiceId) {
                prop_assert_ne!(state.waiting(id), Some(crate::wait::Wait::Stopping));
            }
        }
    }

    #[test]
    fn the_makespan_is_that_of_first_in_first_out(
        durations in prop::collection::vec((1..500_u64, 1..500_u64), 1..40),
        limit in 1..6_u32,
        builds in any::<bool>(),
    ) {
        let mut script = super::scenarios::plain(durations.len());
        script.action = if builds { Action::Deploy } else { Action::Restart };
        script.spec.stages[0].build_limit = limit;
        script.spec.stages[0].deploy_limit = limit;
        for (part, (build, deploy)) in script.parts.iter_mut().zip(&durations) {
            part.build.takes = *build;
            part.push.takes = build / 3;
            part.deploy.takes = *deploy;
        }
        let build = greedy(durations.iter().map(|(b, _)| b + b / 3), limit);
        let deploy = greedy(durations.iter().map(|(_, d)| *d), limit);
        let expected = deploy + if builds { build } else { 0 };
        prop_assert_eq!(script.run().0.makespan, expected);
    }
}

#[test]
fn scripts_reach_what_they_are_meant_to_reach() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let mut seen = std::collections::BTreeMap::<&str, u32>::new();
    for _ in 0..300 {
        let script = scripts().new_tree(&mut runner).unwrap().current();
        for (_, fact) in script.trace() {
            let what = match fact {
                Fact::RetryScheduled { .. } => "retry",
                Fact::Halted { .. } => "halt",
                Fact::CancelForced => "forced",
                Fact::StageSkipped { .. } => "stage skipped",
                Fact::StepWaiting { .. } => "waiting",
                Fact::StepStarted {
                    step: Step::Push, ..
                } => "push",
                Fact::StepEnded {
                    outcome: Outcome::Cancelled { .. },
                    ..
                } => "cancelled",
                Fact::ServiceSettled {
                    result: Settlement::Unchanged,
                    ..
                } => "unchanged",
                Fact::ServiceSettled {
                    result: Settlement::Skipped(SkipReason::NeedFailed(_)),
                    ..
                } => "need failed",
                Fact::ServiceSettled {
                    result: Settlement::Skipped(SkipReason::StageNotBuilt),
                    ..
                } => "not built",
                Fact::ServiceSettled {
                    result: Settlement::Skipped(SkipReason::StageFailed(_)),
                    ..
                } => "stage failed",
                _ => continue,
            };
            *seen.entry(what).or_default() += 1;
        }
    }
    assert_eq!(seen.len(), 11, "{seen:?}");
    assert!(seen.values().all(|&count| count >= 10), "{seen:?}");
}
