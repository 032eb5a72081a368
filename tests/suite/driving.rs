//! Who drives: cancel, interrupts, other terminals, the background, crashes.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use rustix::process::Signal;
use serde_json::Value;

use crate::environment::{free_port, get, job, rewrite, server, with};
use crate::going::Going;
use crate::installation::Installation;

fn started(event: &Value, step: &str) -> bool {
    event["event"] == "step.started" && event["step"] == step
}

/// Processes that run the actor program out of this installation, or were started by it.
pub fn actors(installation: &Installation) -> Vec<String> {
    let state = installation.state().display().to_string();
    std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|process| {
            let environment = std::fs::read(process.path().join("environ")).ok()?;
            let words = std::fs::read(process.path().join("cmdline")).ok()?;
            let words = String::from_utf8_lossy(&words).replace('\0', " ");
            let ours = String::from_utf8_lossy(&environment).contains(&state);
            (ours && (words.contains("actor") || words.contains("sleep 86400"))).then_some(words)
        })
        .collect()
}

#[test]
fn an_interrupt_cancels_and_leaves_nothing_of_the_step() {
    let installation = with(&[job("endless", "hang"), server("web", free_port(), "never")]);
    let mut going = Going::new(&installation, &["deploy"]);
    going.until(|event| started(event, "deploy"));
    going.until(|event| event["event"] == "step.log" || !actors(&installation).is_empty());
    going.signal(Signal::INT);
    let (events, run) = going.end();
    assert_eq!(run.code, Some(3), "{run}");
    let ended = events.iter().find(|e| e["event"] == "step.ended").unwrap();
    assert_eq!(ended["result"], "cancelled", "{ended}");
    assert_eq!(events.last().unwrap()["result"], "cancelled");
    assert_eq!(actors(&installation), Vec::<String>::new());
}

#[test]
fn cancel_works_from_another_terminal() {
    let installation = with(&[job("endless", "hang")]);
    let mut going = Going::new(&installation, &["deploy"]);
    going.until(|event| started(event, "deploy"));
    installation.succeed(&["cancel", "--force", "test-1"]);
    let (_, run) = going.end();
    assert_eq!(run.code, Some(3), "{run}");
    let again = installation.run(&["cancel", "test-1"]);
    assert_eq!(again.code, Some(2), "{again}");
    assert!(again.stderr.contains("has ended already"), "{again}");
}

#[test]
fn a_detached_deployment_goes_on_and_can_be_followed() {
    let port = free_port();
    let installation = with(&[server("web", port, "one")]);
    let run = installation.succeed(&["deploy", "--detach", "--output", "json"]);
    assert_eq!(run.json()[0]["deployment"], "test-1");
    installation.succeed(&["logs", "--follow", "test-1"]);
    assert_eq!(get(port, "/").unwrap(), "one");
    let status = &installation.succeed(&["status", "--output", "json"]).json()[0];
    assert_eq!(status["services"][0]["condition"], "ready");
}

#[test]
fn a_second_deployment_waits_its_turn_and_equal_ones_merge() {
    let port = free_port();
    let installation = with(&[job("endless", "hang"), server("web", port, "one")]);
    let mut first = Going::new(&installation, &["deploy"]);
    first.until(|event| started(event, "deploy"));
    rewrite(&installation, &[server("web", port, "two")]);
    let second = installation
        .succeed(&["deploy", "--detach", "--output", "json"])
        .json();
    assert_eq!(second[0]["deployment"], "test-2");
    rewrite(&installation, &[server("web", port, "three")]);
    let mut third = Going::new(&installation, &["deploy"]);
    let status = loop {
        let status = installation
            .succeed(&["status", "--output", "json"])
            .json()
            .remove(0);
        if status["queued"]
            .as_array()
            .is_some_and(|queued| queued.len() == 2)
        {
            break status;
        }
    };
    assert_eq!(status["running"], "test-1");
    installation.succeed(&["cancel", "--force", "test-1"]);
    let (_, ended) = first.end();
    assert_eq!(ended.code, Some(3), "{ended}");
    third.until(|event| event["event"] == "deployment.ended" || event["event"] == "stage.ended");
    let (_, ended) = third.end();
    assert_eq!(ended.code, Some(0), "{ended}");
    assert_eq!(get(port, "/").unwrap(), "three");
    let history = installation
        .succeed(&["history", "--output", "json"])
        .json();
    let merged = history.iter().find(|d| d["id"] == "test-2").unwrap();
    assert_eq!(merged["merged_into"], "test-3");
}

#[test]
fn a_second_host_is_told_who_holds_the_environment_and_starts_nothing() {
    let installation = with(&[job("endless", "hang")]);
    let mut first = Going::new(&installation, &["deploy"]);
    first.until(|event| started(event, "deploy"));
    let mut second = installation
        .command(&["deploy"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut told = BufReader::new(second.stderr.take().unwrap()).lines();
    let holder = told.find(|line| line.as_ref().unwrap().contains("is held by"));
    let holder = holder.unwrap().unwrap();
    assert!(
        holder.contains(&format!("pid {} ", first.pid())),
        "{holder}"
    );
    installation.succeed(&["cancel", "--force", "test-2"]);
    assert_eq!(second.wait().unwrap().code(), Some(3));
    let mut third = Going::new(&installation, &["deploy"]);
    let held = third.until(|event| event["event"] == "environment.held");
    assert_eq!(held["pid"], first.pid());
    let status = installation.succeed(&["status", "--output", "json"]).json();
    assert_eq!(status[0]["driver"]["pid"], first.pid());
    installation.succeed(&["cancel", "--force", "test-3"]);
    let (_, run) = third.end();
    assert_eq!(run.code, Some(3), "{run}");
    installation.succeed(&["cancel", "--force", "test-1"]);
    let (_, run) = first.end();
    assert_eq!(run.code, Some(3), "{run}");
    let begun = std::fs::read_dir(installation.state().join("logs/test-2")).unwrap();
    assert_eq!(begun.count(), 0, "the second one has begun a step");
    assert_eq!(actors(&installation), Vec::<String>::new());
}

#[test]
fn a_deployment_whose_driver_was_killed_is_resumed_where_it_was() {
    let port = free_port();
    let installation = with(&[server("web", port, "one"), job("late", "hang")]);
    let file = std::fs::read_to_string(installation.project().join("stagewright.yaml")).unwrap();
    let stages =
        "stages: [{ name: a, default_for: [application] }, { name: b, default_for: [job] }]\n";
    installation.write(
        "stagewright.yaml",
        &file.replace("services:", &format!("{stages}services:")),
    );
    let mut going = Going::new(&installation, &["deploy"]);
    going.until(|event| started(event, "deploy") && event["service"] == "late");
    going.signal(Signal::KILL);
    let (_, killed) = going.end();
    assert_eq!(killed.code, None);
    assert_eq!(
        get(port, "/").unwrap(),
        "one",
        "what was deployed goes on without the host"
    );
    let lost = installation.run(&["logs", "--follow", "test-1"]);
    assert_eq!(lost.code, Some(4), "{lost}");

    let status = &installation.succeed(&["status", "--output", "json"]).json()[0];
    assert_eq!(status["interrupted"], "test-1");
    assert_eq!(status["services"][0]["condition"], "ready");

    let mut resumed = Going::new(&installation, &["resume"]);
    resumed.until(|event| event["event"] == "deployment.resumed");
    installation.succeed(&["cancel", "--force", "test-1"]);
    let (events, run) = resumed.end();
    assert_eq!(run.code, Some(3), "{run}");
    let restarted = events
        .iter()
        .filter(|e| e["service"] == "web" && e["event"] == "step.started");
    assert_eq!(restarted.count(), 0, "a finished step ran again");
    assert_eq!(
        actors(&installation).len(),
        1,
        "only the server is left: {:?}",
        actors(&installation)
    );
}

#[test]
fn a_second_interrupt_does_not_wait_for_a_build_that_ignores_the_first() {
    let installation = with(&[]);
    let build = r#"["sh", "-c", "trap '' TERM INT; echo ready; while :; do sleep 86400; done"]"#;
    let service = format!(
        "\n  web:\n    type: application\n    source: {{ path: app }}\n    build: {{ with: {{ steps: \
         [{build}], outputs: [actor] }} }}\n    ports: [{{ name: http, port: {} }}]\n",
        free_port()
    );
    rewrite(&installation, &[service]);
    let mut going = Going::new(&installation, &["deploy"]);
    going.until(|event| event["event"] == "step.log" && event["message"] == "ready");
    going.signal(Signal::INT);
    going.until(|event| event["event"] == "deployment.cancelling");
    going.signal(Signal::INT);
    let (events, run) = going.end();
    assert_eq!(run.code, Some(3), "{run}");
    let ended = events.iter().find(|e| e["event"] == "step.ended").unwrap();
    assert_eq!(ended["result"], "cancelled", "{ended}");
    assert_eq!(actors(&installation), Vec::<String>::new());
}
