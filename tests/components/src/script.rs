//! Guests that make host calls one after the other, and tell what came of each.
//!
//! A script is written as calls of the functions that `wit/` and WASI define; how each is
//! imported, where its answer lies and what a failure looks like comes from the WIT itself.
//! When it has ended, its `build` fails with the code `script.ended` and a message with one
//! line for each attempt: `ok`, `ok` with what was answered, or the code of the failure.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use wit_parser::abi::{AbiVariant, WasmType};
use wit_parser::{
    Function, Int, Resolve, SizeAlign, Type, TypeDefKind, TypeId, WorldItem, WorldKey,
};

use super::{TestGuest, WORLD, world};

/// Where a guest keeps what: names of errors, its constants, answers of calls, what it tells.
const ERRORS: usize = 7168;
const CONSTANTS: usize = 8192;
const ANSWERS: usize = 40_960;
const TOLD: usize = 196_608;
/// Bytes of one answer.
const ANSWER: usize = 128;

/// What a host call is given.
#[derive(Clone, Copy)]
pub enum Given<'a> {
    /// A text, or bytes that are one.
    Text(&'a str),
    /// A list of texts.
    Texts(&'a [&'a str]),
    /// A number, a flag, an enumeration.
    Number(i64),
    /// A list of nothing, or an option without a value, of so many words.
    Nothing(usize),
    /// The handle that a call answered with.
    Handle(HostCall),
    /// The handle in the list of pairs that a call answered with.
    Listed(HostCall, usize),
    /// The folder that is built.
    Source,
    /// The folder to build in.
    Output,
    /// One declared port.
    Port(u16),
}

/// A call that was made before.
#[derive(Clone, Copy)]
pub struct HostCall {
    /// Where its answer is, past the tag.
    at: usize,
}

/// What a guest will do. Its functions break off where a test is wrong: a function that there
/// is not, too few or too many values.
pub struct Script {
    resolve: Resolve,
    sizes: SizeAlign,
    functions: BTreeMap<String, (String, Function)>,
    imports: BTreeMap<String, String>,
    interfaces: BTreeSet<String>,
    body: String,
    constants: Vec<u8>,
    calls: usize,
}

impl Script {
    /// One that does nothing yet.
    #[must_use]
    #[expect(
        clippy::new_without_default,
        reason = "a script that does nothing is only a beginning"
    )]
    pub fn new() -> Self {
        let (resolve, world) = world(WORLD);
        let mut sizes = SizeAlign::default();
        sizes.fill(&resolve);
        let mut functions = BTreeMap::new();
        for (key, item) in &resolve.worlds[world].imports {
            let (WorldKey::Interface(_), WorldItem::Interface { id, .. }) = (key, item) else {
                continue;
            };
            let module = resolve.id_of(*id).unwrap();
            let short = module
                .strip_prefix("stagewright:plugin/")
                .unwrap_or(&module);
            let short = short.split('@').next().unwrap();
            for (name, function) in &resolve.interfaces[*id].functions {
                let plain = name.rsplit(']').next().unwrap();
                functions.insert(
                    format!("{short}.{plain}"),
                    (module.clone(), function.clone()),
                );
            }
        }
        Self {
            resolve,
            sizes,
            functions,
            imports: BTreeMap::new(),
            interfaces: BTreeSet::new(),
            body: String::new(),
            constants: Vec::new(),
            calls: 0,
        }
    }

    /// The names of all functions that a guest may import, as `plugin inspect` writes them.
    pub fn functions(&self) -> impl Iterator<Item = &str> {
        self.functions.keys().map(String::as_str)
    }

    /// The interfaces that it calls, or asks for.
    pub fn interfaces(&self) -> impl Iterator<Item = &str> {
        self.interfaces.iter().map(String::as_str)
    }

    /// Lets the description ask for a capability that is not imported.
    pub fn ask(&mut self, capability: &str) {
        self.interfaces.insert(capability.to_owned());
    }

    /// Imports a function that is never called.
    pub fn import(&mut self, name: &str) {
        let interface = name.split('.').next().unwrap();
        self.interfaces.insert(interface.to_owned());
        let (module, function) = self.function(name);
        let signature = self
            .resolve
            .wasm_signature(AbiVariant::GuestImport, &function);
        assert!(!signature.indirect_params, "{name} has too many parameters");
        let words = |types: &[WasmType]| {
            types
                .iter()
                .map(|ty| word(*ty))
                .collect::<Vec<_>>()
                .join(" ")
        };
        let import = format!(
            "(import \"{module}\" \"{}\" (func ${name} (param {}) (result {})))\n",
            function.name,
            words(&signature.params),
            words(&signature.results),
        );
        self.imports.insert(name.to_owned(), import);
    }

    /// A call that is made again and again until it goes well.
    pub fn until(&mut self, function: &str, given: &[Given<'_>]) {
        let _ = writeln!(self.body, "(loop $again");
        let (_, errors) = self.make(function, given);
        assert!(errors != Errors::None, "{function} always goes well");
        let tag = self.answer(self.calls - 1);
        let _ = writeln!(self.body, "(br_if $again (i32.load8_u (i32.const {tag}))))");
    }

    /// A call that has to go well for the script to go on.
    pub fn call(&mut self, function: &str, given: &[Given<'_>]) -> HostCall {
        let (call, errors) = self.make(function, given);
        let failed = match errors {
            Errors::Failure => "(return (call $broken))",
            Errors::Code => "unreachable",
            Errors::None => return call,
        };
        let tag = self.answer(self.calls - 1);
        let _ = writeln!(
            self.body,
            "(if (i32.load8_u (i32.const {tag})) (then (global.set $at (i32.const {})) {failed}))",
            call.at
        );
        call
    }

    /// A call whose outcome is told.
    pub fn attempt(&mut self, function: &str, given: &[Given<'_>]) -> HostCall {
        let (call, errors) = self.make(function, given);
        let tag = self.answer(self.calls - 1);
        let at = call.at;
        let failed = match errors {
            Errors::Failure => format!(
                "(call $tell (i32.load (i32.const {at})) (i32.load (i32.const {})))",
                at + 4
            ),
            Errors::Code => format!("(call $tell_code (i32.load8_u (i32.const {at})))"),
            Errors::None => "unreachable".to_owned(),
        };
        let well = self.well(function, at);
        let _ = match errors {
            Errors::None => writeln!(self.body, "{well} (call $end_line)"),
            _ => writeln!(
                self.body,
                "(if (i32.load8_u (i32.const {tag})) (then {failed}) (else {well})) (call $end_line)"
            ),
        };
        call
    }

    /// A guest that does this, and whose description asks for all that it imports.
    #[must_use]
    pub fn guest(&self) -> TestGuest {
        let named = self
            .interfaces
            .iter()
            .filter_map(|name| CAPABILITIES.iter().find(|one| *one == name));
        named.fold(self.unasking(), |guest, name| guest.needing(name))
    }

    /// The same, with a description that asks for nothing.
    #[must_use]
    pub fn unasking(&self) -> TestGuest {
        let imports: String = self.imports.values().map(String::as_str).collect();
        TestGuest::new(&(imports + DROPS), "unreachable")
            .with(&self.support())
            .building(&format!(
                "(call $begin (local.get 0))\n{}\n(call $ended)",
                self.body
            ))
    }

    fn make(&mut self, name: &str, given: &[Given<'_>]) -> (HostCall, Errors) {
        self.import(name);
        let (_, function) = self.function(name);
        let signature = self
            .resolve
            .wasm_signature(AbiVariant::GuestImport, &function);
        let (at, errors) = self.shape(&function);
        let answer = self.answer(self.calls);
        let mut given = given
            .iter()
            .flat_map(|one| self.words(*one))
            .collect::<Vec<_>>();
        if signature.retptr {
            given.push(answer.to_string());
        }
        assert_eq!(given.len(), signature.params.len(), "what {name} is given");
        let given =
            given
                .iter()
                .zip(&signature.params)
                .map(|(value, ty)| match value.strip_prefix('@') {
                    Some(place) => format!("({}.load (i32.const {place}))", word(*ty)),
                    None if value.starts_with('(') => value.clone(),
                    None => format!("({}.const {value})", word(*ty)),
                });
        let call = format!("(call ${name} {})", given.collect::<Vec<_>>().join(" "));
        let _ = match signature.results.first() {
            Some(ty) => writeln!(
                self.body,
                "({}.store (i32.const {answer}) {call})",
                word(*ty)
            ),
            None => writeln!(self.body, "{call}"),
        };
        self.calls += 1;
        (HostCall { at: answer + at }, errors)
    }

    fn function(&self, name: &str) -> (String, Function) {
        self.functions
            .get(name)
            .unwrap_or_else(|| panic!("no {name}"))
            .clone()
    }

    fn answer(&self, call: usize) -> usize {
        ANSWERS + call * ANSWER
    }

    /// Where the answer lies in the result, and what a failure is.
    fn shape(&self, function: &Function) -> (usize, Errors) {
        let Some(Type::Id(id)) = &function.result else {
            return (0, Errors::None);
        };
        let TypeDefKind::Result(result) = &self.resolve.types[*id].kind else {
            return (0, Errors::None);
        };
        let cases = [result.ok.as_ref(), result.err.as_ref()];
        let at = self.sizes.payload_offset(Int::U8, cases).size_wasm32();
        let Some(Type::Id(error)) = result.err else {
            panic!("{} fails with nothing", function.name);
        };
        match self.resolve.types[self.meant(error)].kind {
            TypeDefKind::Enum(_) => (at, Errors::Code),
            _ => (at, Errors::Failure),
        }
    }

    /// Through `use`, to the type itself.
    fn meant(&self, id: TypeId) -> TypeId {
        match self.resolve.types[id].kind {
            TypeDefKind::Type(Type::Id(other)) => self.meant(other),
            _ => id,
        }
    }

    /// Tells that a call went well: with its text, or the length of its list.
    fn well(&self, name: &str, at: usize) -> String {
        let function = &self.functions[name].1;
        let mut answer = function.result;
        if let Some(Type::Id(id)) = answer
            && let TypeDefKind::Result(result) = &self.resolve.types[id].kind
        {
            answer = result.ok;
        }
        let text = format!(
            "(call $tell_ok (i32.load (i32.const {at})) (i32.load (i32.const {})))",
            at + 4
        );
        match answer {
            Some(Type::String) => text,
            Some(Type::Id(id)) => match &self.resolve.types[id].kind {
                TypeDefKind::List(Type::U8) | TypeDefKind::Tuple(_) => text,
                TypeDefKind::List(_) => {
                    format!("(call $tell_count (i32.load (i32.const {})))", at + 4)
                }
                _ => "(call $tell_ok (i32.const 0) (i32.const 0))".to_owned(),
            },
            _ => "(call $tell_ok (i32.const 0) (i32.const 0))".to_owned(),
        }
    }

    /// The words that a value becomes: a number, `@PLACE` to load from, or an expression.
    fn words(&mut self, given: Given<'_>) -> Vec<String> {
        let text = |script: &mut Self, bytes: &[u8]| {
            vec![script.constant(bytes).to_string(), bytes.len().to_string()]
        };
        match given {
            Given::Text(one) => text(self, one.as_bytes()),
            Given::Texts(all) => {
                let pairs: Vec<[u32; 2]> = all
                    .iter()
                    .map(|one| [self.constant(one.as_bytes()) as u32, one.len() as u32])
                    .collect();
                let bytes: Vec<u8> = pairs
                    .iter()
                    .flatten()
                    .flat_map(|word| word.to_le_bytes())
                    .collect();
                vec![self.constant(&bytes).to_string(), all.len().to_string()]
            }
            Given::Number(number) => vec![number.to_string()],
            Given::Nothing(words) => vec!["0".to_owned(); words],
            Given::Handle(call) => vec![format!("@{}", call.at)],
            Given::Listed(call, index) => vec![format!(
                "(i32.load offset={} (i32.load (i32.const {})))",
                index * 12,
                call.at
            )],
            Given::Source => vec!["(global.get $source)".to_owned()],
            Given::Output => vec!["(global.get $output)".to_owned()],
            Given::Port(number) => {
                let (name, protocol) = (self.constant(b"main"), self.constant(b"tcp"));
                let words = [name as u32, 4, number.into(), protocol as u32, 3];
                let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
                vec![self.constant(&bytes).to_string(), "1".to_owned()]
            }
        }
    }

    fn constant(&mut self, bytes: &[u8]) -> usize {
        let at = CONSTANTS + self.constants.len();
        self.constants.extend(bytes);
        self.constants
            .resize(self.constants.len().next_multiple_of(4), 0);
        assert!(
            CONSTANTS + self.constants.len() <= ANSWERS,
            "too many constants"
        );
        at
    }

    fn support(&self) -> String {
        let mut errors = Vec::new();
        let mut constants = self.constants.clone();
        for name in self.error_codes() {
            errors.extend(((CONSTANTS + constants.len()) as u32).to_le_bytes());
            errors.extend((name.len() as u32).to_le_bytes());
            constants.extend(name.as_bytes());
        }
        assert!(CONSTANTS + constants.len() <= ANSWERS, "too many constants");
        let (source, output) = self.folders();
        format!(
            "(data (i32.const {ERRORS}) \"{}\")\n(data (i32.const {CONSTANTS}) \"{}\")\n{}",
            escaped(&errors),
            escaped(&constants),
            SUPPORT
                .replace("ERRORS", &ERRORS.to_string())
                .replace("TOLD", &TOLD.to_string())
                .replace("SOURCE", &source.to_string())
                .replace("OUTPUT", &output.to_string())
        )
    }

    /// The names of WASI's `error-code`, in their order.
    fn error_codes(&self) -> Vec<String> {
        let codes = self
            .resolve
            .types
            .iter()
            .find_map(|(_, ty)| match &ty.kind {
                TypeDefKind::Enum(codes) if ty.name.as_deref() == Some("error-code") => Some(codes),
                _ => None,
            });
        codes
            .unwrap()
            .cases
            .iter()
            .map(|case| case.name.clone())
            .collect()
    }

    /// Where the handles of the folders lie among the arguments of `build`.
    fn folders(&self) -> (usize, usize) {
        let (_, interface) = self
            .resolve
            .interfaces
            .iter()
            .find(|(_, one)| one.name.as_deref() == Some("builder"))
            .unwrap();
        let build = &interface.functions["build"];
        let offsets = self
            .sizes
            .field_offsets(build.params.iter().map(|one| &one.ty));
        let places: Vec<usize> = offsets
            .iter()
            .map(|(offset, _)| offset.size_wasm32())
            .collect();
        // The source is optional: its handle stands behind a tag.
        (places[2] + 4, places[3])
    }
}

/// The capabilities, by the names that descriptions ask for them with.
pub const CAPABILITIES: [&str; 6] = [
    "workspace",
    "images",
    "process",
    "probe",
    "secrets",
    "registry",
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Errors {
    None,
    /// The record of our own interfaces.
    Failure,
    /// The enumeration of WASI.
    Code,
}

fn word(ty: WasmType) -> &'static str {
    match ty {
        WasmType::I64 => "i64",
        WasmType::F32 | WasmType::F64 => panic!("no function takes a fraction"),
        _ => "i32",
    }
}

fn escaped(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("\\{byte:02x}")).collect()
}

/// Handles that were lent have to be given back before the answer.
const DROPS: &str = r#"(import "stagewright:plugin/workspace@0.1.0" "[resource-drop]directory" (func $drop (param i32)))"#;

/// What all scripts are made with.
const SUPPORT: &str = include_str!("script.wat");
