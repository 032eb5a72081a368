//! Why a plugin cannot be used, and what to do about it.

use std::io;
use std::path::PathBuf;

use crate::call::StepError;
use crate::component::{CacheError, FaceError, OFFERED};
use crate::grant::Missing;
use crate::limits::Size;

/// A plugin that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("plugin {reference}: {reason}")]
pub struct CatalogError {
    /// As it was asked for.
    pub reference: String,
    /// Why.
    pub reason: CatalogReason,
}

/// Why a plugin cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CatalogReason {
    /// It does not say where the plugin is.
    #[error("a plugin is named `builtin:NAME`, `./FILE.wasm` or `sha256:…`")]
    Reference,
    /// It is in a registry.
    #[error(
        "plugins in registries come with plugin sharing, which this version does not have: fetch it and name it by its file, `./plugin.wasm`"
    )]
    Remote,
    /// There is no built-in plugin of that name.
    #[error("there is no built-in plugin `{name}`; there are: {names}")]
    NoBuiltin {
        /// The name that was asked for.
        name: String,
        /// The names that there are.
        names: String,
    },
    /// The file cannot be read.
    #[error("cannot read {}: {cause}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The kept bytes are not what they were.
    #[error("{} was changed after it was kept: remove it and load the plugin again", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// It is larger than a component may be.
    #[error(
        "it is larger than {limit}: build it smaller (strip it), or raise the limit `component` in the operator's configuration"
    )]
    TooLarge {
        /// The limit.
        limit: Size,
    },
    /// It is a core module.
    #[error(
        "it is a core WebAssembly module, not a component: build it with a component toolchain (in Rust: link with wasm-component-ld), or wrap it with `wasm-tools component new`"
    )]
    CoreModule,
    /// It is something else altogether.
    #[error(
        "it is not WebAssembly: its first bytes are not those of a component: name the file that a component toolchain has made"
    )]
    NotWasm,
    /// It could not be compiled, or the compiled form not be kept.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// It wants what this host does not offer, or is no plugin.
    #[error(transparent)]
    Face(#[from] FaceError),
    /// A function that it imports or exports has another signature.
    #[error(
        "its functions do not fit this host, which offers {OFFERED}: {cause}: build it with the SDK of this host's version"
    )]
    World {
        /// Which function, and how it differs.
        cause: String,
    },
    /// It failed when it was asked what it is.
    #[error("it could not say what it is: {}", .0.advice())]
    Describe(#[from] Box<StepError>),
    /// The schema that it describes is none.
    #[error(
        "its description holds no valid JSON Schema of its configuration: {cause}: tell its author"
    )]
    Schema {
        /// What is wrong with it.
        cause: String,
    },
    /// It lacks grants.
    #[error("{}", lacking(.digest, .missing))]
    NotGranted {
        /// Under which grants are looked up.
        digest: String,
        /// What it lacks.
        missing: Vec<Missing>,
    },
    /// The host itself is at fault.
    #[error("the host failed while loading it: {cause}")]
    Host {
        /// What happened.
        cause: String,
    },
}

fn lacking(digest: &str, missing: &[Missing]) -> String {
    let sentences: Vec<_> = missing.iter().map(ToString::to_string).collect();
    let grants: Vec<_> = missing
        .iter()
        .filter(|one| one.why.is_some())
        .map(|one| one.grant)
        .collect();
    let mut text = sentences.join("; ");
    if grants.is_empty() {
        text.push_str(": its author has to add the need to its description");
    } else {
        text.push_str(&format!(
            ": if you trust it with that, write `plugins: {{ \"{digest}\": {{ grants: {{ {} }} }} }}` into the operator's configuration",
            grants.join(", ")
        ));
    }
    text
}
