//! The scheduler core: what an event costs, what a service weighs, and whether a schedule is
//! as short as a greedy one.

use std::process::Command;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use stagewright_pipeline::action::{Action, Step};
use stagewright_pipeline::simulate::{Report, Settings, simulate};
use stagewright_pipeline::{Course, CourseSpec, Outcome, ServiceId, ServiceSpec, StageSpec};

use crate::greedy::{self, Task};
use crate::machine;
use crate::measure::{Samples, Sequence, time};
use crate::place::Place;
use crate::report::{Goal, Row, Unit};

/// Services, and how often they are scheduled.
const SIZES: [(u32, usize); 3] = [(1_000, 100), (100_000, 5), (1_000_000, 3)];
const STAGES: u32 = 10;
/// Slots of a phase where nothing is said.
const SLOTS: usize = 4;
const SCHEDULES: u64 = 500;

/// Time and memory at three sizes.
pub fn core(_: &Place) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (services, rounds) in SIZES {
        let course = course(services)?;
        let mut each = Vec::new();
        let mut facts = 0;
        for _ in 0..rounds {
            let taken = time(|| {
                facts = run(&course)?.facts;
                Ok(())
            })?;
            each.push(taken.as_secs_f64() / facts as f64);
        }
        let what = format!("scheduler core: an event of {services} services ({facts} events)");
        rows.push(Row::new(what, Unit::Time, &Samples::new(each)).goal(Goal::AtMost(1e-6)));
    }
    for (services, _) in SIZES.into_iter().skip(1) {
        let weight = Samples::new([weight_in_a_process_of_its_own(services)?]);
        let what = format!("scheduler core: memory a service, of {services}");
        rows.push(Row::new(what, Unit::Bytes, &weight).goal(Goal::AtMost(500.0)));
    }
    Ok(rows)
}

/// So many services in ten stages; each needs the one a hundred places before it.
fn course(services: u32) -> Result<Arc<Course>> {
    let of_stage = (services / STAGES).max(1);
    let spec = CourseSpec {
        stages: (0..STAGES).map(|n| StageSpec::new(n.to_string())).collect(),
        services: (0..services)
            .map(|n| ServiceSpec {
                needs: n.checked_sub(100).into_iter().collect(),
                ..ServiceSpec::new(format!("s{n}"), (n / of_stage).min(STAGES - 1))
            })
            .collect(),
        ..CourseSpec::default()
    };
    Ok(Arc::new(Course::new(&spec, Action::Deploy)?))
}

fn run(course: &Arc<Course>) -> Result<Report> {
    let mut world =
        |id: ServiceId, _: Step, _: u16| (10 + u64::from(id.0 % 7), Outcome::succeeded());
    let settings = Settings::default();
    Ok(simulate(
        Arc::clone(course),
        &mut world,
        settings,
        |_, _| {},
    )?)
}

/// Asks another process of this program, whose memory nothing else has grown: see [`weigh`].
fn weight_in_a_process_of_its_own(services: u32) -> Result<f64> {
    let output = Command::new(std::env::current_exe()?)
        .args(["--bench", "--weigh", &services.to_string()])
        .output()?;
    let said = String::from_utf8(output.stdout)?;
    ensure!(
        output.status.success(),
        "weighing ended with {}",
        output.status
    );
    said.trim().parse().with_context(|| said.clone())
}

/// By how many bytes a service the resident memory of this process grows at most while so many
/// are described, compiled and deployed.
pub fn weigh(services: u32) -> Result<f64> {
    let before = machine::resident("VmRSS", "self")?;
    let course = course(services)?;
    let report = run(&course)?;
    let most = machine::resident("VmHWM", "self")?;
    drop(report);
    Ok((most - before) / f64::from(services))
}

/// Simulated schedules of one stage, with needs, against greedy ones of the same durations.
pub fn makespan(_: &Place) -> Result<Vec<Row>> {
    let (mut ours, mut greedy, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for seed in 0..SCHEDULES {
        let mut numbers = Sequence::new(seed);
        let services = 5 + numbers.below(60);
        let tasks: Vec<Task> = (0..services)
            .map(|at| Task {
                takes: 20 + numbers.below(2_000),
                needs: needs(&mut numbers, at),
            })
            .collect();
        let simulated = simulated(&tasks)?;
        let planned = greedy::makespan(&tasks, SLOTS);
        ours.push(simulated as f64 / 1e3);
        greedy.push(planned as f64 / 1e3);
        ratios.push(simulated as f64 / planned as f64);
    }
    let (ours, greedy, ratios) = (
        Samples::new(ours),
        Samples::new(greedy),
        Samples::new(ratios),
    );
    let told = format!(
        "makespan of a stage, simulated; the largest ratio is {:.4}",
        ratios.percentile(100)
    );
    Ok(vec![
        Row::new(told, Unit::Time, &ours)
            .against("greedy, first in first out", &greedy)
            .goal(Goal::RatioAtMost(1.0)),
    ])
}

/// Up to two services that stand before this one.
fn needs(numbers: &mut Sequence, at: u64) -> Vec<usize> {
    let count = numbers.below(3).min(at);
    (0..count).map(|_| numbers.below(at) as usize).collect()
}

fn simulated(tasks: &[Task]) -> Result<u64> {
    let service = |(at, task): (usize, &Task)| ServiceSpec {
        needs: task.needs.iter().map(|&need| need as u32).collect(),
        ..ServiceSpec::new(format!("s{at}"), 0)
    };
    let spec = CourseSpec {
        stages: vec![StageSpec::new("stage")],
        services: tasks.iter().enumerate().map(service).collect(),
        ..CourseSpec::default()
    };
    let course = Arc::new(Course::new(&spec, Action::Restart)?);
    let mut world = |id: ServiceId, _: Step, _: u16| {
        let takes = tasks.get(id.0 as usize).map_or(0, |task| task.takes);
        (takes, Outcome::succeeded())
    };
    Ok(simulate(course, &mut world, Settings::default(), |_, _| {})?.makespan)
}
