//! The memory of a program that waits: it drives, stands in the queue, or looks on.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Stdio};

use anyhow::{Context, Result, ensure};

use crate::machine;
use crate::measure::Samples;
use crate::paced;
use crate::place::{Installation, Place};
use crate::report::{Goal, Row, Unit};

const MEBIBYTE: f64 = 1_048_576.0;
/// Longer than the measurement; the step is cancelled when that is done.
const LONG: u64 = 600_000;

/// Three processes of one environment with one step that does not end.
pub fn run(place: &Place) -> Result<Vec<Row>> {
    let installation = place.installation()?;
    paced::deploy(&installation, "idle", &[LONG])?;
    let driving = Waiting::begin(&installation, &["restart", "idle"], "step.started")?;
    let queued = Waiting::begin(&installation, &["stop", "idle"], "deployment.queued")?;
    let looking = Waiting::begin(
        &installation,
        &["logs", "--follow", "idle-2"],
        "taking its time",
    )?;
    let mut rows = Vec::new();
    for (what, process) in [
        ("drives a step that waits", &driving),
        ("stands in the queue", &queued),
        ("follows a deployment", &looking),
    ] {
        let resident = machine::resident("VmRSS", &process.child.id().to_string())?;
        rows.push(
            Row::new(
                format!("memory of a program that {what}"),
                Unit::Bytes,
                &Samples::new([resident]),
            )
            .goal(Goal::Below(60.0 * MEBIBYTE)),
        );
    }
    rows.push(Row::not_measured(
        "memory of the daemon at rest",
        "there is no daemon yet",
    ));
    for id in ["idle-3", "idle-2"] {
        installation.run(&["cancel", "--force", id])?;
    }
    for process in [queued, driving, looking] {
        process.end()?;
    }
    Ok(rows)
}

/// A run of the program that has come as far as it is to be measured.
struct Waiting {
    child: Child,
    said: BufReader<ChildStdout>,
}

impl Waiting {
    /// Starts it, and returns when it has said this.
    fn begin(installation: &Installation, arguments: &[&str], event: &str) -> Result<Self> {
        let mut child = installation
            .command(arguments)
            .args(["--output", "json"])
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = child.stdout.take().context("its output is a pipe")?;
        let mut said = BufReader::new(stdout);
        let mut line = String::new();
        while !line.contains(event) {
            line.clear();
            ensure!(
                said.read_line(&mut line)? > 0,
                "{arguments:?} ended before {event}"
            );
        }
        Ok(Self { child, said })
    }

    /// Waits for its end.
    fn end(mut self) -> Result<()> {
        std::io::copy(&mut self.said, &mut std::io::sink())?;
        self.child.wait()?;
        Ok(())
    }
}
