use serde_json::json;
use stagewright_sdk::harness::{port, service, step};

use super::*;
use crate::made_up::{Behaviour, MadeUp};

fn good() -> Behaviour {
    Behaviour::Answers(vec![200])
}

fn api() -> Service {
    let mut api = service("api");
    api.ports = vec![port("http", 8080)];
    api.health = Some(r#"{"http":{"port":"http"},"within":"3s"}"#.to_owned());
    api
}

fn schema() -> Service {
    let mut schema = service("schema");
    schema.kind = "job".to_owned();
    schema
}

fn config() -> Config {
    serde_json::from_value(json!({})).unwrap()
}

fn condition(machine: &MadeUp, service: &Service) -> String {
    let state = observe(machine, service, &config()).unwrap();
    assert!(machine.done().is_empty(), "observing changes nothing");
    state.condition
}

#[test]
fn a_service_is_seen_as_it_is() {
    let nothing = || MadeUp::new(Behaviour::Refuses);
    let bad = Behaviour::Answers(vec![503]);
    assert_eq!(condition(&nothing(), &api()), "absent");
    assert_eq!(
        condition(&nothing().with("a", "installed", good()), &api()),
        "absent"
    );
    assert_eq!(
        condition(&nothing().with("a", "running", good()), &api()),
        "ready"
    );
    assert_eq!(
        condition(&nothing().with("a", "running", bad), &api()),
        "failed"
    );
    assert_eq!(
        condition(&nothing().with("a", "starting", good()), &api()),
        "starting"
    );
    assert_eq!(
        condition(&nothing().with("a", "stopped", good()), &api()),
        "stopped"
    );
    assert_eq!(
        condition(&nothing().with("a", "lost", good()), &api()),
        "failed"
    );
    assert_eq!(
        condition(&nothing().with("a", "exited", Behaviour::Ends(1)), &api()),
        "failed"
    );
}

#[test]
fn a_job_is_seen_as_it_is() {
    let nothing = || MadeUp::new(Behaviour::Refuses);
    let with = |condition: &str, code| nothing().with("a", condition, Behaviour::Ends(code));
    assert_eq!(condition(&nothing(), &schema()), "absent");
    assert_eq!(condition(&with("running", 0), &schema()), "starting");
    assert_eq!(condition(&with("exited", 0), &schema()), "completed");
    assert_eq!(condition(&with("exited", 1), &schema()), "failed");
    assert_eq!(condition(&with("lost", 0), &schema()), "failed");
    assert_eq!(condition(&with("stopped", 0), &schema()), "stopped");
    let state = observe(&with("exited", 0), &schema(), &config()).unwrap();
    assert_eq!(state.outputs.len(), 1);
}

#[test]
fn the_release_that_runs_is_the_service_even_when_a_newer_one_was_left_behind() {
    let machine = MadeUp::new(Behaviour::Refuses)
        .with("old", "running", good())
        .with("left", "installed", good());
    let state = observe(&machine, &api(), &config()).unwrap();
    assert_eq!(state.step_id.as_deref(), Some("old"));
    assert_eq!(state.reference.as_deref(), Some("layout:old"));
}

#[test]
fn a_plan_says_what_happens_and_whether_it_is_noticed() {
    let machine = MadeUp::new(Behaviour::Refuses);
    let first = plan(&machine, &api(), &config(), Some("layout:b")).unwrap();
    assert_eq!(
        (first[0].action.as_str(), first[0].downtime),
        ("create", false)
    );
    let machine = machine.with("a", "running", good());
    let next = plan(&machine, &api(), &config(), Some("layout:b")).unwrap();
    assert_eq!(
        (next[0].action.as_str(), next[0].downtime),
        ("replace", true)
    );
    let reason = "its image changes from layout:a to layout:b; it stops before the new one starts";
    assert_eq!(next[0].reason, reason);
    let socket: Config = serde_json::from_value(json!({"activation": "socket"})).unwrap();
    assert!(!plan(&machine, &api(), &socket, None).unwrap()[0].downtime);
    let job = plan(&machine, &schema(), &config(), None).unwrap();
    assert_eq!(job[0].object, "a run of the job schema");
    assert!(machine.done().is_empty());
}

#[test]
fn what_is_stopped_is_started_and_what_runs_is_left_alone() {
    let machine = MadeUp::new(Behaviour::Refuses).with("a", "stopped", good());
    assert_eq!(
        start(&machine, &step("new"), &api(), &config())
            .unwrap()
            .condition,
        "ready"
    );
    assert_eq!(
        start(&machine, &step("new"), &api(), &config())
            .unwrap()
            .condition,
        "ready"
    );
    assert_eq!(machine.done(), ["start a"]);
}

#[test]
fn what_is_not_deployed_or_does_not_get_ready_is_a_failure() {
    let machine = MadeUp::new(Behaviour::Refuses);
    assert_eq!(
        start(&machine, &step("new"), &api(), &config())
            .unwrap_err()
            .code,
        "process.absent"
    );
    let machine = machine.with("a", "stopped", Behaviour::Answers(vec![500]));
    let failure = start(&machine, &step("new"), &api(), &config()).unwrap_err();
    assert_eq!(failure.code, "process.not-ready");
    let more = "`stagewright logs test-1 --release --service api`";
    assert!(failure.hint.unwrap().contains(more));
}

#[test]
fn a_job_is_not_run_by_a_start() {
    let machine = MadeUp::new(Behaviour::Refuses).with("a", "exited", Behaviour::Ends(0));
    assert_eq!(
        start(&machine, &step("new"), &schema(), &config())
            .unwrap()
            .condition,
        "completed"
    );
    assert!(machine.done().is_empty());
}

#[test]
fn stopping_stops_all_that_runs_and_keeps_it() {
    let machine = MadeUp::new(Behaviour::Refuses)
        .with("a", "running", good())
        .with("b", "starting", good())
        .with("c", "exited", Behaviour::Ends(1));
    assert_eq!(stop(&machine).unwrap().condition, "stopped");
    assert_eq!(machine.done(), ["stop b", "stop a"]);
    assert_eq!(machine.conditions().len(), 3);
    assert_eq!(
        stop(&MadeUp::new(Behaviour::Refuses)).unwrap().condition,
        "absent"
    );
}

#[test]
fn data_stays_unless_it_is_told_otherwise() {
    let machine = || MadeUp::new(Behaviour::Refuses).with("a", "running", good());
    let kept = machine();
    destroy(&kept, false).unwrap();
    assert_eq!(kept.done(), ["remove a"]);
    let gone = machine();
    destroy(&gone, true).unwrap();
    assert_eq!(gone.done(), ["remove a", "remove data"]);
}
