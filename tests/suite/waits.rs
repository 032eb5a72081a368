//! Who waits is told for what, and until when.

use std::io::{BufRead, BufReader, Lines};
use std::process::{ChildStdout, Stdio};

use crate::environment::{job, with};

/// Reads on to the first line with these words.
fn line_with(lines: &mut Lines<BufReader<ChildStdout>>, words: &str) -> String {
    let mut found = lines.map(Result::unwrap);
    let line = found.find(|line| line.contains(words));
    line.unwrap_or_else(|| panic!("nothing was said of {words}"))
}

#[test]
fn a_pause_and_a_deadline_are_told_with_their_instants() {
    let flaky = job("flaky", r#"flaky, "1""#)
        + "    idempotent: true\n    retry: { max: 1, backoff: 5m }\n"
        + "    timeouts: { deploy: 40m }\n";
    let installation = with(&[flaky, job("endless", "hang")]);
    let mut deploying = installation
        .command(&["deploy"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(deploying.stdout.take().unwrap()).lines();
    let started = line_with(&mut lines, "flaky deploy started");
    assert!(started.contains("it has until "), "{started}");
    assert!(started.contains(" UTC (in 40 min)"), "{started}");
    let retries = line_with(&mut lines, "retries at ");
    let (_, instant) = retries.split_once("retries at ").unwrap();
    let (clock, rest) = instant.split_once(" UTC (in ").unwrap();
    assert_eq!(clock.len(), "14:03:05".len(), "{retries}");
    assert!(rest.ends_with("), attempt 2"), "{retries}");

    line_with(&mut lines, "hanging");
    let status = installation.succeed(&["status"]);
    assert!(
        status
            .stdout
            .contains(&format!("[retries at {clock} UTC (in "))
    );
    let status = installation.succeed(&["status", "--output", "json"]).json();
    let services = status[0]["services"].as_array().unwrap();
    let of = |name: &str| services.iter().find(|row| row["service"] == name).unwrap();
    let until = of("flaky")["until"].as_str().unwrap();
    assert!(
        until.contains(&format!("T{clock}.")) && until.ends_with('Z'),
        "{until}"
    );
    let deadline = of("endless")["deadline"].as_str().unwrap();
    assert!(
        deadline.contains('T') && deadline.ends_with('Z'),
        "{deadline}"
    );

    installation.succeed(&["cancel", "--force"]);
    drop(lines);
    assert_eq!(deploying.wait().unwrap().code(), Some(3));
}
