//! What was told before a kill, held against the journal.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use stagewright_pipeline::Timestamp;

use super::check::deployment_of;
use super::cycle::{Cycles, Done};

/// What the killed host has said of its deployments is in the journal: as the next one shows it,
/// and, also of those that it does not show, as it is written there.
pub fn nothing_was_forgotten(cycles: &Cycles, done: &Done, found: &mut Vec<String>) {
    let export = ["journal", "export", "--environment", "test"];
    let rows = cycles.installation.run(&export).json();
    let facts = rows.iter().filter(|row| row["kind"] == "fact");
    let facts: BTreeMap<_, _> = facts.map(|row| (place_of(row), row)).collect();
    let shown: BTreeSet<&str> = done.resumed.iter().filter_map(deployment_of).collect();
    for event in done.told.iter().filter(|event| event["seq"].is_u64()) {
        let is_kept = facts
            .get(&place_of(event))
            .is_some_and(|fact| is_of(event, fact));
        let is_shown = deployment_of(event).is_some_and(|id| shown.contains(id));
        if !is_kept || (is_shown && !done.resumed.contains(event)) {
            found.push(format!(
                "told before the kill and not in the journal: {event}"
            ));
        }
    }
}

/// Deployment and number of an event, or of a fact in the journal.
fn place_of(row: &Value) -> (Option<&str>, Option<u64>) {
    (deployment_of(row), row["seq"].as_u64())
}

/// Was an event made of this row of the journal?
fn is_of(event: &Value, row: &Value) -> bool {
    let body = row["body"].as_str().unwrap_or_default();
    let fact: Value = serde_json::from_str(body).unwrap_or_default();
    let time = row["time_ms"]
        .as_u64()
        .map(|millis| Timestamp(millis).to_string());
    let agree = |field: &str| match (&event[field], &fact[field]) {
        (Value::Null, _) | (_, Value::Null) => true,
        (told, kept) => told == kept,
    };
    row["check"] == "holds"
        && time.as_deref() == event["time"].as_str()
        && ["step", "attempt", "action"].into_iter().all(agree)
}
