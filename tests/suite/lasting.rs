//! What outlives deployments: data, what programs printed, and the history.

use crate::environment::{free_port, get, job, rewrite, server, with};

#[test]
fn data_stays_when_a_service_is_destroyed_unless_it_is_asked_for() {
    let retry = "    idempotent: true\n    retry: { max: 1, backoff: 20ms }\n";
    let installation = with(&[job("seed", r#"flaky, "1""#) + retry]);
    installation.succeed(&["deploy"]);
    let data = installation.state().join("data/test/seed");
    let written = || std::fs::read_to_string(data.join("failures"));
    assert_eq!(written().unwrap(), "x");
    installation.succeed(&["destroy", "--yes"]);
    assert_eq!(written().unwrap(), "x", "destroyed with its data");
    let again = installation.succeed(&["deploy", "--output", "json"]);
    let retried = again.json().iter().any(|e| e["event"] == "step.retrying");
    assert!(!retried, "the job found its data again\n{again}");
    installation.succeed(&["destroy", "--yes", "--data"]);
    assert!(!data.exists(), "{} is left", data.display());
}

#[test]
fn logs_of_a_release_are_what_its_program_printed() {
    let port = free_port();
    let installation = with(&[
        server("web", port, "one"),
        server("other", free_port(), "two"),
    ]);
    installation.succeed(&["deploy"]);
    let logs = installation.succeed(&["logs", "--release", "--service", "web"]);
    let expected = format!("listening on 127.0.0.1:{port}");
    let said: Vec<&str> = logs.stdout.lines().collect();
    assert!(
        matches!(said.as_slice(), [line] if line.ends_with(&expected)),
        "{logs}"
    );
    let unknown = installation.run(&["logs", "--release", "--service", "nobody"]);
    assert_eq!(unknown.code, Some(2), "{unknown}");
}

#[test]
fn history_has_a_line_for_each_deployment() {
    let port = free_port();
    let installation = with(&[server("web", port, "one")]);
    installation.succeed(&["deploy"]);
    rewrite(
        &installation,
        &[server("web", port, "two"), job("broken", r#"fail, "3""#)],
    );
    assert_eq!(installation.run(&["deploy"]).code, Some(1));
    installation.succeed(&["stop"]);
    assert_eq!(get(port, "/"), None);
    let history = installation.succeed(&["history"]);
    let lines: Vec<Vec<&str>> = history
        .stdout
        .lines()
        .map(|line| line.split_whitespace().take(3).collect())
        .collect();
    let expected = [
        ["test-3", "stop", "succeeded"],
        ["test-2", "deploy", "failed"],
        ["test-1", "deploy", "succeeded"],
    ];
    assert_eq!(lines, expected, "{history}");
    let last = installation.succeed(&["history", "--limit", "1"]);
    assert_eq!(last.stdout.lines().count(), 1, "{last}");
}
