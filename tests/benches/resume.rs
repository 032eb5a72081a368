//! How long a driver takes until it knows where a deployment stood, by the length of its
//! journal: opening, reading, checking the seals, and folding all facts.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Result, ensure};
use serde_json::Value;
use stagewright_journal::{Append, DeploymentId, Journal, NewDeployment, SqliteJournal};
use stagewright_pipeline::simulate::{Settings, simulate};
use stagewright_pipeline::{
    Action, Course, CourseSpec, Fact, Outcome, ServiceId, ServiceSpec, StageSpec, State, Step,
};
use tokio::runtime::Runtime;

use crate::measure::{in_turns, time};
use crate::place::Place;
use crate::report::{Row, Unit};

/// How many facts, and how often they are read.
const LENGTHS: [(usize, usize); 3] = [(10, 200), (1_000, 50), (100_000, 5)];
/// A service that is built, pushed and deployed has more facts than this.
const FACTS_OF_A_SERVICE: usize = 8;
/// How many facts are read at once, as the executor does.
const PAGE: usize = 1_000;

/// Each length, against the same facts in a plain file that is parsed line by line.
pub fn run(place: &Place) -> Result<Vec<Row>> {
    let runtime = Runtime::new()?;
    let mut rows = Vec::new();
    for (length, rounds) in LENGTHS {
        let folder = place.folder()?;
        let (journal, lines) = (
            folder.path().join("journal.db"),
            folder.path().join("lines"),
        );
        let (course, facts) = simulated(length)?;
        std::fs::write(&lines, facts.join("\n"))?;
        let id = runtime.block_on(write(&journal, facts))?;
        let mut ours = || time(|| runtime.block_on(fold(&journal, &id, &course, length)));
        let mut plain = || time(|| parse(&lines, length));
        let [ours, plain] = in_turns(rounds, [&mut ours, &mut plain])?;
        rows.push(
            Row::new(format!("resume after {length} facts"), Unit::Time, &ours)
                .against("a file of them, parsed as JSON", &plain),
        );
    }
    Ok(rows)
}

/// The first facts of a deployment that is long enough, as they are stored.
fn simulated(length: usize) -> Result<(Arc<Course>, Vec<String>)> {
    let services = length / FACTS_OF_A_SERVICE + 1;
    let spec = CourseSpec {
        stages: vec![StageSpec::new("all")],
        services: (0..services)
            .map(|number| ServiceSpec::new(format!("service-{number}"), 0))
            .collect(),
        ..CourseSpec::default()
    };
    let course = Arc::new(Course::new(&spec, Action::Deploy)?);
    let mut world = |_: ServiceId, step: Step, _: u16| match step {
        Step::Build | Step::Push => (20, Outcome::made(format!("sha256:{}", "5c".repeat(32)))),
        _ => (20, Outcome::succeeded()),
    };
    let mut facts = Vec::new();
    let mut failed = None;
    simulate(
        Arc::clone(&course),
        &mut world,
        Settings::default(),
        |_, fact| match fact.to_json() {
            Ok(text) if facts.len() < length => facts.push(text),
            Ok(_) => {}
            Err(error) => failed = Some(error),
        },
    )?;
    if let Some(error) = failed {
        return Err(error.into());
    }
    ensure!(
        facts.len() == length,
        "there are only {} facts",
        facts.len()
    );
    Ok((course, facts))
}

async fn write(path: &Path, facts: Vec<String>) -> Result<DeploymentId> {
    let journal = SqliteJournal::open(path)?;
    let new = NewDeployment {
        environment: "bench".to_owned(),
        action: "deploy".to_owned(),
        trigger: "bench".to_owned(),
        description: "{}".to_owned(),
        time_ms: 0,
        bodies: Vec::new(),
    };
    let id = journal.create(new).await?;
    let claim = journal.claim("bench", "bench").await?;
    let append = Append::new(claim, id.clone(), 1, 0, facts).started();
    journal.append(append).await?;
    Ok(id)
}

async fn fold(
    path: &Path,
    id: &DeploymentId,
    course: &Arc<Course>,
    length: usize,
) -> Result<State> {
    let journal = SqliteJournal::open(path)?;
    let mut state = State::new(Arc::clone(course));
    let mut seq = 0;
    loop {
        let entries = journal.read(id, seq, PAGE).await?;
        if entries.is_empty() {
            ensure!(seq == length as u64, "only {seq} facts were read");
            return Ok(state);
        }
        for entry in entries {
            state.apply(&Fact::from_json(&entry.body)?)?;
            seq = entry.seq;
        }
    }
}

fn parse(path: &Path, length: usize) -> Result<Vec<Value>> {
    let file = BufReader::new(std::fs::File::open(path)?);
    let parsed = file.lines().map(|line| Ok(serde_json::from_str(&line?)?));
    let parsed: Vec<Value> = parsed.collect::<Result<_>>()?;
    ensure!(
        parsed.len() == length,
        "only {} lines were read",
        parsed.len()
    );
    Ok(parsed)
}
