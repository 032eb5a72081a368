//! Retries, backoffs and deadlines.

use super::{plain, staged};
use crate::action::Action;
use crate::environment::file::ServiceType;
use crate::fact::Fact;
use crate::failure::Retry;
use crate::tests::script::{Play, Script};

fn failing(failures: u16) -> Play {
    Play {
        takes: 10,
        failures,
        retry: Retry::Later,
    }
}

fn retrying(services: usize) -> Script {
    let mut script = plain(services);
    for service in &mut script.spec.services {
        service.retry.max = 2;
        service.retry.backoff = 100;
    }
    script
}

fn starts(script: &Script, step: &str) -> Vec<String> {
    let of_step = |l: &String| l.contains("start") && l.contains(step);
    script.told().into_iter().filter(of_step).collect()
}

#[test]
fn max_two_means_three_attempts() {
    let mut script = retrying(1);
    script.action = Action::Restart;
    script.parts[0].deploy = failing(2);
    assert_eq!(starts(&script, "restart").len(), 3);
    assert!(script.last().ends_with("over succeeded"));
    script.parts[0].deploy = failing(3);
    assert_eq!(starts(&script, "restart").len(), 3);
    assert!(script.last().ends_with("over failed"));
}

#[test]
fn a_retried_push_does_not_build_again() {
    let mut script = retrying(1);
    script.parts[0].push = failing(1);
    assert_eq!(starts(&script, " build ").len(), 1);
    assert_eq!(starts(&script, " push ").len(), 2);
    assert!(script.last().ends_with("over succeeded"));
}

#[test]
fn a_backoff_frees_the_slot_and_a_retry_keeps_its_place() {
    let mut script = retrying(4);
    script.action = Action::Restart;
    script.spec.stages[0].deploy_limit = 1;
    script.parts[0].deploy = failing(1);
    script.parts[1].deploy.takes = 200;
    let order: Vec<_> = starts(&script, "restart")
        .iter()
        .map(|l| l.split(' ').nth(2).unwrap().to_owned())
        .collect();
    // While s0 pauses, s1 runs; then s0 is first again, before s2 and s3.
    assert_eq!(order, ["s0", "s1", "s0", "s2", "s3"]);
}

#[test]
fn a_failure_says_when_at_the_earliest_or_never() {
    let mut script = retrying(1);
    script.action = Action::Restart;
    script.parts[0].deploy = Play {
        retry: Retry::AfterMs(5_000),
        ..failing(1)
    };
    assert_eq!(script.told_of("retry"), ["10 retry s0 at 5010"]);
    script.parts[0].deploy.retry = Retry::Never;
    assert!(script.told_of("retry").is_empty());
}

#[test]
fn jobs_are_retried_only_when_idempotent() {
    let mut script = retrying(1);
    script.spec.services[0].kind = ServiceType::Job;
    script.parts[0].deploy = failing(1);
    script.parts[0].build = failing(1);
    assert_eq!(starts(&script, " build ").len(), 2);
    assert_eq!(starts(&script, " deploy ").len(), 1);
    script.spec.services[0].idempotent = true;
    assert_eq!(starts(&script, " deploy ").len(), 2);
    // Removing a job runs nothing of it.
    script.spec.services[0].idempotent = false;
    script.action = Action::Destroy;
    assert_eq!(starts(&script, " destroy ").len(), 2);
}

fn deadlines(script: &Script) -> Vec<(u64, u64)> {
    let trace = script.trace().into_iter();
    let starts = trace.filter_map(|(at, fact)| match fact {
        Fact::StepStarted {
            service, deadline, ..
        } if service.0 == 0 => Some((at.0, deadline.0)),
        _ => None,
    });
    starts.collect()
}

#[test]
fn a_deadline_spans_attempts_and_backoffs_but_not_the_wait_for_a_slot() {
    let mut script = retrying(2);
    script.action = Action::Restart;
    script.spec.stages[0].deploy_limit = 1;
    script.spec.services[0].timeouts.deploy = 1_000;
    script.parts[0].deploy = failing(1);
    script.parts[1].deploy.takes = 500;
    let [(first, end), (second, later)] = deadlines(&script)[..] else {
        panic!("two attempts");
    };
    assert_eq!((first, end), (0, 1_000));
    // s1 holds the only slot from 10 to 510. The backoff ends before, and from its end on the
    // clock of the step stands still.
    let pause = script.told_of("retry")[0]
        .rsplit(' ')
        .next()
        .unwrap()
        .parse::<u64>()
        .unwrap();
    assert!((60..=110).contains(&pause));
    assert_eq!((second, later), (510, 510 + 1_000 - pause));
}

#[test]
fn there_is_no_retry_when_the_time_would_be_over() {
    let mut script = retrying(1);
    script.action = Action::Restart;
    script.parts[0].deploy = failing(1);
    script.spec.services[0].timeouts.deploy = 10 + 50;
    assert!(script.told_of("retry").is_empty());
    script.spec.services[0].timeouts.deploy = 10 + 101;
    assert_eq!(script.told_of("retry").len(), 1);
}

#[test]
fn a_failed_assessment_is_asked_again() {
    let mut script = retrying(1);
    script.spec.services[0].kind = ServiceType::Job;
    script.parts[0].deploy_verdict.failures = 2;
    let asked = |script: &Script| {
        let deploys = |f: &Fact| matches!(f, Fact::AssessmentAsked { phase, .. } if phase.as_str() == "deploy");
        script
            .trace()
            .iter()
            .filter(|(_, fact)| deploys(fact))
            .count()
    };
    assert_eq!(asked(&script), 3);
    assert!(script.last().ends_with("over succeeded"));
    script.parts[0].deploy_verdict.failures = 3;
    assert!(script.last().ends_with("over failed"));
}

#[test]
fn a_failure_elsewhere_ends_a_pause_as_failed() {
    let mut script = retrying(2);
    script.action = Action::Restart;
    script.parts[0].deploy = failing(1);
    script.parts[1].deploy = Play {
        takes: 20,
        retry: Retry::Never,
        ..failing(1)
    };
    assert_eq!(script.told_of("s0").last().unwrap(), "20 settle s0 failed");
    let mut apart = staged(&[1, 1]);
    apart.parts[0].deploy = failing(1);
    assert_eq!(apart.told_of("s1"), ["30 settle s1 halted"]);
}
