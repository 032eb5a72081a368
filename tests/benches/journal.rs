//! Durable transitions, against what the file system makes durable at all.

use std::fs::File;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use futures::future::try_join_all;
use stagewright_journal::{Append, Claim, DeploymentId, Journal, NewDeployment, SqliteJournal};
use tokio::runtime::{Builder, Runtime};

use crate::machine::append_durably;
use crate::measure::{Samples, in_turns, time};
use crate::place::Place;
use crate::report::{Goal, Row, Unit};

const ROUNDS: usize = 15;
/// Transitions of a deployment in a round, and small appends of the reference.
const TRANSITIONS: u32 = 20;
/// A fact as long as most are.
const FACT: &str = r#"{"fact":"step-started","service":7,"step":"deploy","attempt":1,"slot":3,"deadline":1785000000000}"#;

/// One deployment, and a hundred at once.
pub fn run(place: &Place) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for deployments in [1, 100] {
        let folder = place.folder()?;
        let mut writing = Writing::new(&folder.path().join("journal.db"), deployments)?;
        let mut ours = || writing.round();
        let mut file = File::create(folder.path().join("file"))?;
        let page = [7; 4096];
        let mut syncs =
            || time(|| (0..TRANSITIONS).try_for_each(|_| append_durably(&mut file, &page)));
        let [ours, syncs] = in_turns(ROUNDS, [&mut ours, &mut syncs])?;
        let what = format!("journal: durable transitions, {deployments} deployments at once");
        let row = Row::new(
            what,
            Unit::PerSecond,
            &rates(&ours, TRANSITIONS * deployments),
        )
        .against(
            "`fdatasync` of 4 KiB appends, one after the other",
            &rates(&syncs, TRANSITIONS),
        );
        // One alone has nobody to share a flush with; what it costs is told beside the goal.
        rows.push(match deployments {
            1 => row,
            _ => row.goal(Goal::RatioAtLeast(0.8)),
        });
    }
    Ok(rows)
}

/// From the time of a round to how many there were in a second.
fn rates(times: &Samples, count: u32) -> Samples {
    times.map(|seconds| f64::from(count) / seconds)
}

/// A journal, and deployments that write to it.
struct Writing {
    threads: Runtime,
    journal: Arc<SqliteJournal>,
    deployments: Vec<(Claim, DeploymentId)>,
    next: u64,
}

impl Writing {
    fn new(path: &std::path::Path, deployments: u32) -> Result<Self> {
        let threads = Builder::new_multi_thread().enable_all().build()?;
        let journal = Arc::new(SqliteJournal::open(path)?);
        let begin = async |number: u32| {
            let environment = format!("bench-{number}");
            let claim = journal.claim(&environment, "a benchmark").await?;
            let deployment = NewDeployment {
                environment,
                action: "deploy".into(),
                trigger: "bench".into(),
                description: "{}".into(),
                time_ms: 0,
                bodies: Vec::new(),
            };
            anyhow::Ok((claim, journal.create(deployment).await?))
        };
        let deployments = threads.block_on(try_join_all((0..deployments).map(begin)))?;
        Ok(Self {
            threads,
            journal,
            deployments,
            next: 1,
        })
    }

    /// Each deployment makes its transitions, each durable before the next.
    fn round(&mut self) -> Result<Duration> {
        let first = self.next;
        self.next += u64::from(TRANSITIONS);
        let began = Instant::now();
        let tasks = self.deployments.iter().cloned().map(|(claim, deployment)| {
            let journal = Arc::clone(&self.journal);
            self.threads.spawn(async move {
                for seq in first..first + u64::from(TRANSITIONS) {
                    let append = Append::new(
                        claim.clone(),
                        deployment.clone(),
                        seq,
                        seq,
                        vec![FACT.into()],
                    );
                    journal.append(append).await?;
                }
                anyhow::Ok(())
            })
        });
        let written = self.threads.block_on(try_join_all(tasks))?;
        let taken = began.elapsed();
        written.into_iter().collect::<Result<Vec<()>>>()?;
        Ok(taken)
    }
}
