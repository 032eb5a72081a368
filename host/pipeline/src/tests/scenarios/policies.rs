//! What a failure means for the rest.

use super::{plain, staged};
use crate::action::Action;
use crate::environment::file::{OnFailure, Overlap};
use crate::failure::Retry;
use crate::tests::script::{Play, Script};

const FAILS: Play = Play {
    takes: 10,
    failures: 99,
    retry: Retry::Never,
};

fn settled(script: &Script) -> Vec<String> {
    let settled = script.told().into_iter().filter(|l| l.contains(" settle "));
    let word = |line: String| line.split(' ').skip(2).collect::<Vec<_>>().join(" ");
    settled.map(word).collect()
}

#[test]
fn fail_fast_starts_nothing_new_and_lets_finish_what_runs() {
    let mut script = staged(&[6, 1]);
    script.action = Action::Restart;
    script.parts[0].deploy = FAILS;
    script.parts[1].deploy.takes = 25;
    let expected = [
        "0 open stage 0",
        "0 open deploy 0",
        "0 start s0 restart 1 @1",
        "0 start s1 restart 1 @2",
        "0 start s2 restart 1 @3",
        "0 start s3 restart 1 @4",
        "10 settle s0 failed",
        "10 settle s4 halted",
        "10 settle s5 halted",
        "10 settle s6 halted",
        "10 settle s2 succeeded",
        "10 settle s3 succeeded",
        "25 settle s1 succeeded",
        "25 end deploy 0 failed",
        "25 end stage 0 failed",
        "25 skip stage 1",
        "25 over failed",
    ];
    assert_eq!(script.told(), expected);
}

#[test]
fn finish_stage_runs_the_stage_and_skips_the_later_ones() {
    let mut script = staged(&[6, 1]);
    script.action = Action::Restart;
    script.spec.stages[0].on_failure = OnFailure::FinishStage;
    script.parts[0].deploy = FAILS;
    assert_eq!(
        script.told_of("s5").last().unwrap(),
        "20 settle s5 succeeded"
    );
    assert_eq!(script.told_of("s6"), ["10 settle s6 stage-failed"]);
    assert_eq!(script.told_of("stage").last().unwrap(), "20 skip stage 1");
    assert_eq!(script.last(), "20 over failed");
}

#[test]
fn continue_runs_later_stages_and_ends_failed() {
    let mut script = staged(&[2, 1]);
    script.spec.stages[0].on_failure = OnFailure::Continue;
    script.parts[0].deploy = FAILS;
    assert_eq!(
        settled(&script),
        ["s0 failed", "s1 succeeded", "s2 succeeded"]
    );
    assert!(script.last().ends_with("over failed"));
}

#[test]
fn nothing_is_deployed_of_a_stage_that_does_not_build() {
    for policy in [OnFailure::FinishStage, OnFailure::Continue] {
        let mut script = staged(&[2, 1]);
        script.spec.stages[0].on_failure = policy;
        script.parts[0].build = FAILS;
        let last = match policy {
            OnFailure::Continue => "s2 succeeded",
            _ => "s2 stage-failed",
        };
        let mut expected = ["s0 failed", "s1 stage-not-built", last];
        let mut all = settled(&script);
        expected.sort_unstable();
        all.sort();
        assert_eq!(all, expected);
        let deploys = script.told_of("deploy");
        assert!(
            !deploys.iter().any(|l| l.contains("s0") || l.contains("s1")),
            "{deploys:?}"
        );
    }
}

#[test]
fn within_stage_may_leave_a_stage_partly_deployed() {
    let mut script = plain(2);
    script.spec.overlap = Overlap::WithinStage;
    script.spec.stages[0].on_failure = OnFailure::Continue;
    script.parts[0].build = FAILS;
    assert_eq!(settled(&script), ["s0 failed", "s1 succeeded"]);
}

#[test]
fn a_failed_need_skips_its_dependants_even_under_continue() {
    let mut script = staged(&[3, 1]);
    script.spec.stages[0].on_failure = OnFailure::Continue;
    script.spec.services[1].needs = vec![0];
    script.spec.services[3].needs = vec![1];
    script.parts[0].deploy = FAILS;
    let expected = [
        "s0 failed",
        "s1 need-failed",
        "s3 need-failed",
        "s2 succeeded",
    ];
    assert_eq!(settled(&script), expected);
}

#[test]
fn destroy_goes_on_after_errors_and_takes_skipped_services() {
    let mut script = staged(&[2, 1]);
    script.action = Action::Destroy;
    script.spec.services[2].needs = vec![0];
    script.spec.services[1].skipped = Some("not now".into());
    script.parts[2].deploy = FAILS;
    assert_eq!(
        settled(&script),
        ["s2 failed", "s0 succeeded", "s1 succeeded"]
    );
    assert!(script.last().ends_with("over failed"));
}

#[test]
fn every_error_is_reported() {
    let mut script = plain(3);
    script.action = Action::Restart;
    for part in &mut script.parts {
        part.deploy = FAILS;
    }
    assert_eq!(settled(&script), ["s0 failed", "s1 failed", "s2 failed"]);
}

#[test]
fn a_build_that_ends_after_a_failure_is_not_pushed() {
    let mut script = plain(2);
    script.parts[0].build = FAILS;
    script.parts[1].build.takes = 20;
    assert_eq!(
        script.told_of("s1"),
        ["0 start s1 build 1 @2", "20 settle s1 halted"]
    );
}
