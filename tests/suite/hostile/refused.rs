//! What is refused before anything begins, by the verb that meets it first, while three honest
//! services deploy in the same installation.

use std::fs::File;
use std::os::unix::fs::FileExt;

use serde_json::Value;
use stagewright_test_components::TestGuest;

use super::speech::is_shown_safely;
use super::stage::{Rogue, Stages, installation};
use crate::gate::Gate;
use crate::going::Going;
use crate::installation::{Installation, Run};

/// A file that is no plugin that this host can use, and what is told of it.
struct Case {
    name: &'static str,
    make: fn() -> Vec<u8>,
    words: &'static [&'static str],
}

const EXIT: &str = r#"(import "wasi:cli/exit@0.2.0" "exit" (func $exit (param i32)))"#;
const LOOP: &str = "(loop $again (br $again)) (unreachable)";

/// Limits that are lower than they are by default: otherwise these cases take 10 seconds each.
const LIMITS: &str = "limits: { describe: 3s }\n";

const CASES: &[Case] = &[
    Case {
        name: "garbage",
        make: || b"#!/bin/sh\x1b[2J\necho hello\n".to_vec(),
        words: &["not WebAssembly", "component toolchain"],
    },
    Case {
        name: "empty",
        make: Vec::new,
        words: &["not WebAssembly"],
    },
    Case {
        name: "core-module",
        make: || wat::parse_str("(module)").unwrap(),
        words: &["core WebAssembly module", "wasm-tools component new"],
    },
    Case {
        name: "cut-off",
        make: || {
            let mut bytes = TestGuest::idle("").build();
            bytes.truncate(bytes.len() / 2);
            bytes
        },
        words: &["not a valid component", "fetch it again"],
    },
    Case {
        name: "wrong-world",
        make: || {
            wat::parse_str(r#"(component (import "acme:tools/magic@1.0.0" (instance)))"#).unwrap()
        },
        words: &["acme:tools/magic@1.0.0", "wit/roles.wit"],
    },
    Case {
        name: "wrong-version",
        make: || {
            wat::parse_str(r#"(component (import "stagewright:plugin/log@0.9.0" (instance)))"#)
                .unwrap()
        },
        words: &[
            "stagewright:plugin/log@0.9.0",
            "this host offers stagewright:plugin@0.1.0",
            "build it with the SDK",
        ],
    },
    Case {
        name: "instances",
        make: || crowd(&[], 100),
        words: &[
            "core module instances",
            "maximum of 64",
            "build it of fewer",
        ],
    },
    Case {
        name: "tables",
        make: || crowd(&[4, 4, 1, 0x70, 0, 1], 50),
        words: &["50 tables", "maximum of 40", "build it of fewer"],
    },
    Case {
        name: "memories",
        make: || crowd(&[5, 3, 1, 0, 1], 20),
        words: &[
            "21 Wasm linear memories",
            "maximum of 8",
            "build it of fewer",
        ],
    },
    Case {
        name: "memory-at-start",
        make: || crowd(&[5, 4, 1, 0, 0xc0, 0x3e], 1),
        words: &["`memory` of 256MiB", "raise `memory`"],
    },
    Case {
        name: "endless-start",
        make: || {
            TestGuest::idle("")
                .with("(func $begin (loop $l (br $l))) (start $begin)")
                .build()
        },
        words: &[
            "still in `describe` after",
            "`describe` of 3s",
            "raise `describe`",
        ],
    },
    Case {
        name: "endless-describe",
        make: || TestGuest::idle("").describing(LOOP).build(),
        words: &["still in `describe` after", "raise `describe`"],
    },
    Case {
        name: "trap-in-describe",
        make: || TestGuest::idle("").describing("unreachable").build(),
        words: &["broke off in `describe`", "gave up", "tell its author"],
    },
    Case {
        name: "exit-in-describe",
        make: || {
            TestGuest::idle(EXIT)
                .describing("(call $exit (i32.const 1)) (i32.const 1024)")
                .build()
        },
        words: &["broke off in `describe`", "exit code 1", "tell its author"],
    },
    Case {
        name: "giant-description",
        make: || {
            TestGuest::idle("")
                .describing("(drop (memory.grow (i32.const 1000))) (i32.store (i32.const 1028) (i32.const 50000000)) (i32.const 1024)")
                .build()
        },
        words: &["`hostcall` of 16MiB", "raise `hostcall`"],
    },
    Case {
        name: "endless-validate",
        make: || TestGuest::idle("").validating(LOOP).build(),
        words: &["still in `validate` after", "raise `describe`"],
    },
    Case {
        name: "trap-in-validate",
        make: || TestGuest::idle("").validating("unreachable").build(),
        words: &["broke off in `validate`", "tell its author"],
    },
    Case {
        name: "exit-in-validate",
        make: || {
            TestGuest::idle(EXIT)
                .validating("(call $exit (i32.const 1)) (i32.const 0)")
                .build()
        },
        words: &["broke off in `validate`", "exit code 1"],
    },
];

/// A decent guest, behind which a module of these sections is instantiated so often.
fn crowd(sections: &[u8], count: u8) -> Vec<u8> {
    let mut bytes = TestGuest::idle("").build();
    let module = modules(&bytes);
    // Sections of the component model's binary format: 1 holds a core module, 2 core instances,
    // each of them made of a module (0), its index, and no arguments.
    bytes.extend([1, 8 + sections.len() as u8]);
    bytes.extend(b"\0asm\x01\0\0\0");
    bytes.extend(sections);
    let size = 1 + 3 * u16::from(count);
    bytes.extend([2, 0x80 | (size & 0x7f) as u8, (size >> 7) as u8, count]);
    bytes.extend([0, module, 0].repeat(count.into()));
    bytes
}

/// How many core modules a component holds.
fn modules(component: &[u8]) -> u8 {
    let mut rest = &component[8..];
    let mut modules = 0;
    while let [section, after @ ..] = rest {
        modules += u8::from(*section == 1);
        let mut size = 0_usize;
        let length = 1 + after.iter().position(|byte| byte & 0x80 == 0).unwrap();
        for byte in after[..length].iter().rev() {
            size = size << 7 | usize::from(byte & 0x7f);
        }
        rest = &after[length + size..];
    }
    modules
}

/// Writes every file, and an environment in which each of them is to build a service.
fn suspects(installation: &Installation) -> Vec<(&'static str, &'static [&'static str])> {
    let mut expected = Vec::new();
    for case in CASES {
        let file = installation.project().join(format!("{}.wasm", case.name));
        std::fs::write(file, (case.make)()).unwrap();
        expected.push((case.name, case.words));
    }
    // Mostly a hole, and as large as it looks to whoever reads it.
    let large = File::create(installation.project().join("large.wasm")).unwrap();
    large.write_all_at(b"\0asm\x0d\0\x01\0", 0).unwrap();
    large.set_len(200 << 20).unwrap();
    expected.push((
        "large",
        &["larger than 64MiB", "raise the limit `component`"],
    ));
    let rogue = |(name, _): &(&str, _)| Rogue::built_by(&format!("by-{name}"), name);
    let rogues: Vec<Rogue> = expected.iter().map(rogue).collect();
    let mut stages = Stages::default();
    stages.add("suspect", &rogues);
    stages.write_as(installation, "suspect", "suspect.yaml");
    expected
}

#[test]
fn what_is_no_plugin_is_refused_while_honest_services_deploy() {
    let installation = installation(LIMITS);
    let mut gate = Gate::new(&installation, "gate");
    let mut stages = Stages::default();
    stages.add_calm("honest", &gate.step());
    stages.write(&installation);
    let mut going = Going::new(&installation, &["deploy"]);
    going.until(|e| e["event"] == "step.started" && e["service"] == "honest-gate");
    let expected = suspects(&installation);
    let runs = ["validate", "plan", "deploy"].map(|verb| {
        (
            verb,
            installation.run(&[verb, "suspect.yaml", "--output", "json"]),
        )
    });
    let shown = installation.run(&["validate", "suspect.yaml"]);
    gate.admit(1);
    let (_, honest) = going.all();

    assert_eq!(honest.code, Some(0), "{honest}");
    assert_eq!(shown.code, Some(2), "{shown}");
    is_shown_safely(&shown);
    let mut defects = Vec::new();
    for (verb, run) in &runs {
        assert_eq!(run.code, Some(2), "{verb} {run}");
        defects.extend(unsaid(verb, run, &expected));
    }
    assert!(defects.is_empty(), "{}", defects.join("\n"));
}

/// What is missing of the problems that a verb tells: each of them at its line, with its cause
/// and a remedy.
fn unsaid(verb: &str, run: &Run, expected: &[(&str, &[&str])]) -> Vec<String> {
    let told: Value = serde_json::from_str(run.stderr.lines().last().unwrap()).unwrap();
    let problems = told["error"]["problems"].as_array().unwrap();
    let mut defects = Vec::new();
    for (name, words) in expected {
        let file = format!("./{name}.wasm");
        let problem = problems.iter().find(|problem| {
            let message = problem["message"].as_str().unwrap();
            message.split([' ', ':']).any(|word| word == file)
        });
        let Some(problem) = problem else {
            defects.push(format!("{verb} says nothing of {file}"));
            continue;
        };
        let text = format!("{} {}", problem["message"], problem["hint"]);
        let unsaid = words.iter().filter(|word| !text.contains(**word));
        defects
            .extend(unsaid.map(|word| format!("{verb} of {name} does not say {word}: {problem}")));
    }
    defects
}
