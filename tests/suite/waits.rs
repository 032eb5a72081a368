//! Who waits is told for what, and until when.

use std::io::{BufRead, BufReader};
use std::process::{ChildStdout, Stdio};

use crate::environment::{job, with};

/// Reads on until there was a line with each of these words, and answers with those lines.
fn lines_with<const N: usize>(lines: &mut BufReader<ChildStdout>, words: [&str; N]) -> [String; N] {
    let mut found = words.map(|_| None);
    for line in lines.lines().map(Result::unwrap) {
        let place = words.iter().position(|words| line.contains(words));
        if let Some(place) = place {
            found[place].get_or_insert(line);
        }
        if found.iter().all(Option::is_some) {
            break;
        }
    }
    found.map(|line| line.expect("a line for each of the words"))
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
    let mut lines = BufReader::new(deploying.stdout.take().unwrap());
    let told = [
        "flaky deploy started",
        "retries at ",
        "endless deploy | starting the job",
    ];
    let [started, retries, _] = lines_with(&mut lines, told);
    assert!(started.contains("it has until "), "{started}");
    assert!(started.contains(" UTC (in 40 min)"), "{started}");
    let (_, instant) = retries.split_once("retries at ").unwrap();
    let (clock, rest) = instant.split_once(" UTC (in ").unwrap();
    assert_eq!(clock.len(), "14:03:05".len(), "{retries}");
    assert!(rest.ends_with("), attempt 2"), "{retries}");

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
    assert_eq!(of("endless")["said"], "starting the job");
    let deadline = of("endless")["deadline"].as_str().unwrap();
    assert!(
        deadline.contains('T') && deadline.ends_with('Z'),
        "{deadline}"
    );

    installation.succeed(&["cancel", "--force"]);
    assert_eq!(deploying.wait().unwrap().code(), Some(3));
}
