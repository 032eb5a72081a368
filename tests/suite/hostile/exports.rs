//! A panic, a trap and an exit in each export that a verb calls: the service fails with the
//! name of the export, all others do what was asked for.

use std::collections::BTreeSet;

use serde_json::Value;

use super::beside::{Events, Told};
use super::stage::{Rogue, Stages, honest, installation};
use crate::installation::{Installation, Run};

/// How a guest breaks off, and what is told of it.
const CRIMES: &[(&str, &str)] = &[
    ("panic", "it gave up (unreachable instruction)"),
    ("trap", "it gave up (unreachable instruction)"),
    ("exit", "it ended itself with exit code 1"),
];

/// The exports, and the verb that is the first to call it. `validate` is called before anything
/// begins, and has a test of its own.
const EXPORTS: &[(&str, &str)] = &[
    ("plan", "plan"),
    ("inputs", "deploy"),
    ("build", "deploy"),
    ("publish", "deploy"),
    ("address", "deploy"),
    ("deploy", "deploy"),
    ("exists", "deploy again"),
    ("observe", "deploy again"),
    ("stop", "stop"),
    ("start", "start"),
    ("restart", "restart"),
    ("destroy", "destroy"),
];

/// The service that fails of a crime: of an address, the one that asks for it.
fn culprit(crime: &str, export: &str) -> String {
    match export {
        "address" => format!("{crime}-asks"),
        export => format!("{crime}-{export}"),
    }
}

fn stages() -> Stages {
    let mut stages = Stages::default();
    for (crime, _) in CRIMES {
        let name = |export: &str| format!("{crime}-{export}");
        let rogue = |&(export, _): &(&str, &str)| Rogue::new(&name(export), crime, export);
        let mut rogues: Vec<Rogue> = EXPORTS.iter().map(rogue).collect();
        let asked = format!("    variables: {{ HOST: \"{{{{{crime}-address.host}}}}\" }}\n");
        let mut asking = Rogue::new(&name("asks"), crime, "plan");
        asking.entry += &asked;
        rogues.push(asking);
        stages.add(crime, &rogues);
    }
    stages
}

/// The services that failed.
fn failed(events: &[Value]) -> BTreeSet<String> {
    let ended = events.iter().filter(|e| e["event"] == "service.ended");
    let failed = ended.filter(|e| e["result"] == "failed");
    failed
        .map(|e| e["service"].as_str().unwrap().to_owned())
        .collect()
}

/// Does what the verb says, and checks that those exports that it calls break off, and nothing
/// else fails.
fn check(installation: &Installation, verb: &str, arguments: &[&str], called: &[&str]) -> Run {
    let mut words = arguments.to_vec();
    words.extend(["--output", "json"]);
    let run = installation.run(&words);
    assert_eq!(run.code, Some(1), "{verb}: {run}");
    let events = run.json();
    let mut expected = BTreeSet::new();
    let mut defects = Vec::new();
    for (export, _) in EXPORTS.iter().filter(|(_, first)| called.contains(first)) {
        for (crime, words) in CRIMES {
            let culprit = culprit(crime, export);
            let place = format!("broke off in `{export}`");
            let told = Told {
                code: "plugin.trapped",
                words: &["rogue.wasm", words, &place, "tell its author"],
            };
            defects.extend(Events(&events).told(&culprit, &told));
            expected.insert(culprit);
        }
    }
    let failed = failed(&events);
    let others = failed.difference(&expected);
    defects.extend(
        others.map(|name| format!("{name} failed, too: {:?}", Events(&events).error(name))),
    );
    assert!(defects.is_empty(), "{verb}:\n{}", defects.join("\n"));
    run
}

#[test]
fn whatever_export_breaks_off_only_its_service_fails() {
    let installation = installation("");
    stages().write(&installation);
    let planned = installation.run(&["plan", "--output", "json"]);
    let rows = planned.json();
    for (crime, words) in CRIMES {
        let name = format!("{crime}-plan");
        let row = rows.iter().find(|row| row["service"] == name.as_str());
        let changes = row.unwrap()["changes"].to_string();
        for words in ["rogue.wasm broke off in `plan`", words, "tell its author"] {
            assert!(changes.contains(words), "{words}\n{changes}");
        }
    }
    let first = check(&installation, "deploy", &["deploy"], &["deploy"]);
    let said = first.json().into_iter().any(|e| {
        let is_last = e["message"]
            .as_str()
            .is_some_and(|text| text.contains("the rogue broke down"));
        e["event"] == "step.log" && e["service"] == "panic-build" && is_last
    });
    assert!(said, "a panic is told in the log\n{first}");
    for (crime, _) in CRIMES {
        let defects = Events(&first.json()).honest(crime);
        assert!(defects.is_empty(), "{}", defects.join("\n"));
    }
    check(
        &installation,
        "deploy again",
        &["deploy"],
        &["deploy", "deploy again"],
    );
    check(&installation, "stop", &["stop", "test"], &["stop"]);
    check(&installation, "start", &["start", "test"], &["start"]);
    check(&installation, "restart", &["restart", "test"], &["restart"]);
    let destroyed = check(
        &installation,
        "destroy",
        &["destroy", "--yes", "test"],
        &["destroy"],
    );
    for name in CRIMES.iter().flat_map(|(crime, _)| honest(crime)) {
        let is_gone = destroyed.json().into_iter().any(|e| {
            e["event"] == "service.ended"
                && e["service"] == name.as_str()
                && e["result"] == "succeeded"
        });
        assert!(is_gone, "{name} is destroyed\n{destroyed}");
    }
}
