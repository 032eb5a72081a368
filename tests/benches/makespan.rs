//! Real deployments whose steps take a set time, against a greedy schedule of these times.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::greedy::{self, Task};
use crate::machine;
use crate::measure::{Samples, Sequence};
use crate::paced;
use crate::place::{Installation, Place};
use crate::report::{Goal, Row, Unit};

/// Slots of a phase where nothing is said.
const SLOTS: usize = 4;
/// Where Linux keeps files in memory.
const MEMORY: &str = "/dev/shm";

/// Steps of a few lengths, with the state folder on the disk and in memory.
pub fn run(place: &Place) -> Result<Vec<Row>> {
    let lengths = [(20, 100, 24, 8), (200, 1_000, 16, 3)];
    let mut rows = Vec::new();
    for (shortest, longest, services, rounds) in lengths {
        let mut numbers = Sequence::new(services);
        let times: Vec<u64> = (0..services)
            .map(|_| shortest + numbers.below(longest - shortest))
            .collect();
        let mut places = vec![("the state folder on disk", place.installation()?)];
        let memory = Path::new(MEMORY)
            .is_dir()
            .then(|| Place::below(Path::new(MEMORY)));
        let memory = memory.transpose()?;
        if let Some(memory) = &memory {
            places.push(("in memory", memory.installation()?));
        }
        for (where_to, installation) in &places {
            let what = format!(
                "makespan of a stage, live: {services} steps of {shortest} to {longest} ms, {where_to}"
            );
            rows.push(row(&what, installation, &times, rounds)?);
        }
    }
    Ok(rows)
}

fn row(what: &str, installation: &Installation, times: &[u64], rounds: usize) -> Result<Row> {
    paced::deploy(installation, "paced", times)?;
    let tasks: Vec<Task> = times
        .iter()
        .map(|&takes| Task {
            takes,
            needs: Vec::new(),
        })
        .collect();
    let greedy = greedy::makespan(&tasks, SLOTS) as f64 / 1e3;
    let mut ours = Vec::new();
    for _ in 0..rounds {
        let events = installation.run(&["restart", "paced", "--output", "json"])?;
        ours.push(span(&events)?);
    }
    let second = Duration::from_secs(1);
    let sync = 1e3 / machine::syncs_a_second(&installation.project(), second)?;
    Ok(Row::new(what, Unit::Time, &Samples::new(ours))
        .against("greedy, first in first out", &Samples::new([greedy]))
        .goal(Goal::RatioAtMost(1.03))
        .bound_by(format!(
            "what the host does between two steps: calls in the sandbox, and transitions that \
             are durable after {sync:.1} ms each; the machine had a load of {} at the end",
            machine::load()
        )))
}

/// Seconds from the start of the first step to the end of the last.
fn span(events: &str) -> Result<f64> {
    let mut times = Vec::new();
    for line in events.lines() {
        let event: Value = serde_json::from_str(line).with_context(|| line.to_owned())?;
        let field = |name| event.get(name).and_then(Value::as_str).unwrap_or_default();
        if matches!(field("event"), "step.started" | "step.ended") {
            times.push(OffsetDateTime::parse(field("time"), &Rfc3339)?);
        }
    }
    ensure!(!times.is_empty(), "no step ran: {events}");
    let (first, last) = (times.iter().min(), times.iter().max());
    let (first, last) = first.zip(last).context("no step ran")?;
    Ok((*last - *first).as_seconds_f64())
}
