//! When what has failed is tried again, by what the journal says of it.

use serde_json::Value;

use crate::environment::{job, with};
use crate::guests;
use crate::installation::Installation;

/// What the `stumble` plugin asks for when it is busy, in milliseconds.
const WHILE: u64 = 1_500;

/// Deploys these jobs, the builds of which have a fault, and gives the facts of the builds:
/// each with its instant, in milliseconds.
fn deploy(names: &[&str], fault: &str, backoff: &str) -> Vec<(u64, Value)> {
    let stumble = format!("plugin: ./stumble.wasm, with: {{ fault: {fault} }}");
    let service = |name: &&str| {
        let retry = format!("    retry: {{ max: 1, backoff: {backoff} }}\n");
        job(name, "job").replace(
            r#"plugin: "builtin:static", with: { target: /app }"#,
            &stumble,
        ) + &retry
    };
    let services: Vec<String> = names.iter().map(service).collect();
    let installation = with(&services);
    guests::add(&installation, "stumble");
    guests::grant(&installation, "./stumble.wasm", "{ images: true }");
    installation.succeed(&["deploy"]);
    facts(&installation)
}

fn facts(installation: &Installation) -> Vec<(u64, Value)> {
    let rows = installation.succeed(&["journal", "export"]).json();
    let facts = rows.iter().filter(|row| row["kind"] == "fact");
    facts
        .map(|row| {
            let fact: Value = serde_json::from_str(row["body"].as_str().unwrap()).unwrap();
            (row["time_ms"].as_u64().unwrap(), fact)
        })
        .filter(|(_, fact)| fact["step"] == "build")
        .collect()
}

/// For how long each of the failed builds was put off.
fn pauses(facts: &[(u64, Value)]) -> Vec<u64> {
    let put_off = facts
        .iter()
        .filter(|(_, fact)| fact["fact"] == "retry-scheduled");
    put_off
        .map(|(time, fact)| fact["until"].as_u64().unwrap() - time)
        .collect()
}

#[test]
fn a_failure_that_says_when_is_not_tried_again_before() {
    let facts = deploy(&["one"], "busy", "20ms");
    assert_eq!(pauses(&facts), [WHILE]);
    let begun: Vec<u64> = facts
        .iter()
        .filter(|(_, fact)| fact["fact"] == "step-started")
        .map(|(time, _)| *time)
        .collect();
    let [first, second] = begun[..] else {
        panic!("{facts:?}");
    };
    assert!(second >= first + WHILE, "{first} {second}");
}

#[test]
fn what_fails_together_does_not_come_back_together() {
    let pauses = pauses(&deploy(&["one", "two", "three", "four"], "once", "1s"));
    assert_eq!(pauses.len(), 4);
    let is_in_range = |pause: &u64| (500..=1_000).contains(pause);
    assert!(pauses.iter().all(is_in_range), "{pauses:?}");
    assert!(pauses.iter().any(|pause| *pause != pauses[0]), "{pauses:?}");
}
