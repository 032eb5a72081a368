//! What `gc` removes, and what it must not.

mod sweeps;
mod young;

pub use young::age;

use std::path::Path;

use crate::environment::{free_port, get, job, rewrite, server, with};
use crate::gate::Gate;
use crate::going::Going;
use crate::installation::{Installation, Run};

/// An installation whose clock is two hours ahead of the files that it made, so that none of
/// them counts as young.
fn aged(services: &[String]) -> Installation {
    let installation = with(services).run_by(env!("CARGO_BIN_EXE_drifting"));
    std::fs::create_dir_all(installation.state()).unwrap();
    let drift = installation.state().with_file_name("drift");
    std::fs::write(drift, (2 * 3_600_000).to_string()).unwrap();
    installation
}

/// The names of what was collected of a kind.
fn of_kind(run: &Run, kind: &str) -> Vec<String> {
    let of_kind = |object: &serde_json::Value| object["kind"] == kind;
    let all = run.json().into_iter().filter(of_kind);
    all.map(|object| object["name"].as_str().unwrap().to_owned())
        .collect()
}

fn kinds(run: &Run) -> Vec<String> {
    let kind = |object: serde_json::Value| object["kind"].as_str().unwrap().to_owned();
    run.json().into_iter().map(kind).collect()
}

fn count(folder: &Path) -> usize {
    std::fs::read_dir(folder).map_or(0, Iterator::count)
}

/// Deploys `web` with another image each time.
fn deploy(installation: &Installation, port: u16, greetings: &[&str]) {
    for greeting in greetings {
        rewrite(installation, &[server("web", port, greeting)]);
        std::fs::write(installation.project().join("app/more"), greeting).unwrap();
        installation.succeed(&["deploy"]);
    }
}

#[test]
fn what_the_kept_history_needs_stays_and_the_rest_goes() {
    let port = free_port();
    let installation = aged(&[]);
    deploy(&installation, port, &["one", "two", "three", "four"]);
    let blobs = installation.state().join("images/blobs/sha256");
    let before = count(&blobs);

    let dry = installation.succeed(&["gc", "--history", "2", "--dry-run", "--output", "json"]);
    assert_eq!(count(&blobs), before, "nothing goes in a dry run");
    let wet = installation.succeed(&["gc", "--history", "2", "--output", "json"]);
    assert_eq!(kinds(&dry), kinds(&wet), "it does what it said");
    for kind in ["image", "logs", "deployment"] {
        assert!(
            kinds(&wet).iter().any(|found| found == kind),
            "{kind}\n{wet}"
        );
    }
    assert!(count(&blobs) < before);
    assert_eq!(count(&installation.state().join("logs")), 2);

    assert_eq!(get(port, "/").unwrap(), "four");
    installation.succeed(&["rollback"]);
    assert_eq!(get(port, "/").unwrap(), "three");
    let gone = installation.run(&["rollback", "--to", "1"]);
    assert_eq!(gone.code, Some(2), "{gone}");
    assert!(gone.stderr.contains("not kept any more"), "{gone}");
    let again = installation.succeed(&["gc", "--output", "json"]);
    assert_eq!(kinds(&again), Vec::<String>::new());
    installation.succeed(&["restart"]);
    installation.succeed(&["history"]);
}

#[test]
fn every_verb_works_after_the_least_history_was_kept() {
    let port = free_port();
    let installation = aged(&[server("web", port, "one"), noting()]);
    installation.succeed(&["deploy"]);
    for verb in ["stop", "start", "restart", "stop", "start"] {
        installation.succeed(&[verb]);
    }
    installation.succeed(&["gc", "--history", "0"]);
    for verb in ["status", "stop", "start", "restart", "plan", "history"] {
        installation.succeed(&[verb]);
    }
    installation.succeed(&["job", "run", "report"]);
    installation.succeed(&["gc", "--history", "0"]);
    assert_eq!(get(port, "/").unwrap(), "one");
    installation.succeed(&["destroy", "--yes"]);
    assert_eq!(get(port, "/"), None);
}

/// A job that runs only when it is asked for.
fn noting() -> String {
    job("report", "note") + "    run: []\n"
}

#[test]
fn what_was_made_just_now_stays() {
    let port = free_port();
    let installation = with(&[]);
    deploy(&installation, port, &["one", "two"]);
    let blobs = installation.state().join("images/blobs/sha256");
    let before = count(&blobs);
    let run = installation.succeed(&["gc", "--history", "1", "--output", "json"]);
    assert!(!kinds(&run).iter().any(|kind| kind == "image"), "{run}");
    assert_eq!(count(&blobs), before);
}

#[test]
fn a_running_deployment_keeps_what_it_needs() {
    let port = free_port();
    let installation = aged(&[]);
    deploy(&installation, port, &["one", "two"]);
    let mut gate = Gate::new(&installation, "gate");
    let slow = server("slow", free_port(), "slow").replace(
        r#"build: { plugin: "builtin:static", with: { target: /app } }"#,
        &format!(
            r#"build: {{ plugin: "builtin:command", with: {{ steps: [{}], outputs: [actor] }} }}"#,
            gate.step()
        ),
    );
    let quick = server("web", port, "three");
    std::fs::write(installation.project().join("app/more"), "three").unwrap();
    rewrite(&installation, &[quick, slow]);
    let mut going = Going::new(&installation, &["deploy"]);
    going.until(|event| event["event"] == "step.ended" && event["step"] == "push");
    installation.succeed(&["gc", "--history", "1"]);
    gate.admit(1);
    let (_, run) = going.end();
    assert_eq!(run.code, Some(0), "{run}");
    assert_eq!(get(port, "/").unwrap(), "three");
}

#[test]
fn a_deployment_that_fails_beside_a_collection_is_undone_all_the_same() {
    let port = free_port();
    let installation = aged(&[]);
    let mut gate = Gate::new(&installation, "gate");
    let slow = server("slow", free_port(), "slow").replace(
        r#"build: { plugin: "builtin:static", with: { target: /app } }"#,
        &format!(
            r#"build: {{ with: {{ steps: [{}, ["false"]], outputs: [actor] }} }}"#,
            gate.step()
        ),
    );
    let stages = "rollback: automatic\nstages: [{ name: a }, { name: b }]\n";
    let write = |greeting: &str, more: &str| {
        let web = server("web", port, greeting) + "    stage: a\n";
        let text = format!("name: test\n{stages}services:{web}{more}");
        installation.write("stagewright.yaml", &text);
        std::fs::write(installation.project().join("app/more"), greeting).unwrap();
    };
    write("one", "");
    installation.succeed(&["deploy"]);
    write("two", &(slow + "    stage: b\n"));
    let mut going = Going::new(&installation, &["deploy"]);
    going.until(|event| event["event"] == "step.started" && event["service"] == "slow");
    assert_eq!(get(port, "/").unwrap(), "two");
    installation.succeed(&["gc", "--history", "0"]);
    gate.admit(1);
    let (_, run) = going.end();
    assert_eq!(run.code, Some(1), "{run}");
    assert_eq!(get(port, "/").unwrap(), "one", "{run}");
}

#[test]
fn what_leaves_no_state_pushes_none_out_of_the_history() {
    let port = free_port();
    let installation = aged(&[]);
    let noting = noting();
    for greeting in ["one", "two"] {
        rewrite(
            &installation,
            &[server("web", port, greeting), noting.clone()],
        );
        installation.succeed(&["deploy"]);
    }
    for verb in [&["stop"][..], &["start"], &["job", "run", "report"]] {
        installation.succeed(verb);
    }
    let run = installation.succeed(&["gc", "--history", "2", "--output", "json"]);
    assert_eq!(
        of_kind(&run, "deployment"),
        ["test-3"],
        "the oldest of the others"
    );
    let history = installation.succeed(&["history"]);
    let words: Vec<bool> = history
        .stdout
        .lines()
        .map(|line| line.contains("not kept any more"))
        .collect();
    assert_eq!(words, [false, false, true, false, false], "{history}");
    installation.succeed(&["rollback"]);
    assert_eq!(get(port, "/").unwrap(), "one");
}
