use std::time::Duration;

use serde_json::json;
use stagewright_sdk::harness::{port, service, step};

use super::*;
use crate::made_up::{Behaviour, MadeUp};

/// Answers well from the second check on.
fn good() -> Behaviour {
    Behaviour::Answers(vec![0, 200])
}

/// Never answers well.
fn bad() -> Behaviour {
    Behaviour::Answers(vec![503])
}

fn api() -> Service {
    let mut api = service("api");
    api.ports = vec![port("http", 8080)];
    api.health = Some(r#"{"http":{"port":"http"},"within":"3s"}"#.to_owned());
    api
}

fn config(with: serde_json::Value) -> Config {
    serde_json::from_value(with).unwrap()
}

fn roll(machine: &MadeUp, with: serde_json::Value) -> Result<State, Failure> {
    deploy(machine, &step("new"), &api(), &config(with), "layout:x")
}

fn detail<'a>(failure: &'a Failure, name: &str) -> Option<&'a str> {
    let found = failure.details.iter().find(|(known, _)| known == name);
    found.map(|(_, value)| value.as_str())
}

#[test]
fn the_first_release_is_installed_started_and_waited_for() {
    let machine = MadeUp::new(good());
    let state = roll(&machine, json!({})).unwrap();
    assert_eq!(machine.done(), ["install new", "start new"]);
    assert_eq!(
        state,
        State::new("ready", "It is ready.").of("new", "layout:x")
    );
}

#[test]
fn with_ports_of_its_own_the_old_one_stops_first_and_goes_when_the_new_one_is_ready() {
    let machine = MadeUp::new(good()).with("old", "running", good());
    roll(&machine, json!({})).unwrap();
    assert_eq!(
        machine.done(),
        ["install new", "stop old", "start new", "remove old"]
    );
}

#[test]
fn with_handed_over_sockets_the_old_one_serves_until_the_new_one_is_ready() {
    let machine = MadeUp::new(good()).with("old", "running", good());
    roll(&machine, json!({"activation": "socket"})).unwrap();
    assert_eq!(
        machine.done(),
        ["install new", "start new", "stop old", "remove old"]
    );
}

#[test]
fn the_newest_releases_are_kept_and_what_was_never_started_is_not() {
    let machine = MadeUp::new(good())
        .with("first", "stopped", good())
        .with("second", "stopped", good())
        .with("third", "running", good())
        .with("leftover", "installed", good());
    roll(&machine, json!({"keep_releases": 2})).unwrap();
    let left: Vec<String> = machine.conditions().into_iter().map(|(id, _)| id).collect();
    assert_eq!(left, ["new", "third"]);
}

#[test]
fn when_the_new_one_does_not_get_ready_the_old_one_is_started_again() {
    let machine = MadeUp::new(bad()).with("old", "running", good());
    let failure = roll(&machine, json!({})).unwrap_err();
    let expected = [
        "install new",
        "stop old",
        "start new",
        "stop new",
        "start-again old",
        "remove new",
    ];
    assert_eq!(machine.done(), expected);
    assert_eq!(
        machine.conditions(),
        [("old".to_owned(), "running".to_owned())]
    );
    assert_eq!(failure.code, "process.not-ready");
    assert_eq!(
        failure.message,
        "`api` did not become ready: after 3s, GET / on port 8080 answered 503. \
         The previous release, of step old, was started again."
    );
    assert_eq!(
        detail(&failure, "last-lines"),
        Some("new said so, at most 20 times")
    );
    let check = "after 3s, GET / on port 8080 answered 503";
    assert_eq!(detail(&failure, "last-check"), Some(check));
    assert_eq!(detail(&failure, "previous"), Some("restarted"));
}

#[test]
fn an_old_one_that_ends_by_itself_when_it_is_back_is_told() {
    let machine = MadeUp::new(bad()).with("old", "running", Behaviour::Crashes);
    let failure = roll(&machine, json!({})).unwrap_err();
    assert!(
        failure.message.ends_with(
            "The previous release, of step old, was started again and did not become ready, \
             either: its process ended 3 times and more, at last with exit code 7."
        ),
        "{}",
        failure.message
    );
    assert_eq!(detail(&failure, "previous"), Some("not-ready"));
    let hint =
        "Its last lines are below; `stagewright logs test-1 --service api` shows them again.";
    assert_eq!(failure.hint.as_deref(), Some(hint));
}

/// The check is the one of the new release, which the old one may never have known.
#[test]
fn an_old_one_that_runs_is_not_called_broken_because_of_the_check_of_the_new_one() {
    let machine = MadeUp::new(bad()).with("old", "running", bad());
    let failure = roll(&machine, json!({})).unwrap_err();
    assert!(
        failure.message.ends_with(
            "The previous release, of step old, was started again and not waited for until it \
             is ready."
        ),
        "{}",
        failure.message
    );
    assert_eq!(detail(&failure, "previous"), Some("restarted"));
    let check = "after 3s, GET / on port 8080 answered 503";
    assert_eq!(detail(&failure, "previous-check"), Some(check));
    assert_eq!(
        machine.conditions(),
        [("old".to_owned(), "running".to_owned())]
    );
}

#[test]
fn where_the_new_one_has_used_up_the_time_there_is_some_left_for_the_old_one() {
    let mut api = api();
    api.health = Some(r#"{"http":{"port":"http"}}"#.to_owned());
    let slow = Behaviour::Answers(vec![0, 0, 0, 200]);
    let machine = MadeUp::new(bad()).with("old", "running", slow);
    machine.0.borrow_mut().deadline = Some(Duration::from_secs(60));
    let with = config(json!({"stop_grace": "10s"}));
    let failure = deploy(&machine, &step("new"), &api, &with, "layout:x").unwrap_err();
    assert_eq!(
        failure.message,
        "`api` did not become ready: after 45s, GET / on port 8080 answered 503. \
         The previous release, of step old, was started again."
    );
    assert_eq!(detail(&failure, "previous-check"), None);
}

#[test]
fn an_old_one_that_needs_longer_than_there_is_time_is_left_running() {
    let mut api = api();
    api.health = Some(r#"{"http":{"port":"http"}}"#.to_owned());
    let machine = MadeUp::new(bad()).with("old", "running", bad());
    let deadline = Duration::from_secs(60);
    machine.0.borrow_mut().deadline = Some(deadline);
    let with = config(json!({}));
    let failure = deploy(&machine, &step("new"), &api, &with, "layout:x").unwrap_err();
    assert_eq!(detail(&failure, "previous"), Some("restarted"));
    assert!(machine.0.borrow().now < deadline);
}

#[test]
fn when_the_new_one_does_not_get_ready_an_old_one_that_was_not_stopped_serves_on() {
    let machine = MadeUp::new(bad()).with("old", "running", good());
    let failure = roll(&machine, json!({"activation": "socket"})).unwrap_err();
    assert_eq!(
        machine.done(),
        ["install new", "start new", "stop new", "remove new"]
    );
    assert_eq!(detail(&failure, "previous"), Some("serving"));
}

#[test]
fn a_program_that_cannot_be_started_is_undone_as_well() {
    let machine = MadeUp::new(Behaviour::Refuses).with("old", "running", good());
    let failure = roll(&machine, json!({})).unwrap_err();
    assert_eq!(failure.code, "process.not-found");
    assert_eq!(
        machine.conditions(),
        [("old".to_owned(), "running".to_owned())]
    );
}

#[test]
fn a_program_that_ends_at_once_is_a_failure_with_its_exit() {
    let machine = MadeUp::new(Behaviour::Ends(1));
    let failure = roll(&machine, json!({})).unwrap_err();
    assert_eq!(detail(&failure, "exit"), Some("exit code 1"));
    assert_eq!(detail(&failure, "previous"), None);
    assert!(machine.conditions().is_empty());
}

#[test]
fn an_old_one_that_cannot_be_started_again_is_told() {
    let machine = MadeUp::new(bad()).with("old", "running", good());
    machine.0.borrow_mut().worn_out = true;
    let failure = roll(&machine, json!({})).unwrap_err();
    assert!(failure.message.ends_with("could not be started again."));
    assert_eq!(detail(&failure, "previous"), Some("stopped"));
    assert_eq!(detail(&failure, "previous-error"), Some("It is worn out."));
}

#[test]
fn a_cancelled_step_is_undone() {
    let machine = MadeUp::new(bad()).with("old", "running", good());
    machine.0.borrow_mut().cancelled_at = Some(Duration::from_millis(100));
    let failure = roll(&machine, json!({})).unwrap_err();
    assert_eq!(failure.code, "cancelled");
    assert_eq!(
        machine.conditions(),
        [("old".to_owned(), "running".to_owned())]
    );
}

#[test]
fn a_step_whose_release_runs_is_not_started_twice() {
    let machine = MadeUp::new(bad())
        .with("old", "stopped", good())
        .with("new", "running", good());
    let state = roll(&machine, json!({})).unwrap();
    assert_eq!(machine.done(), ["remove old"]);
    assert_eq!(state.condition, "ready");
}

#[test]
fn a_step_that_goes_on_after_a_crash_still_brings_the_old_one_back() {
    let machine = MadeUp::new(bad())
        .with("old", "stopped", good())
        .with("new", "installed", bad());
    let failure = roll(&machine, json!({})).unwrap_err();
    assert_eq!(
        machine.done(),
        ["start new", "stop new", "start-again old", "remove new"]
    );
    assert_eq!(detail(&failure, "previous"), Some("restarted"));
}

#[test]
fn an_old_one_that_somebody_had_stopped_stays_stopped() {
    let machine = MadeUp::new(bad()).with("old", "stopped", good());
    roll(&machine, json!({})).unwrap_err();
    assert_eq!(
        machine.conditions(),
        [("old".to_owned(), "stopped".to_owned())]
    );
}

#[test]
fn releases_that_would_bind_the_same_ports_are_refused_before_anything_happens() {
    let machine = MadeUp::new(good()).with("old", "running", good());
    let failure = roll(&machine, json!({"replace": "start-first"})).unwrap_err();
    assert_eq!(failure.code, "process.ports-fixed");
    assert!(machine.done().is_empty());
}
