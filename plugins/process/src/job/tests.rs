use serde_json::json;
use stagewright_sdk::harness::{service, step};

use super::*;
use crate::made_up::{Behaviour, MadeUp};

fn run_attempt(machine: &MadeUp, attempt: u32) -> Result<State, Failure> {
    let mut schema = service("schema");
    schema.kind = "job".to_owned();
    let mut step = step("new");
    step.attempt = attempt;
    let config: Config = serde_json::from_value(json!({})).unwrap();
    run(machine, &step, &schema, &config, "layout:x")
}

#[test]
fn a_job_is_run_to_its_end_and_its_outputs_are_read() {
    let machine = MadeUp::new(Behaviour::Ends(0)).with("old", "exited", Behaviour::Ends(0));
    let state = run_attempt(&machine, 1).unwrap();
    assert_eq!(
        machine.done(),
        ["install new", "start new", "wait new", "remove old"]
    );
    assert_eq!(state.condition, "completed");
    assert_eq!(state.outputs[0].value, "new");
}

#[test]
fn an_exit_code_other_than_0_is_a_failure_with_the_last_lines() {
    let machine = MadeUp::new(Behaviour::Ends(2)).with("old", "exited", Behaviour::Ends(0));
    let failure = run_attempt(&machine, 1).unwrap_err();
    assert_eq!(failure.code, "job.failed");
    assert_eq!(failure.message, "The job `schema` ended with exit code 2.");
    let more = "`stagewright logs test-1 --release --service schema`";
    assert!(failure.hint.unwrap().contains(more));
    let names: Vec<&str> = failure
        .details
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(names, ["exit", "last-lines"]);
    assert_eq!(
        machine.conditions().len(),
        2,
        "what it left is kept for the next look"
    );
}

#[test]
fn a_job_that_fails_each_time_does_not_pile_up_releases() {
    let machine = MadeUp::new(Behaviour::Ends(2))
        .with("oldest", "exited", Behaviour::Ends(2))
        .with("old", "exited", Behaviour::Ends(2));
    run_attempt(&machine, 1).unwrap_err();
    let left = machine.conditions();
    let left: Vec<&str> = left.iter().map(|(step, _)| step.as_str()).collect();
    assert_eq!(left, ["new", "old"]);
}

#[test]
fn a_job_that_this_step_has_run_is_not_run_again() {
    let machine = MadeUp::new(Behaviour::Refuses).with("new", "exited", Behaviour::Ends(0));
    assert_eq!(run_attempt(&machine, 1).unwrap().condition, "completed");
    assert!(machine.done().is_empty());
    let machine = MadeUp::new(Behaviour::Refuses).with("new", "exited", Behaviour::Ends(5));
    assert_eq!(run_attempt(&machine, 1).unwrap_err().code, "job.failed");
    assert!(machine.done().is_empty());
}

#[test]
fn a_job_that_is_at_work_is_waited_for() {
    let machine = MadeUp::new(Behaviour::Refuses).with("new", "running", Behaviour::Ends(0));
    assert_eq!(run_attempt(&machine, 1).unwrap().condition, "completed");
    assert_eq!(machine.done(), ["wait new"]);
}

#[test]
fn a_further_attempt_runs_it_again() {
    let machine = MadeUp::new(Behaviour::Refuses).with("new", "exited", Behaviour::Ends(5));
    assert_eq!(run_attempt(&machine, 2).unwrap_err().code, "job.failed");
    assert_eq!(machine.done(), ["start new", "wait new"]);
}

#[test]
fn a_job_that_was_lost_in_the_middle_is_not_run_again_by_itself() {
    let machine = MadeUp::new(Behaviour::Refuses).with("new", "lost", Behaviour::Ends(0));
    let failure = run_attempt(&machine, 1).unwrap_err();
    assert_eq!(failure.code, "job.lost");
    assert_eq!(machine.done(), ["stop new"], "what was left of it is ended");
    assert_eq!(run_attempt(&machine, 2).unwrap().condition, "completed");
}

#[test]
fn when_the_wait_is_broken_off_so_is_the_job() {
    let machine = MadeUp::new(Behaviour::Answers(vec![]));
    let failure = run_attempt(&machine, 1).unwrap_err();
    assert_eq!(failure.code, "process.cancelled");
    assert_eq!(
        machine.done(),
        ["install new", "start new", "wait new", "stop new"]
    );
}
