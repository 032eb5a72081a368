//! What Stagewright costs, each time against a reference that is measured in the same run.
//!
//! `cargo bench -p stagewright-tests` measures everything and prints a Markdown table; words
//! after `--` choose benches by name, `--write` keeps the table in `host/BENCHMARKS.md`.
//!
//! Nothing here is a test: no result, however slow, makes a run fail. What fails is only what
//! cannot be measured at all. A bench is a function that answers with rows; to add one, write
//! it in a module of its own and put it into [`BENCHES`].

#![allow(unreachable_pub, reason = "nothing here is used by another crate")]

mod assembly;
mod calls;
mod container;
mod greedy;
mod guest;
mod journal;
mod loading;
mod machine;
mod makespan;
mod measure;
mod memory;
mod paced;
mod place;
mod raw;
mod redeploy;
mod registry;
mod report;
mod resume;
mod sandbox;
mod schedule;
mod startup;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

use place::Place;
use report::{Report, Row};

/// One of the things that are measured.
struct Bench {
    /// What it is chosen by on the command line.
    name: &'static str,
    /// Measures. It is alone on the machine as far as this program can see to that.
    run: fn(&Place) -> Result<Vec<Row>>,
}

/// All of them, in the order of the table.
const BENCHES: &[Bench] = &[
    Bench::new("step-start", calls::starts),
    Bench::new("host-call", calls::host_calls),
    Bench::new("load", loading::run),
    Bench::new("makespan-simulated", schedule::makespan),
    Bench::new("makespan-live", makespan::run),
    Bench::new("scheduler-core", schedule::core),
    Bench::new("journal", journal::run),
    Bench::new("version", startup::version),
    Bench::new("plan", startup::plan),
    Bench::new("redeploy", redeploy::run),
    Bench::new("resume", resume::run),
    Bench::new("memory", memory::run),
    Bench::new("assembly", assembly::run),
    Bench::new("registry", registry::run),
];

impl Bench {
    const fn new(name: &'static str, run: fn(&Place) -> Result<Vec<Row>>) -> Self {
        Self { name, run }
    }
}

/// Measures Stagewright against its references.
#[derive(Parser)]
#[command(name = "benches")]
struct Arguments {
    /// Measure only the benches with one of these words in their names.
    only: Vec<String>,
    /// Keep the table in host/BENCHMARKS.md.
    #[arg(long)]
    write: bool,
    /// The folder, on the file system to be measured, below which state folders are made.
    #[arg(long, value_name = "FOLDER", default_value = env!("CARGO_TARGET_TMPDIR"))]
    folder: PathBuf,
    /// Said by `cargo bench`; without it nothing is measured, since `cargo test` is not asked
    /// to.
    #[arg(long, hide = true)]
    bench: bool,
    /// Says only what a service weighs in a deployment of so many.
    #[arg(long, hide = true)]
    weigh: Option<u32>,
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    if !arguments.bench {
        writeln!(std::io::stderr(), "to measure: cargo bench")?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(services) = arguments.weigh {
        writeln!(std::io::stdout(), "{}", schedule::weigh(services)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let place = Place::below(&arguments.folder)?;
    let mut report = Report::new(&place)?;
    let wanted = |bench: &&Bench| {
        let mut words = arguments.only.iter();
        arguments.only.is_empty() || words.any(|word| bench.name.contains(word.as_str()))
    };
    let mut failed = 0_u8;
    for bench in BENCHES.iter().filter(wanted) {
        writeln!(std::io::stderr(), "measuring {} …", bench.name)?;
        match (bench.run)(&place) {
            Ok(rows) => report.add(bench.name, rows),
            Err(error) => {
                failed = failed.saturating_add(1);
                report.add(
                    bench.name,
                    vec![Row::not_measured(bench.name, &format!("{error:#}"))],
                );
            }
        }
    }
    let text = report.markdown(&std::env::args().skip(1).collect::<Vec<_>>());
    write!(std::io::stdout(), "{text}")?;
    if arguments.write {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../host/BENCHMARKS.md");
        std::fs::write(file, text)?;
    }
    Ok(ExitCode::from(failed))
}
