//! What is said of everything that does not run.

use super::{plain, staged};
use crate::action::{Action, Phase};
use crate::course::{ServiceId, StageId};
use crate::environment::file::Overlap;
use crate::failure::Retry;
use crate::moment::Timestamp;
use crate::state::State;
use crate::tests::script::Script;
use crate::wait::Wait;

/// What a service waits for once everything has happened that happens up to `until`.
fn waiting(script: &Script, service: u32, until: u64) -> Option<Wait> {
    let mut state = State::new(script.course());
    let trace = script.trace().into_iter();
    for (_, fact) in trace.take_while(|(at, _)| *at <= Timestamp(until)) {
        state.apply(&fact).unwrap();
    }
    state.waiting(ServiceId(service))
}

#[test]
fn the_limit_that_is_reached_is_the_one_that_is_named() {
    let mut script = staged(&[2, 3]);
    script.spec.overlap = Overlap::AcrossStages;
    script.spec.stages[0].build_limit = 1;
    script.spec.stages[1].build_limit = 3;
    let phase = Phase::Build;
    // Its own stage builds one at a time.
    assert_eq!(waiting(&script, 1, 5), Some(Wait::Slot { phase, limit: 1 }));
    // Its own stage has room, but both together have three.
    assert_eq!(waiting(&script, 4, 5), Some(Wait::Slot { phase, limit: 3 }));
    script.host_slots = 2;
    assert_eq!(waiting(&script, 3, 5), Some(Wait::HostSlots));
}

#[test]
fn stages_builds_and_needs_are_named() {
    let mut script = staged(&[3, 1]);
    script.parts[1].build.takes = 50;
    script.parts[2].deploy.takes = 50;
    script.spec.services[0].needs = vec![1, 2];
    assert_eq!(waiting(&script, 3, 5), Some(Wait::Stage(StageId(0))));
    assert_eq!(waiting(&script, 0, 30), Some(Wait::Builds(1)));
    assert_eq!(waiting(&script, 1, 30), None);
    let first = |service| Wait::Needs {
        first: ServiceId(service),
        count: 3 - service,
    };
    assert_eq!(waiting(&script, 0, 65), Some(first(1)));
    assert_eq!(waiting(&script, 0, 75), Some(first(2)));
}

#[test]
fn assessments_and_pauses_are_named() {
    let mut script = plain(1);
    script.action = Action::Restart;
    script.parts[0].deploy_verdict.takes = 8;
    script.parts[0].deploy.failures = 1;
    script.parts[0].deploy.retry = Retry::AfterMs(2_000);
    script.spec.services[0].retry.max = 1;
    assert_eq!(
        State::new(script.course()).waiting(ServiceId(0)),
        Some(Wait::Beginning)
    );
    assert_eq!(
        waiting(&script, 0, 5),
        Some(Wait::Assessment(Phase::Deploy))
    );
    let pause = Wait::Backoff {
        until: Timestamp(2_018),
        attempt: 2,
    };
    assert_eq!(waiting(&script, 0, 20), Some(pause));
    let sentence = pause.sentence(&script.course()).to_string();
    assert_eq!(sentence, "attempt 2 follows at 1970-01-01T00:00:02.018Z");
    assert_eq!(waiting(&script, 0, 9_000), None);
    assert_eq!(waiting(&script, 9, 5), None);
}
