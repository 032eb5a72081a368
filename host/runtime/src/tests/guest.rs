//! Makes components from a few lines of WebAssembly text.
//!
//! A guest is a builder whose `inputs` does what a test wants; the canonical ABI around it is
//! the same for all.

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// A builder to be.
pub(super) struct TestGuest {
    imports: String,
    needs: Vec<(&'static str, &'static str)>,
    inputs: String,
    extra: String,
    validate: String,
}

/// `inputs` is handed a pointer to its arguments and answers with a pointer to its result.
/// At address 0 stands "nothing": an empty list, which is also an empty success.
pub(super) const NOTHING: &str = "(i32.const 0)";

/// The part of WASI 0.2 that the tests use; a guest imports of it what its text imports.
const IO: &str = "package wasi:io@0.2.0;
    interface error { resource error; }
    interface streams {
        use error.{error};
        variant stream-error { last-operation-failed(error), closed }
        resource output-stream {
            blocking-write-and-flush: func(contents: list<u8>) -> result<_, stream-error>;
        }
    }";
const CLI: &str = "package wasi:cli@0.2.0;
    interface stdout {
        use wasi:io/streams@0.2.0.{output-stream};
        get-stdout: func() -> output-stream;
    }";
const RANDOM: &str = "package wasi:random@0.2.0;
    interface random { get-random-bytes: func(len: u64) -> list<u8>; }";
const WORLD: &str = "package test:guest;
    world guest {
        include stagewright:plugin/builder-plugin@0.1.0;
        import wasi:cli/stdout@0.2.0;
        import wasi:random/random@0.2.0;
    }";

impl TestGuest {
    /// One whose `inputs` does this, with functions of capabilities imported as written.
    pub(super) fn new(imports: &str, inputs: &str) -> Self {
        Self {
            imports: imports.to_owned(),
            needs: Vec::new(),
            inputs: inputs.to_owned(),
            extra: String::new(),
            validate: NOTHING.to_owned(),
        }
    }

    /// Its description asks for this capability.
    pub(super) fn needing(mut self, capability: &'static str) -> Self {
        self.needs.push((capability, "for the test"));
        self
    }

    /// Further parts of its module: data, globals, functions.
    pub(super) fn with(mut self, extra: &str) -> Self {
        self.extra.push_str(extra);
        self
    }

    /// What `validate` does.
    pub(super) fn validating(mut self, body: &str) -> Self {
        self.validate = body.to_owned();
        self
    }

    /// The bytes of the component.
    pub(super) fn build(&self) -> Vec<u8> {
        component(&self.text(), WORLD)
    }

    fn text(&self) -> String {
        let Self {
            imports,
            inputs,
            extra,
            validate,
            ..
        } = self;
        let description = self.description();
        format!(
            r#"(module
                {imports}
                (memory (export "memory") 2)
                (global $free (mut i32) (i32.const 65536))
                (data (i32.const 1024) "{description}")
                {extra}
                (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
                    (local $at i32)
                    (local.set $at (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
                    (global.set $free (i32.add (local.get $at) (local.get 3)))
                    (local.get $at))
                (func (export "stagewright:plugin/plugin@0.1.0#describe") (result i32)
                    (i32.const 1024))
                (func (export "stagewright:plugin/plugin@0.1.0#validate") (param i32 i32) (result i32)
                    {validate})
                (func (export "stagewright:plugin/builder@0.1.0#inputs") (param i32) (result i32)
                    {inputs})
                (func (export "stagewright:plugin/builder@0.1.0#build") (param i32) (result i32)
                    unreachable)
            )"#
        )
    }

    /// The record `description`, at address 1024, with its texts behind it.
    fn description(&self) -> String {
        let mut at = 1024 + 40 + self.needs.len() * 24;
        let mut texts = String::new();
        let mut place = |text: &str| {
            let pair = [at as u32, text.len() as u32];
            at += text.len();
            texts.push_str(&text.replace('"', "\\22"));
            pair
        };
        let mut record: Vec<u32> = Vec::new();
        record.extend(place("test"));
        record.extend(place("1.0.0"));
        record.extend(place("A guest of a test."));
        record.extend([1024 + 40, self.needs.len() as u32]);
        record.extend(place("{}"));
        for (capability, why) in &self.needs {
            record.extend(place(capability));
            record.extend(place(""));
            record.extend(place(why));
        }
        let bytes = record.iter().flat_map(|word| word.to_le_bytes());
        let bytes: String = bytes.map(|byte| format!("\\{byte:02x}")).collect();
        bytes + &texts
    }
}

/// The component that a module is, in a world of the package `test:guest`.
pub(super) fn component(text: &str, world: &str) -> Vec<u8> {
    let mut resolve = Resolve::default();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../wit");
    resolve.push_path(folder).unwrap();
    for wasi in [IO, CLI, RANDOM] {
        resolve.push_str("wasi.wit", wasi).unwrap();
    }
    let package = resolve.push_str("world.wit", world).unwrap();
    let world = resolve.select_world(&[package], Some("guest")).unwrap();
    let mut module = wat::parse_str(text).unwrap();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    ComponentEncoder::default()
        .validate(true)
        .module(&module)
        .unwrap()
        .encode()
        .unwrap()
}
