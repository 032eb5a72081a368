//! All that a guest can reach: the sandbox and the capabilities.
//!
//! Reading order: a [`Runtime`] loads a [`Plugin`] by its reference ([`catalog`]), which is
//! compiled once ([`component`]) and held against its grants ([`grant`]). Each [`Call`] of it
//! runs in a sandbox of its own ([`instance`](self)) within its [`Limits`], and reaches the
//! world only through the capabilities ([`capability`]) that it was granted.
//!
//! This crate decides nothing about deployments: what is called when, and what an answer
//! means, is the executor's business.

mod bindings;
pub mod call;
pub mod capability;
pub mod catalog;
pub mod component;
mod engine;
pub mod folder;
mod garbage;
pub mod grant;
mod harmless;
mod incoming;
mod instance;
pub mod limits;
pub mod plugin;
pub mod record;
mod redactor;
mod runtime;
#[cfg(test)]
mod tests;
mod wasi;

pub use call::{Call, Cancel, StepError, Trapped};
pub use capability::log::{LogLine, Origin, Progress, Sink};
pub use capability::process::Versions;
pub use capability::registry::{Address, Declared, RegistrySettings, Repository};
pub use capability::secrets::{NoSecrets, SecretText, Secrets};
pub use capability::workspace::{Fetch, Source, Supply};
pub use catalog::{Builtin, CatalogError, CatalogReason, Inspection};
pub use component::{Digest, Role};
pub use engine::EngineError;
pub use folder::{Identity, Moment};
pub use garbage::{Garbage, Sweep, touch};
pub use grant::{
    DockerGrant, Grants, Missing, PluginPolicy, Policy, ProcessGrant, RegistryGrant, SecretsGrant,
};
pub use limits::{LimitOverrides, Limits, Size};
pub use plugin::{BuiltImage, Plugin};
pub use redactor::{MASK, Redactor};
pub use runtime::{DEFAULT_CALLS, Runtime, RuntimeError, Settings};
