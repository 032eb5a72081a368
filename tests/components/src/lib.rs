//! Makes components from a few lines of WebAssembly text, for tests of the sandbox and of the
//! program around it.
//!
//! A guest is a builder whose exports do what a test wants; the canonical ABI around them is
//! the same for all. For what a toolchain would never make: answers that lie about their size,
//! text that is none, a start function that does not end. Nothing but tests may depend on it.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test whose guest cannot be made fails by breaking off"
)]

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// A builder to be.
#[derive(Clone, Debug)]
pub struct TestGuest {
    imports: String,
    needs: Vec<(&'static str, &'static str)>,
    describe: String,
    validate: String,
    inputs: String,
    build: String,
    extra: String,
}

/// What an export answers that has nothing to say. Exports are handed a pointer to their
/// arguments and answer with a pointer to their result; at address 0 stands an empty list,
/// which is also an empty success.
pub const NOTHING: &str = "(i32.const 0)";

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
    }
    interface exit { exit: func(status: result); }";
const RANDOM: &str = "package wasi:random@0.2.0;
    interface random { get-random-bytes: func(len: u64) -> list<u8>; }";
const WORLD: &str = "package test:guest;
    world guest {
        include stagewright:plugin/builder-plugin@0.1.0;
        import wasi:cli/exit@0.2.0;
        import wasi:cli/stdout@0.2.0;
        import wasi:random/random@0.2.0;
    }";

impl TestGuest {
    /// One whose `inputs` does this, with functions of capabilities imported as written.
    #[must_use]
    pub fn new(imports: &str, inputs: &str) -> Self {
        Self {
            imports: imports.to_owned(),
            needs: Vec::new(),
            describe: "(i32.const 1024)".to_owned(),
            validate: NOTHING.to_owned(),
            inputs: inputs.to_owned(),
            build: "unreachable".to_owned(),
            extra: String::new(),
        }
    }

    /// One that does nothing, and has nothing to say where it is not told to.
    #[must_use]
    pub fn idle(imports: &str) -> Self {
        Self::new(imports, NOTHING)
    }

    /// Its description asks for this capability.
    #[must_use]
    pub fn needing(mut self, capability: &'static str) -> Self {
        self.needs.push((capability, "for the test"));
        self
    }

    /// Further parts of its module: data, globals, functions.
    #[must_use]
    pub fn with(mut self, extra: &str) -> Self {
        self.extra.push_str(extra);
        self
    }

    /// What `validate` does.
    #[must_use]
    pub fn validating(mut self, body: &str) -> Self {
        self.validate = body.to_owned();
        self
    }

    /// What `describe` does in place of describing it.
    #[must_use]
    pub fn describing(mut self, body: &str) -> Self {
        self.describe = body.to_owned();
        self
    }

    /// What `build` does.
    #[must_use]
    pub fn building(mut self, body: &str) -> Self {
        self.build = body.to_owned();
        self
    }

    /// The bytes of the component.
    ///
    /// # Panics
    /// When its text is wrong.
    #[must_use]
    pub fn build(&self) -> Vec<u8> {
        let mut resolve = Resolve::default();
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../wit");
        resolve.push_path(folder).unwrap();
        for wasi in [IO, CLI, RANDOM] {
            resolve.push_str("wasi.wit", wasi).unwrap();
        }
        let package = resolve.push_str("world.wit", WORLD).unwrap();
        let world = resolve.select_world(&[package], Some("guest")).unwrap();
        let mut module = wat::parse_str(self.text()).unwrap();
        embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
        ComponentEncoder::default()
            .validate(true)
            .module(&module)
            .unwrap()
            .encode()
            .unwrap()
    }

    fn text(&self) -> String {
        let Self {
            imports,
            describe,
            validate,
            inputs,
            build,
            extra,
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
                    {describe})
                (func (export "stagewright:plugin/plugin@0.1.0#validate") (param i32 i32) (result i32)
                    {validate})
                (func (export "stagewright:plugin/builder@0.1.0#inputs") (param i32) (result i32)
                    {inputs})
                (func (export "stagewright:plugin/builder@0.1.0#build") (param i32) (result i32)
                    {build})
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
