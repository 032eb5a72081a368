//! On which occasions jobs run.

use super::{plain, staged};
use crate::action::Action;
use crate::environment::file::{Run, ServiceType};
use crate::tests::script::Script;

fn job(script: &mut Script, at: usize, run: &[Run]) {
    script.spec.services[at].kind = ServiceType::Job;
    script.spec.services[at].run = run.to_vec();
}

fn starts(script: &Script) -> Vec<String> {
    let lines = script.told().into_iter();
    lines.filter(|line| line.contains(" start ")).collect()
}

#[test]
fn a_job_runs_for_the_last_time_before_it_is_removed_in_the_same_slot() {
    let mut script = staged(&[1, 1]);
    script.action = Action::Destroy;
    script.spec.stages[0].deploy_limit = 1;
    job(&mut script, 0, &[Run::OnDestroy]);
    assert_eq!(
        starts(&script),
        [
            "0 start s1 destroy 1 @1",
            "10 start s0 deploy 1 @1",
            "20 start s0 destroy 1 @1"
        ]
    );
}

#[test]
fn stopping_runs_only_the_jobs_that_say_so() {
    let mut script = plain(3);
    script.action = Action::Stop;
    job(&mut script, 0, &[Run::OnStop]);
    job(&mut script, 1, &[Run::OnDeploy]);
    assert_eq!(
        starts(&script),
        ["0 start s0 deploy 1 @1", "0 start s2 stop 1 @2"]
    );
    assert_eq!(script.told_of("s1"), ["0 settle s1 declared"]);
}

#[test]
fn starting_and_restarting_have_nothing_to_do_for_a_job() {
    for action in [Action::Start, Action::Restart] {
        let mut script = plain(1);
        script.action = action;
        job(&mut script, 0, &[Run::OnDeploy, Run::OnChange]);
        assert_eq!(script.told_of("s0"), ["0 settle s0 declared"]);
    }
}

#[test]
fn a_rollback_runs_the_jobs_that_say_so_and_builds_nothing() {
    let mut script = plain(3);
    script.action = Action::Rollback;
    job(&mut script, 0, &[Run::OnRollback]);
    job(&mut script, 1, &[Run::OnDeploy]);
    assert_eq!(
        starts(&script),
        ["0 start s0 deploy 1 @1", "0 start s2 deploy 1 @2"]
    );
}

#[test]
fn what_is_undone_is_undone_in_reverse() {
    let mut script = staged(&[2, 1]);
    script.action = Action::Rollback;
    script.spec.reversed = true;
    script.spec.services[1].needs = vec![0];
    assert_eq!(
        starts(&script),
        [
            "0 start s2 deploy 1 @1",
            "10 start s1 deploy 1 @1",
            "20 start s0 deploy 1 @1"
        ]
    );
}

#[test]
fn a_job_that_is_asked_for_by_name_runs_whatever_it_says() {
    let mut script = plain(1);
    script.action = Action::Run;
    job(&mut script, 0, &[]);
    assert_eq!(starts(&script), ["0 start s0 deploy 1 @1"]);
}
