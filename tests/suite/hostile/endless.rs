//! Crimes that only a deadline ends: the honest services beside them are done before it.

use super::beside::{Events, Told};
use super::stage::{Rogue, Stages, installation};
use crate::environment::{add_actor, free_port};

/// What is done in a build or a push: half of it keeps the machine busy, half of it only waits.
const CRIMES: &[(&str, &str)] = &[
    ("loop", "build"),
    ("chatter", "build"),
    ("babble", "build"),
    ("late", "build"),
    ("digest", "build"),
    ("copy", "build"),
    ("list", "build"),
    ("pack", "build"),
    ("run", "build"),
    ("sleep", "build"),
    ("sleep", "publish"),
];

/// What waits for a program that says nothing.
const PROGRAMS: &[&str] = &["wait", "tcp", "http", "grpc", "exec"];

/// Long enough for the honest services on a machine that has much else to do, besides.
const PATIENCE: &str = "25s";

/// The name of the stage.
const STAGE: &str = "endless";

#[test]
fn who_does_not_end_is_ended_after_the_honest_ones() {
    let installation = installation("host_slots: 64\n");
    add_actor(&installation, "app");
    let rogue = |crime: &str, at: &str| Rogue::new(&format!("{crime}-{at}"), crime, at);
    let builds = CRIMES.iter();
    let builds = builds.map(|(crime, at)| rogue(crime, at).ending_after(PATIENCE));
    // What is built of them is a whole program, and that takes its time.
    let programs = PROGRAMS.iter().map(|crime| {
        let rogue = rogue(crime, "deploy").with_program(free_port());
        rogue.deploying_for(PATIENCE)
    });
    let rogues: Vec<Rogue> = builds.chain(programs).collect();
    let mut stages = Stages::default();
    stages.add(STAGE, &rogues);
    stages.write(&installation);

    let run = installation.run(&["deploy", "--output", "json"]);
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    let events = run.json();
    let events = Events(&events);
    let mut defects = events.honest(STAGE);
    for Rogue { name, .. } in &rogues {
        let export = name.rsplit('-').next().unwrap();
        let place = format!("still in `{export}` after");
        let told = Told {
            code: "step.timed-out",
            words: &["rogue.wasm", &place, "`timeouts`"],
        };
        defects.extend(events.disturbed(STAGE, name));
        defects.extend(events.told(name, &told));
    }
    assert!(defects.is_empty(), "{}", defects.join("\n"));
}
