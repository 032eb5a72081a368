//! Crimes that end by themselves: the guest hits a limit, breaks off or answers nonsense.
//!
//! All in one deployment, with all limits at their defaults, so that one host lives through
//! them and its memory can be held against what it was before.

use super::beside::{Events, Told};
use super::memory::{peak, resident};
use super::stage::{Rogue, Stages, installation};
use super::{assembled, speech};
use crate::gate::Gate;
use crate::going::Going;

/// A crime of the `rogue` plugin: its name, the export, and what is told of it.
const COMMITTED: &[(&str, &str, Told)] = &[
    (
        "memory",
        "build",
        Told {
            code: "plugin.limit",
            words: &[
                "rogue.wasm",
                "`build`",
                "`memory` of 256MiB",
                "raise `memory`",
            ],
        },
    ),
    (
        "recursion",
        "build",
        Told {
            code: "plugin.trapped",
            words: &["call stack overflowed", "tell its author"],
        },
    ),
    (
        "handles",
        "build",
        Told {
            code: "plugin.limit",
            words: &["`handles` of 512", "raise `handles`"],
        },
    ),
    (
        "giant-answer",
        "inputs",
        Told {
            code: "plugin.limit",
            words: &["`inputs`", "`hostcall` of 16MiB", "raise `hostcall`"],
        },
    ),
    (
        "giant-answer",
        "publish",
        Told {
            code: "plugin.limit",
            words: &["`publish`", "`hostcall` of 16MiB"],
        },
    ),
    (
        "giant-answer",
        "deploy",
        Told {
            code: "plugin.answer",
            words: &["50000 outputs", "at most 1000", "tell its author"],
        },
    ),
    (
        "giant-failure",
        "build",
        Told {
            code: "rogue.giant",
            words: &["mmmm…"],
        },
    ),
    (
        "flood",
        "build",
        Told {
            code: "rogue.flood",
            words: &["it has said everything"],
        },
    ),
    (
        "blank",
        "build",
        Told {
            code: "rogue.flood",
            words: &["it has said everything"],
        },
    ),
    (
        "keep",
        "publish",
        Told {
            code: "image.kept-too-often",
            words: &["at most 100 times", "tell its author"],
        },
    ),
    (
        "escapes",
        "build",
        Told {
            code: "rogue.\\u{1b}[2J\\u{1b}]0;owned\\u{7}\\u{9b}31m\\r\\u{8}\\u{202e}txt.exe\\u{2028}",
            words: &["the message", "the hint"],
        },
    ),
];

/// What the host may have more at the end than at the beginning: far less than what one bomb
/// or one flood would leave behind, and room for what allocators keep.
const GROWTH: u64 = 96 << 20;
/// What it may have in between: one guest at its limit, and what honest work takes.
const PEAK: u64 = (256 + 160) << 20;

#[test]
fn who_breaks_off_is_told_why_and_disturbs_nobody() {
    let installation = installation("host_slots: 4\n");
    let mut stages = Stages::default();
    let mut gate = Gate::new(&installation, "gate");
    stages.add_calm("before", &gate.step());
    let mut expected = Vec::new();
    for (crime, at, told) in COMMITTED {
        let stage = format!("{crime}-{at}");
        let rogue = Rogue::new(&format!("{stage}-rogue"), crime, at);
        stages.add(&stage, std::slice::from_ref(&rogue));
        expected.push((stage, rogue.name, told));
    }
    for (name, guest, told) in assembled::BUILDERS {
        let file = installation.project().join(format!("{name}.wasm"));
        std::fs::write(file, guest().build()).unwrap();
        let rogue = Rogue::built_by(&format!("{name}-rogue"), name);
        stages.add(name, std::slice::from_ref(&rogue));
        expected.push(((*name).to_owned(), rogue.name, told));
    }
    stages.add_calm("after", &gate.step());
    stages.write(&installation);

    let mut going = Going::new(&installation, &["deploy"]);
    let level = calm(&mut going, "before");
    gate.admit(1);
    let end = calm(&mut going, "after");
    let highest = peak(going.pid());
    gate.admit(1);
    let (events, run) = going.all();
    assert_eq!(run.code, Some(1), "{run}");

    let events = Events(&events);
    let mut defects = [events.honest("before"), events.honest("after")].concat();
    for (stage, rogue, told) in &expected {
        defects.extend(events.honest(stage));
        defects.extend(events.told(rogue, told));
    }
    assert!(defects.is_empty(), "{}", defects.join("\n"));
    let grown = end.saturating_sub(level);
    let mebibytes = |bytes: u64| bytes >> 20;
    let told = format!(
        "{} MiB before, {} after, {} at most",
        mebibytes(level),
        mebibytes(end),
        mebibytes(highest)
    );
    assert!(grown < GROWTH, "memory stays: {told}");
    assert!(
        highest.saturating_sub(level) < PEAK,
        "too much memory: {told}"
    );
    speech::is_harmless(&installation, &run);
}

/// Waits until only the gate of a stage is left, and answers with the host's memory then.
fn calm(going: &mut Going, stage: &str) -> u64 {
    let mut waited_for = super::stage::honest(stage).to_vec();
    waited_for.push(format!("{stage}-gate"));
    while !waited_for.is_empty() {
        let event = going.until(|e| {
            let waits = e["event"] == "step.started" && e["step"] == "build";
            let is_gate = e["service"] == format!("{stage}-gate");
            e["event"] == "service.ended" || (waits && is_gate)
        });
        waited_for.retain(|name| event["service"] != name.as_str());
    }
    resident(going.pid())
}
