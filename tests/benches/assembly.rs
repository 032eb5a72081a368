//! Images from a folder of ten thousand files: all that a user waits for between `deploy` and
//! the image in the layout, and the assembly alone. Held against tools that do the same.
//!
//! Nothing that others do is left out of ours: every blob is on disk (fsync) when it counts,
//! while the references only write.

mod files;
mod others;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use stagewright_runtime::capability::images::{Draft, Store};
use stagewright_runtime::folder::{Access, Folder, Interrupt};

use crate::measure::{Samples, time};
use crate::place::{Installation, Place};
use crate::report::{Goal, Row, Unit};
use files::Draws;

const SEED: u64 = 20_261_123;
/// Rounds of what takes seconds, and of what takes milliseconds.
const LONG: u64 = 3;
const SHORT: u64 = 15;

const ENVIRONMENT: &str = r#"
name: assembly
services:
  files:
    type: job
    source: { path: files }
    build: { plugin: "builtin:static", with: { target: /srv } }
    deploy: { with: { command: ["true"] } }
    run: on-change
"#;

/// Measures all of it.
pub fn run(place: &Place) -> Result<Vec<Row>> {
    let source = place.folder()?;
    let files = source.path().join("files");
    files::write(&files, SEED)?;
    let mut draws = Draws::new(SEED + 1);
    let ours = Ours::measure(place, &files, &mut draws)?;
    let deployed = Deployed::measure(place, &files, &mut draws)?;
    let (cold, others) = others::measure(place, &files, LONG, || {
        let folder = place.folder()?;
        assemble(folder.path(), &files)
    })?;
    let mut rows = vec![
        Row::new(
            "deploy, cold: until the image is kept",
            Unit::Time,
            &deployed.cold,
        ),
        Row::new("deploy, one file changed", Unit::Time, &deployed.changed),
        Row::new("deploy, unchanged", Unit::Time, &deployed.unchanged),
        Row::new("plan, unchanged", Unit::Time, &deployed.planned).goal(Goal::Below(0.050)),
    ];
    rows.extend([
        Row::new(
            "assembly alone, one file changed",
            Unit::Time,
            &ours.changed,
        ),
        Row::new("assembly alone, unchanged", Unit::Time, &ours.unchanged).goal(Goal::Below(0.050)),
    ]);
    for other in others {
        let what = "assembly alone, cold";
        rows.push(match other.samples {
            Ok(samples) => {
                let row = Row::new(what, Unit::Time, &cold).against(other.name, &samples);
                let bound = "the cores, which compress and hash";
                match other.is_equal {
                    true => row.goal(Goal::RatioAtMost(1.0)).bound_by(bound),
                    false => row,
                }
            }
            Err(why) => Row::not_measured(format!("{what}, against {}", other.name), &why),
        });
    }
    Ok(rows)
}

/// The assembly without the program around it.
struct Ours {
    changed: Samples,
    unchanged: Samples,
}

impl Ours {
    fn measure(place: &Place, files: &Path, draws: &mut Draws) -> Result<Self> {
        let store = place.folder()?;
        assemble(store.path(), files)?;
        let unchanged: Samples = rounds(SHORT, || assemble(store.path(), files))?;
        let changed = rounds(LONG, || {
            change(files, draws)?;
            assemble(store.path(), files)
        })?;
        Ok(Self { changed, unchanged })
    }
}

/// Packs the files and keeps the image, in the store of this folder.
fn assemble(store: &Path, files: &Path) -> Result<Duration> {
    time(|| {
        let (store, calm) = (Store::open(store)?, Interrupt::new());
        let mut draft = Draft::new(&store);
        let source = Folder::open(files, Access::Read)?;
        draft.add(&source, ".", "/srv", &calm)?;
        let image = draft.finish(&calm)?;
        Ok(store.keep(&image, "files", &calm)?)
    })
}

/// The program, from its start.
struct Deployed {
    cold: Samples,
    changed: Samples,
    unchanged: Samples,
    planned: Samples,
}

impl Deployed {
    fn measure(place: &Place, files: &Path, draws: &mut Draws) -> Result<Self> {
        let mut cold = Vec::new();
        for _ in 0..LONG {
            cold.push(until_kept(&installation(place, files)?)?);
        }
        let installation = installation(place, files)?;
        until_kept(&installation)?;
        let changed = rounds(LONG, || {
            change(&installation.project().join("files"), draws)?;
            until_kept(&installation)
        })?;
        let run = |words: &[&str]| time(|| installation.run(words));
        let unchanged = rounds(SHORT, || run(&["deploy", "--output", "json"]))?;
        let planned = rounds(SHORT, || run(&["plan"]))?;
        let cold = cold.into_iter().collect();
        Ok(Self {
            cold,
            changed,
            unchanged,
            planned,
        })
    }
}

/// An installation of its own whose project has the files, under further names.
fn installation(place: &Place, files: &Path) -> Result<Installation> {
    let installation = place.installation()?;
    installation.write("stagewright.yaml", ENVIRONMENT.as_bytes())?;
    others::copy(files, &installation.project().join("files"))?;
    Ok(installation)
}

/// Deploys; the time ends when the push has ended.
fn until_kept(installation: &Installation) -> Result<Duration> {
    use std::io::{BufRead, BufReader};
    use std::process::Stdio;
    let began = Instant::now();
    let mut command = installation.command(&["deploy", "--output", "json"]);
    let mut child = command.stdout(Stdio::piped()).spawn()?;
    let stdout = child.stdout.take().context("its output is not piped")?;
    let mut kept = None;
    for line in BufReader::new(stdout).lines() {
        let event: serde_json::Value = serde_json::from_str(&line?)?;
        let is = |field: &str, value: &str| event.get(field).is_some_and(|it| it == value);
        if is("event", "step.ended") && is("step", "push") {
            kept.get_or_insert_with(|| began.elapsed());
        }
    }
    ensure!(child.wait()?.success(), "the deployment failed");
    kept.context("no image was pushed")
}

/// Changes one file of those that are there.
fn change(files: &Path, draws: &mut Draws) -> Result<()> {
    let number = draws.below(files::FILES);
    let folder = files.join(format!("folder-{:03}", number % 200));
    let text = format!("changed {}\n", draws.next());
    Ok(fs::write(folder.join(format!("file-{number:05}")), text)?)
}

fn rounds(count: u64, mut round: impl FnMut() -> Result<Duration>) -> Result<Samples> {
    (0..count).map(|_| round()).collect::<Result<Samples>>()
}
