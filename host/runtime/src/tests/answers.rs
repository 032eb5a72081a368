//! Plugins that answer with anything: their memory after a call is what a fuzzer made of it.
//!
//! The guest is one component that exports every function. What it answers with travels in
//! the service's configuration, two letters a byte, and is put where its result is read from:
//! pointers, lengths, tags and texts are all the fuzzer's.

use std::sync::atomic::{AtomicU32, Ordering};

use stagewright_fuzz::{Finding, Shape, Target, Verdict};

use super::world::{World, call};
use crate::harmless::disturbs;
use crate::record::Failure;
use crate::{Call, Plugin, StepError};
use stagewright_test_components::component;

mod memory;

use memory::Memory;

const WORLD: &str = "package test:guest;
    world guest {
        include stagewright:plugin/builder-plugin@0.1.0;
        include stagewright:plugin/publisher-plugin@0.1.0;
        include stagewright:plugin/deployer-plugin@0.1.0;
    }";

/// Where the configuration stands among the arguments: last in the record `service`, which is
/// 92 bytes long; before it there may be a `step` of 48.
const IN_SERVICE: u32 = 84;
const AFTER_STEP: u32 = 48 + IN_SERVICE;

/// The functions that are handed a service, and where its configuration is.
const FUNCTIONS: [(&str, u32); 12] = [
    ("builder@0.1.0#inputs", IN_SERVICE),
    ("builder@0.1.0#build", AFTER_STEP),
    ("publisher@0.1.0#exists", IN_SERVICE),
    ("publisher@0.1.0#publish", AFTER_STEP),
    ("deployer@0.1.0#address", IN_SERVICE),
    ("deployer@0.1.0#plan", IN_SERVICE),
    ("deployer@0.1.0#deploy", AFTER_STEP),
    ("deployer@0.1.0#observe", IN_SERVICE),
    ("deployer@0.1.0#start", AFTER_STEP),
    ("deployer@0.1.0#stop", AFTER_STEP),
    ("deployer@0.1.0#restart", AFTER_STEP),
    ("deployer@0.1.0#destroy", AFTER_STEP),
];

/// The module: `describe` answers with what stands at 1024, everything else with its argument.
fn module(description: &Memory) -> String {
    let exports = FUNCTIONS.map(|(name, config)| {
        format!(
            r#"(func (export "stagewright:plugin/{name}") (param i32) (result i32)
                (local.set 0 (i32.add (local.get 0) (i32.const {config})))
                (call $answer (i32.load (local.get 0)) (i32.load offset=4 (local.get 0))))"#
        )
    });
    format!(
        r#"(module
            (memory (export "memory") 4)
            (global $free (mut i32) (i32.const 131072))
            (data (i32.const {at}) "{description}")
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
                (local $at i32)
                (local.set $at (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
                (global.set $free (i32.add (local.get $at) (local.get 3)))
                (local.get $at))
            (func $answer (param $from i32) (param $length i32) (result i32)
                (local $to i32)
                (local.set $to (i32.const {at}))
                (block $done (loop $more
                    (br_if $done (i32.lt_s (local.get $length) (i32.const 2)))
                    (i32.store8 (local.get $to) (i32.or
                        (i32.shl (i32.sub (i32.load8_u (local.get $from)) (i32.const 97)) (i32.const 4))
                        (i32.sub (i32.load8_u offset=1 (local.get $from)) (i32.const 97))))
                    (local.set $from (i32.add (local.get $from) (i32.const 2)))
                    (local.set $length (i32.sub (local.get $length) (i32.const 2)))
                    (local.set $to (i32.add (local.get $to) (i32.const 1)))
                    (br $more)))
                (i32.const {at}))
            (func (export "stagewright:plugin/plugin@0.1.0#describe") (result i32)
                (i32.const {at}))
            (func (export "stagewright:plugin/plugin@0.1.0#validate") (param i32 i32) (result i32)
                (call $answer (local.get 0) (local.get 1)))
            {exports})"#,
        at = memory::START,
        description = description.escaped(),
        exports = exports.join("\n"),
    )
}

/// Two letters a byte.
fn letters(bytes: &[u8]) -> String {
    let letter = |nibble: u8| char::from(b'a' + nibble);
    let pairs = bytes
        .iter()
        .flat_map(|byte| [letter(byte >> 4), letter(byte & 15)]);
    pairs.collect()
}

fn answering(bytes: &[u8]) -> Call {
    let (mut call, _) = call();
    // A length that lies must not make the call last.
    call.service.config = letters(bytes.get(..32 * 1024).unwrap_or(bytes));
    call
}

/// Nothing of it can steer a terminal, and it is not endless.
fn assert_harmless<'a>(texts: impl IntoIterator<Item = &'a str>) {
    for text in texts {
        let bad = |c: char| !matches!(c, '\t' | '\n') && disturbs(c);
        assert!(!text.contains(bad), "{:?}", text.get(..200).unwrap_or(text));
        assert!(text.len() <= 17 * 1024, "{} bytes", text.len());
    }
}

fn assert_told(failure: &Failure) {
    assert!(failure.details.len() <= 1_000);
    let details = failure
        .details
        .iter()
        .flat_map(|(name, value)| [name, value]);
    let texts = [&failure.code, &failure.message]
        .into_iter()
        .chain(&failure.hint);
    assert_harmless(texts.chain(details).map(String::as_str));
}

/// Asks the function with that number, and looks at what comes out of the host.
async fn ask(plugin: &Plugin, function: u8, bytes: &[u8]) -> Result<(), StepError> {
    let call = answering(bytes);
    match function % 13 {
        0 => {
            for (name, value) in plugin.inputs(call).await? {
                assert_harmless([name.as_str(), value.as_str()]);
            }
        }
        1 => {
            let output = tempfile::tempdir().unwrap();
            let mut call = call;
            call.output = Some(output.path().to_owned());
            drop(plugin.build(call).await?);
        }
        2 => assert_harmless(plugin.exists(call, "sha256:0").await?.as_deref()),
        3 => assert_harmless([plugin.address(call).await?.as_str()]),
        4 => {
            for change in plugin.plan(call, None).await? {
                assert_harmless([&*change.action, &*change.object, &*change.reason]);
            }
        }
        5 => plugin.destroy(call, false).await?,
        6 => {
            for problem in plugin.validate(&call.service.config).await? {
                assert_harmless([&*problem.at, &*problem.message]);
            }
        }
        changing => {
            let state = match changing {
                7 => plugin.start(call).await?,
                8 => plugin.stop(call).await?,
                9 => plugin.restart(call).await?,
                10 => plugin.observe(call).await?,
                _ => plugin.deploy(call, "layout:a@sha256:0".into()).await?,
            };
            let texts = [Some(&state.condition), Some(&state.detail)];
            let texts = texts
                .into_iter()
                .chain([state.step_id.as_ref(), state.reference.as_ref()]);
            let names = state.outputs.iter().map(|output| &output.name);
            assert_harmless(texts.flatten().chain(names).map(String::as_str));
            // What a program is handed as a variable ends at the first NUL.
            assert!(
                state
                    .outputs
                    .iter()
                    .all(|output| !output.value.contains('\0'))
            );
        }
    }
    Ok(())
}

#[test]
fn fuzz_answers() -> Result<(), Finding> {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let world = World::new();
    let guest = component(&module(&Memory::description()), WORLD);
    let plugin = runtime.block_on(world.load(&guest)).unwrap();
    let functions = AtomicU32::new(0);
    let target = Target::new("plugin-answer", Shape::Bytes)
        .seeds(memory::answers())
        .words(&[
            "\u{1b}[2J",
            "\u{9b}31m",
            "\u{202e}",
            "\0",
            "cancelled",
            "ready",
            "\n",
            "é",
        ]);
    let counts = target.run(|input| {
        let (function, bytes) = input.split_first().unwrap_or((&0, &[]));
        functions.fetch_or(1 << (function % 13), Ordering::Relaxed);
        runtime.block_on(async {
            let answer = ask(&plugin, *function, bytes).await;
            if let Err(error) = &answer {
                assert_told(&error.failure());
                assert!(!matches!(error, StepError::Host(_)), "{error}");
            }
            // Whatever that was, the next call is served as if nothing had happened.
            let honest = memory::ready();
            assert_eq!(
                plugin.observe(answering(&honest)).await.unwrap().condition,
                "ready"
            );
            Verdict::from(answer.is_ok())
        })
    })?;
    assert!(counts.accepted > 0);
    assert_eq!(
        functions.load(Ordering::Relaxed),
        (1 << 13) - 1,
        "every function was asked"
    );
    Ok(())
}

#[test]
fn fuzz_descriptions() -> Result<(), Finding> {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let target = Target::new("plugin-description", Shape::Bytes)
        .seed(Memory::description().bytes())
        .words(&[
            "\u{1b}[2J",
            "\u{9b}",
            "{\"type\": 3}",
            "process",
            "images",
            "\u{202e}",
            "{}",
        ])
        .least(12);
    target.run(|input| {
        let world = World::new();
        let guest = component(&module(&Memory::of(input)), WORLD);
        let loaded = runtime.block_on(async {
            std::fs::write(world.folder.path().join("plugin.wasm"), guest).unwrap();
            world
                .runtime
                .inspect("./plugin.wasm", world.folder.path())
                .await
        });
        match loaded {
            Ok(found) => {
                let it = &found.description;
                let needs = it.needs.iter();
                let needs = needs.flat_map(|need| [&need.capability, &need.scope, &need.why]);
                let texts = [&it.name, &it.version, &it.summary]
                    .into_iter()
                    .chain(needs);
                assert_harmless(texts.map(String::as_str));
                assert!(serde_json::from_str::<serde_json::Value>(&it.config_schema).is_ok());
                Verdict::Accepted
            }
            Err(error) => {
                assert_harmless([error.to_string().as_str()]);
                Verdict::Refused
            }
        }
    })?;
    Ok(())
}
