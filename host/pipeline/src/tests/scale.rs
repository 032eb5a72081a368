//! Large deployments: as many services as anybody will ever have, with the same core.

use std::sync::Arc;
use std::time::Instant;

use crate::action::{Action, Step};
use crate::course::{Course, CourseSpec, ServiceCourse, ServiceId, ServiceSpec, StageSpec};
use crate::outcome::{Ending, Outcome};
use crate::simulate::{Report, Settings, simulate};
use crate::state::Service;

/// So many services in 10 stages; each needs the one a hundred places before it.
fn course(services: u32, action: Action) -> Arc<Course> {
    let of_stage = (services / 10).max(1);
    let spec = CourseSpec {
        stages: (0..10).map(|n| StageSpec::new(n.to_string())).collect(),
        services: (0..services)
            .map(|n| ServiceSpec {
                needs: n.checked_sub(100).into_iter().collect(),
                ..ServiceSpec::new(format!("s{n}"), (n / of_stage).min(9))
            })
            .collect(),
        ..CourseSpec::default()
    };
    Arc::new(Course::new(&spec, action).unwrap())
}

fn run(services: u32, action: Action) -> Report {
    let course = course(services, action);
    let mut world =
        |id: ServiceId, _: Step, _: u16| (10 + u64::from(id.0 % 7), Outcome::succeeded());
    let began = Instant::now();
    let report = simulate(course, &mut world, Settings::default(), |_, _| {}).unwrap();
    let each = began.elapsed().as_nanos() / u128::from(report.facts);
    println!(
        "{services} services, {} facts, {each} ns a fact",
        report.facts
    );
    assert_eq!(report.ending, Ending::Succeeded);
    assert_eq!(report.state.tally().succeeded, services);
    report
}

#[test]
fn a_hundred_thousand_services_are_built_and_deployed() {
    let report = run(100_000, Action::Deploy);
    // Four slots cannot do better than a quarter of the work.
    assert!(report.makespan >= 100_000 / 4 * 10 * 3);
    assert!(report.makespan <= 100_000 / 4 * 16 * 3 + 10 * 100);
}

#[test]
fn a_million_services_are_scheduled() {
    let report = run(1_000_000, Action::Restart);
    assert!(report.makespan <= 1_000_000 / 4 * 16);
}

/// What a service weighs without its name: itself in course and state, its edges (two needs,
/// both ways), and a place in each of the sets that it can be in at once.
#[test]
fn a_service_weighs_less_than_500_bytes() {
    let own = size_of::<ServiceCourse>() + size_of::<Service>();
    let edges = 2 * (size_of::<u32>() + 2 * size_of::<ServiceId>());
    // Nodes of a set are at least half full but for the last; `ready`, `unannounced`, a timer.
    let places = 2 * (2 * size_of::<ServiceId>() + 16 / 4);
    let weight = own + edges + places;
    println!("{own} own + {edges} edges + {places} places = {weight} bytes a service");
    assert!(weight <= 500 - 64, "{weight} bytes and a name of 64");
}
