//! Slots, phases, stages, overlap.

use super::{CHANGED, plain, staged};
use crate::action::Action;
use crate::environment::file::Overlap;
use crate::tests::script::{Judgement, Kind};

#[test]
fn four_build_at_once_and_the_moment_one_ends_the_next_starts() {
    let mut script = plain(6);
    script.parts[2].build.takes = 3;
    let starts = script.told_of("build");
    let expected = [
        "0 open build 0",
        "0 start s0 build 1 @1",
        "0 start s1 build 1 @2",
        "0 start s2 build 1 @3",
        "0 start s3 build 1 @4",
        "13 start s4 build 1 @3",
        "20 start s5 build 1 @1",
        "40 end build 0 succeeded",
    ];
    assert_eq!(starts, expected);
}

#[test]
fn build_and_push_share_one_slot_without_a_gap() {
    let mut script = plain(2);
    script.spec.stages[0].build_limit = 1;
    let told = script.told();
    let expected = [
        "0 start s0 build 1 @1",
        "10 start s0 push 1 @1",
        "20 start s1 build 1 @1",
        "30 start s1 push 1 @1",
        "40 end build 0 succeeded",
        "40 open deploy 0",
        "40 start s0 deploy 1 @1",
    ];
    assert_eq!(told[2..9], expected);
}

#[test]
fn nothing_of_a_stage_starts_before_the_one_before_is_settled() {
    let script = staged(&[1, 1]);
    let expected = [
        "0 open stage 0".to_owned(),
        "0 open build 0".to_owned(),
        "0 start s0 build 1 @1".to_owned(),
        "10 start s0 push 1 @1".to_owned(),
        "20 end build 0 succeeded".to_owned(),
        "20 open deploy 0".to_owned(),
        "20 start s0 deploy 1 @1".to_owned(),
        "30 settle s0 succeeded".to_owned(),
        "30 end deploy 0 succeeded".to_owned(),
        "30 end stage 0 succeeded".to_owned(),
        "30 open stage 1".to_owned(),
    ];
    assert_eq!(script.told()[..11], expected);
    assert_eq!(script.last(), "60 over succeeded");
}

#[test]
fn within_a_stage_a_service_may_deploy_once_its_own_image_is_pushed() {
    let mut script = plain(2);
    script.parts[1].build.takes = 100;
    assert_eq!(
        script.told_of("s0").last().unwrap(),
        "120 settle s0 succeeded"
    );
    script.spec.overlap = Overlap::WithinStage;
    assert_eq!(
        script.told_of("s0").last().unwrap(),
        "30 settle s0 succeeded"
    );
}

#[test]
fn across_stages_later_ones_build_ahead_but_deploy_in_order() {
    let mut script = staged(&[1, 1]);
    script.parts[0].deploy.takes = 100;
    script.spec.overlap = Overlap::AcrossStages;
    assert_eq!(
        script.told_of("s1")[..2],
        ["0 start s1 build 1 @2", "10 start s1 push 1 @2"]
    );
    assert_eq!(script.told_of("s1")[2], "120 start s1 deploy 1 @1");
}

#[test]
fn across_stages_all_builds_together_keep_the_largest_limit() {
    let mut script = staged(&[3, 3]);
    script.spec.overlap = Overlap::AcrossStages;
    script.spec.stages[0].build_limit = 2;
    script.spec.stages[1].build_limit = 3;
    let at_once: Vec<_> = script
        .told()
        .into_iter()
        .filter(|l| l.starts_with("0 start"))
        .collect();
    let expected = [
        "0 start s0 build 1 @1",
        "0 start s1 build 1 @2",
        "0 start s3 build 1 @3",
    ];
    assert_eq!(at_once, expected);
}

#[test]
fn empty_stages_and_phases_begin_and_end_at_once() {
    let script = staged(&[0, 0]);
    let expected = [
        "0 open stage 0",
        "0 open build 0",
        "0 end build 0 succeeded",
        "0 open deploy 0",
        "0 end deploy 0 succeeded",
        "0 end stage 0 succeeded",
        "0 open stage 1",
    ];
    assert_eq!(script.told()[..7], expected);
    assert_eq!(staged(&[]).told(), ["0 over succeeded"]);
}

#[test]
fn what_is_unchanged_settles_without_a_slot() {
    let unchanged = Judgement {
        kind: Kind::Unchanged,
        ..CHANGED
    };
    let mut script = plain(2);
    script.parts[0].build_verdict = unchanged;
    let expected = ["20 start s0 deploy 1 @1", "30 settle s0 succeeded"];
    assert_eq!(script.told_of("s0"), expected);
    script.parts[0].deploy_verdict = unchanged;
    assert_eq!(script.told_of("s0"), ["20 settle s0 unchanged"]);
}

#[test]
fn an_image_that_is_built_already_is_only_pushed() {
    let mut script = plain(1);
    script.parts[0].build_verdict.kind = Kind::Built;
    let told = script.told_of("s0");
    assert_eq!(
        told[..2],
        ["0 start s0 push 1 @1", "10 start s0 deploy 1 @1"]
    );
}

#[test]
fn needs_order_deploys_and_not_builds() {
    let mut script = plain(2);
    script.spec.services[0].needs = vec![1];
    let expected = [
        "0 start s0 build 1 @1",
        "10 start s0 push 1 @1",
        "30 start s0 deploy 1 @1",
        "40 settle s0 succeeded",
    ];
    assert_eq!(script.told_of("s0"), expected);
}

#[test]
fn a_declared_skip_is_settled_first_and_meets_needs() {
    let mut script = plain(2);
    script.spec.services[0].skipped = Some("broken upstream".into());
    script.spec.services[1].needs = vec![0];
    assert_eq!(script.told()[0], "0 settle s0 declared");
    assert_eq!(
        script.told_of("s1").last().unwrap(),
        "30 settle s1 succeeded"
    );
    assert_eq!(script.last(), "30 over succeeded");
}

#[test]
fn the_host_may_have_fewer_slots_than_the_phase() {
    let mut script = plain(3);
    script.action = Action::Restart;
    script.host_slots = 1;
    let waiting = script
        .trace()
        .into_iter()
        .filter_map(|(_, fact)| match fact {
            crate::fact::Fact::StepWaiting { reason, .. } => Some(reason),
            _ => None,
        });
    let reasons: Vec<_> = waiting.collect();
    assert_eq!(reasons, [crate::wait::Wait::HostSlots; 2]);
    assert_eq!(script.last(), "30 over succeeded");
}

#[test]
fn only_deploys_have_build_phases() {
    for action in [
        Action::Restart,
        Action::Stop,
        Action::Start,
        Action::Destroy,
    ] {
        let mut script = plain(1);
        script.action = action;
        let start = format!("0 start s0 {action} 1 @1");
        assert_eq!(
            script.told()[..3],
            ["0 open stage 0", "0 open deploy 0", &start]
        );
    }
}

#[test]
fn taking_down_goes_backwards() {
    let mut script = staged(&[2, 1]);
    script.action = Action::Stop;
    script.spec.services[1].needs = vec![0];
    let starts: Vec<_> = script
        .told()
        .into_iter()
        .filter(|l| l.contains("start"))
        .collect();
    let expected = [
        "0 start s2 stop 1 @1",
        "10 start s1 stop 1 @1",
        "20 start s0 stop 1 @1",
    ];
    assert_eq!(starts, expected);
}
