//! The table: what was measured, against what, the goal, and whether it was met.

use std::fmt::Write;
use std::time::Duration;

use anyhow::Result;

use crate::machine;
use crate::measure::Samples;
use crate::place::Place;

/// Characters of a reason for which something was not measured.
const LONGEST: usize = 300;

/// How values are read by people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Values are seconds.
    Time,
    /// Values are bytes.
    Bytes,
    /// Values are counts in a second.
    PerSecond,
}

/// A goal of `performance.md`.
#[derive(Clone, Copy, Debug)]
pub enum Goal {
    /// The ratio to the reference is at most this.
    RatioAtMost(f64),
    /// The ratio to the reference is at least this.
    RatioAtLeast(f64),
    /// So many times faster than the reference.
    TimesFaster(f64),
    /// The median is below this, in the row's unit.
    Below(f64),
    /// The median is at most this, in the row's unit.
    AtMost(f64),
}

/// One line of the table.
#[derive(Clone, Debug)]
pub struct Row {
    what: String,
    unit: Unit,
    ours: Samples,
    reference: Option<(String, Samples)>,
    goals: Vec<Goal>,
    bound: Option<String>,
    not_measured: Option<String>,
}

impl Row {
    /// Ours, in rounds.
    pub fn new(what: impl Into<String>, unit: Unit, ours: &Samples) -> Self {
        Self {
            what: what.into(),
            unit,
            ours: ours.clone(),
            reference: None,
            goals: Vec::new(),
            bound: None,
            not_measured: None,
        }
    }

    /// What could not be measured here, and why.
    pub fn not_measured(what: impl Into<String>, why: &str) -> Self {
        Self {
            not_measured: Some(
                why.replace(['\n', '|'], " ")
                    .chars()
                    .take(LONGEST)
                    .collect(),
            ),
            ..Self::new(what, Unit::Time, &Samples::default())
        }
    }

    /// What it is held against, from the same run.
    #[must_use]
    pub fn against(mut self, reference: impl Into<String>, samples: &Samples) -> Self {
        self.reference = Some((reference.into(), samples.clone()));
        self
    }

    /// Adds a goal; all must be met.
    #[must_use]
    pub fn goal(mut self, goal: Goal) -> Self {
        self.goals.push(goal);
        self
    }

    /// What bounds it, which is told where a goal is missed.
    #[must_use]
    pub fn bound_by(mut self, bound: impl Into<String>) -> Self {
        self.bound = Some(bound.into());
        self
    }

    /// Ours to the reference's, of the medians.
    fn ratio(&self) -> Option<f64> {
        let (_, reference) = self.reference.as_ref()?;
        let reference = reference.percentile(50);
        (reference > 0.0).then(|| self.ours.percentile(50) / reference)
    }

    fn is_met(&self, goal: Goal) -> bool {
        match goal {
            Goal::RatioAtMost(most) => self.ratio().is_some_and(|ratio| ratio <= most),
            Goal::RatioAtLeast(least) => self.ratio().is_some_and(|ratio| ratio >= least),
            Goal::TimesFaster(times) => self.ratio().is_some_and(|ratio| ratio * times <= 1.0),
            Goal::Below(bound) => self.ours.percentile(50) < bound,
            Goal::AtMost(most) => self.ours.percentile(50) <= most,
        }
    }

    fn verdict(&self) -> String {
        if self.goals.is_empty() {
            return "–".to_owned();
        }
        if self.goals.iter().all(|&goal| self.is_met(goal)) {
            return "met".to_owned();
        }
        match &self.bound {
            Some(bound) => format!("**missed**: bound by {bound}"),
            None => "**missed**".to_owned(),
        }
    }

    fn line(&self) -> String {
        let what = &self.what;
        if let Some(why) = &self.not_measured {
            return format!("| {what} | not measured: {why} | | | | | | |");
        }
        let (ours, rounds) = (percentiles(self.unit, &self.ours), self.ours.rounds());
        let (name, reference) = match &self.reference {
            Some((name, samples)) => (name.as_str(), percentiles(self.unit, samples)),
            None => ("–", "–".to_owned()),
        };
        let ratio = self.ratio().map_or_else(|| "–".to_owned(), ratio_told);
        let goals: Vec<String> = self.goals.iter().map(|goal| goal.told(self.unit)).collect();
        let (goals, verdict) = (goals.join(", "), self.verdict());
        format!(
            "| {what} | {ours} | {name} | {reference} | {ratio} | {goals} | {verdict} | {rounds} |"
        )
    }
}

impl Goal {
    fn told(self, unit: Unit) -> String {
        match self {
            Self::RatioAtMost(most) => format!("≤ {most:.2}"),
            Self::RatioAtLeast(least) => format!("≥ {least:.2}"),
            Self::TimesFaster(times) => format!("≥ {times} times faster"),
            Self::Below(bound) => format!("< {}", unit.told(bound)),
            Self::AtMost(most) => format!("≤ {}", unit.told(most)),
        }
    }
}

impl Unit {
    fn told(self, value: f64) -> String {
        match self {
            Self::Time if value < 1e-6 => format!("{:.0} ns", value * 1e9),
            Self::Time if value < 1e-3 => format!("{:.1} µs", value * 1e6),
            Self::Time if value < 1.0 => format!("{:.2} ms", value * 1e3),
            Self::Time => format!("{value:.3} s"),
            Self::Bytes if value < 10_240.0 => format!("{value:.0} B"),
            Self::Bytes => format!("{:.1} MiB", value / 1_048_576.0),
            Self::PerSecond => format!("{value:.0}/s"),
        }
    }
}

fn percentiles(unit: Unit, samples: &Samples) -> String {
    // The slow ones are the low ones where it is a rate.
    let told = |hundredths| match unit {
        Unit::PerSecond => unit.told(samples.percentile(100 - hundredths)),
        _ => unit.told(samples.percentile(hundredths)),
    };
    match samples.rounds() {
        0 | 1 => told(50),
        _ => format!("{} / {} / {}", told(50), told(95), told(99)),
    }
}

fn ratio_told(ratio: f64) -> String {
    if ratio < 0.1 {
        format!("{:.0} times faster", 1.0 / ratio)
    } else {
        format!("{ratio:.3}")
    }
}

/// Everything that a run measured.
pub struct Report {
    head: String,
    rows: Vec<(&'static str, Row)>,
}

impl Report {
    /// Begins one, with what the machine is.
    ///
    /// # Errors
    /// When the file system cannot be measured.
    pub fn new(place: &Place) -> Result<Self> {
        let syncs = machine::syncs_a_second(place.path(), Duration::from_secs(1))?;
        let (date, commit, machine) = (machine::date(), machine::commit(), machine::told());
        let (files, load) = (machine::file_system(place.path()), machine::load());
        let head = format!(
            "Measured on {date} at commit {commit}, on: {machine}; state folders on {files}, \
             which makes {syncs:.0} small appends a second durable; load of the machine before \
             the run: {load}."
        );
        Ok(Self {
            head,
            rows: Vec::new(),
        })
    }

    /// Adds the rows of a bench.
    pub fn add(&mut self, bench: &'static str, rows: Vec<Row>) {
        self.rows.extend(rows.into_iter().map(|row| (bench, row)));
    }

    /// The whole of it; `arguments` are those of the run.
    pub fn markdown(&self, arguments: &[String]) -> String {
        let arguments = arguments.iter().filter(|argument| *argument != "--bench");
        let arguments: Vec<&str> = arguments.map(String::as_str).collect();
        let mut text = String::from("# Benchmarks\n\n");
        let _ = writeln!(text, "{}\n", self.head);
        let separator = if arguments.is_empty() { "" } else { " -- " };
        let _ = writeln!(
            text,
            "Made by `cargo bench -p stagewright-tests{separator}{}`. Values are p50 / p95 / p99 \
             over all rounds after the warm-up, of rates p50 / p5 / p1; a reference is measured in the same run, in turns \
             with ours, and ratios are of the medians, ours to the reference's.\n",
            arguments.join(" ")
        );
        text.push_str(
            "| bench | what | ours | reference | its value | ratio | goal | result | rounds |\n",
        );
        text.push_str("| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n");
        for (bench, row) in &self.rows {
            let _ = writeln!(text, "| {bench} {}", row.line());
        }
        text
    }
}
