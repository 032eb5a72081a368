//! The slot that a rogue held works again at once: the next step takes it, and succeeds.

use super::beside::Events;
use super::stage::{Rogue, Stages, installation};

/// One of each way in which a step of a rogue ends.
const CRIMES: &[(&str, &str)] = &[
    ("loop", "build"),
    ("run", "build"),
    ("memory", "build"),
    ("panic", "publish"),
    ("exit", "deploy"),
    ("sleep", "deploy"),
];

#[test]
fn the_slot_of_a_rogue_is_taken_by_the_next_step() {
    let installation = installation("host_slots: 1\n");
    let mut stages = Stages::default();
    for (crime, at) in CRIMES {
        let rogue = Rogue::new(&format!("{crime}-rogue"), crime, at);
        // The others have the time that they need to break off.
        let rogue = match *crime {
            "loop" | "run" => rogue.ending_after("2s"),
            "sleep" => rogue.deploying_for("1s"),
            _ => rogue,
        };
        stages.add_with_one_slot(crime, &rogue);
    }
    stages.write(&installation);
    let run = installation.run(&["deploy", "--output", "json"]);
    assert_eq!(run.code, Some(1), "{run}");
    let events = run.json();
    let events = Events(&events);
    let mut defects = Vec::new();
    for (crime, at) in CRIMES {
        defects.extend(events.slot(&format!("{crime}-rogue"), at));
        defects.extend(events.honest(crime));
    }
    assert!(defects.is_empty(), "{}\n{run}", defects.join("\n"));
}
