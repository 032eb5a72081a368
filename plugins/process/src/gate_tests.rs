//! The gate of the SDK, before the releases of a machine that is made up.

use std::time::Duration;

use stagewright_sdk::harness::{port, service};
use stagewright_sdk::readiness::{Gate, Time};

use crate::machine::Machine;
use crate::made_up::{Behaviour, MadeUp};

fn gate(health: Option<&str>) -> Gate {
    let mut api = service("api");
    api.ports = vec![port("http", 8080)];
    api.health = health.map(str::to_owned);
    Gate::of(&api, Duration::from_secs(10)).unwrap()
}

/// A release that runs, and the machine that it runs on.
fn running(behaviour: Behaviour) -> (MadeUp, <MadeUp as Machine>::Release) {
    let machine = MadeUp::new(Behaviour::Refuses).with("a", "running", behaviour);
    let release = machine.releases().unwrap().remove(0);
    (machine, release)
}

const HTTP: &str = r#"{"http":{"port":"http","path":"/healthz"},"within":"10s"}"#;

#[test]
fn it_waits_until_the_service_answers_well() {
    let (machine, release) = running(Behaviour::Answers(vec![0, 0, 503, 204]));
    assert_eq!(gate(Some(HTTP)).pass(&machine, &release), Ok(()));
    // 50, 100 and 200 ms: the pauses grow toward the declared interval.
    assert_eq!(machine.elapsed(), Duration::from_millis(350));
}

#[test]
fn a_check_that_a_cancel_broke_off_says_nothing_of_the_service() {
    let (machine, release) = running(Behaviour::Answers(vec![0, 2]));
    let why = gate(Some(HTTP)).pass(&machine, &release).unwrap_err();
    assert!(why.cancelled, "{why:?}");
}

#[test]
fn pauses_never_grow_beyond_the_interval() {
    let health = r#"{"tcp":{"port":"http"},"interval":"80ms"}"#;
    let (machine, release) = running(Behaviour::Answers(vec![0, 0, 0, 200]));
    assert_eq!(gate(Some(health)).pass(&machine, &release), Ok(()));
    assert_eq!(machine.elapsed(), Duration::from_millis(50 + 80 + 80));
}

#[test]
fn each_check_says_what_it_did_not_like() {
    for (check, expected) in [
        (
            r#"{"tcp":{"port":"http"},"within":"1s"}"#,
            "after 1s, nobody listens",
        ),
        (
            r#"{"http":{"port":"http","path":"/up"},"within":"1s"}"#,
            "after 1s, GET /up on port 8080 answered 500",
        ),
        (
            r#"{"exec":{"command":["/app/check","-q"]},"within":"1s"}"#,
            "after 1s, the check `/app/check -q` ended with exit code 300",
        ),
        (
            r#"{"grpc":{"port":"http"},"within":"1s"}"#,
            "after 1s, the gRPC health check on port 8080 answered NOT_SERVING",
        ),
    ] {
        let answer = if check.contains("tcp") { 0 } else { 500 };
        let (machine, release) = running(Behaviour::Answers(vec![answer]));
        let why = gate(Some(check)).pass(&machine, &release).unwrap_err();
        assert_eq!(why.reason, expected);
        assert_eq!(machine.elapsed(), Duration::from_secs(1));
    }
}

#[test]
fn each_check_is_content_with_a_good_answer() {
    for check in [
        r#"{"tcp":{"port":"http"}}"#,
        r#"{"http":{"port":"http"}}"#,
        r#"{"exec":{"command":["/app/check"]}}"#,
        r#"{"grpc":{"port":"http"}}"#,
    ] {
        let (machine, release) = running(Behaviour::Answers(vec![200]));
        assert_eq!(
            gate(Some(check)).pass(&machine, &release),
            Ok(()),
            "{check}"
        );
        assert_eq!(gate(Some(check)).complaint(&release), None);
    }
}

#[test]
fn a_failure_that_waiting_does_not_help_ends_the_wait() {
    let (machine, release) = running(Behaviour::Answers(vec![1]));
    let why = gate(Some(HTTP)).pass(&machine, &release).unwrap_err();
    assert_eq!(why.reason, "somebody else listens");
    assert_eq!(machine.elapsed(), Duration::ZERO);
}

#[test]
fn a_program_that_ends_or_keeps_crashing_is_not_waited_for() {
    let machine = MadeUp::new(Behaviour::Refuses).with("a", "exited", Behaviour::Ends(3));
    let release = machine.releases().unwrap().remove(0);
    let why = gate(Some(HTTP)).pass(&machine, &release).unwrap_err();
    assert_eq!(why.reason, "its process ended with exit code 3");
    assert_eq!(why.exit.and_then(|exit| exit.code), Some(3));
    let (machine, release) = running(Behaviour::Crashes);
    let why = gate(Some(HTTP)).pass(&machine, &release).unwrap_err();
    assert!(
        why.reason
            .contains("3 times and more, at last with exit code 7"),
        "{why:?}"
    );
    assert!(machine.elapsed() < Duration::from_secs(1));
}

#[test]
fn without_a_check_it_has_to_run_for_a_moment() {
    let (machine, release) = running(Behaviour::Answers(vec![]));
    assert_eq!(gate(None).pass(&machine, &release), Ok(()));
    assert!(machine.elapsed() >= Duration::from_secs(1));
    let (machine, release) = running(Behaviour::Crashes);
    assert!(gate(None).pass(&machine, &release).is_err());
    assert_eq!(machine.elapsed(), Duration::ZERO);
}

#[test]
fn time_to_put_things_right_is_kept_back_from_the_deadline() {
    let health = r#"{"tcp":{"port":"http"},"within":"10m"}"#;
    let (machine, release) = running(Behaviour::Answers(vec![0]));
    machine.0.borrow_mut().deadline = Some(Duration::from_secs(60));
    gate(Some(health)).pass(&machine, &release).unwrap_err();
    assert_eq!(machine.elapsed(), Duration::from_secs(60 - 10 - 5));
    let (machine, release) = running(Behaviour::Answers(vec![0]));
    gate(Some(r#"{"tcp":{"port":"http"}}"#))
        .pass(&machine, &release)
        .unwrap_err();
    assert_eq!(machine.elapsed(), Duration::from_secs(10 * 60));
}

#[test]
fn a_cancelled_step_is_not_waited_for() {
    let (machine, release) = running(Behaviour::Answers(vec![0]));
    machine.0.borrow_mut().cancelled_at = Some(Duration::from_secs(2));
    let why = gate(Some(HTTP)).pass(&machine, &release).unwrap_err();
    assert!(why.cancelled);
    assert!(machine.elapsed() < Duration::from_secs(4));
}

#[test]
fn a_check_of_a_port_that_is_not_declared_is_refused_before_anything_happens() {
    let mut api = service("api");
    api.health = Some(r#"{"tcp":{"port":"http"}}"#.to_owned());
    let failure = Gate::of(&api, Duration::ZERO).err().unwrap();
    assert_eq!(failure.code, "service.port-unknown");
}
