//! Write a Stagewright plugin in one file.
//!
//! A plugin is a WebAssembly component with one or more roles: a [`Builder`] makes an image, a
//! [`Publisher`] takes it to where deployers find it, a [`Deployer`] brings a service to the
//! state that is described. It implements [`Plugin`] and the trait of each role, and names them
//! in [`export!`]. The whole of a builder that packs a folder:
//!
//! ```
//! use serde::Deserialize;
//! use stagewright_sdk::{
//!     Builder, Description, Directory, Draft, Failure, Image, ImageConfig, OrFail, Plugin,
//!     Service, Step, log,
//! };
//!
//! struct Site;
//!
//! #[derive(Deserialize)]
//! struct Config {
//!     folder: String,
//!     command: Vec<String>,
//! }
//!
//! impl Plugin for Site {
//!     type Config = Config;
//!
//!     fn describe() -> Description {
//!         Description::new("site", "1.0.0", "Packs a folder of pages with a program to serve it.")
//!             .need("images", "", "to put the image together")
//!             .schema(r#"{
//!                 "type": "object",
//!                 "additionalProperties": false,
//!                 "required": ["folder", "command"],
//!                 "properties": {
//!                     "folder": {"type": "string", "description": "What to pack."},
//!                     "command": {
//!                         "type": "array",
//!                         "items": {"type": "string"},
//!                         "description": "What serves it."
//!                     }
//!                 }
//!             }"#)
//!     }
//! }
//!
//! impl Builder for Site {
//!     fn build(
//!         _: &Step,
//!         service: &Service,
//!         config: Config,
//!         source: Option<&Directory>,
//!         _: &Directory,
//!     ) -> Result<Image, Failure> {
//!         let source = source.or_fail("source.missing", format!("{} has no source", service.name))?;
//!         log::info(format!("packing {}", config.folder));
//!         let draft = Draft::new();
//!         draft.add(source, &config.folder, "/srv")?;
//!         draft.configure(&ImageConfig { command: config.command, ..ImageConfig::default() });
//!         Draft::finish(draft)
//!     }
//! }
//!
//! stagewright_sdk::export!(Site: builder);
//!
//! # assert!(stagewright_sdk::harness::defects::<Site>().is_empty());
//! ```
//!
//! The package is a `cdylib`, compiled for `wasm32-unknown-unknown` and linked by
//! `wasm-component-ld`; the crate `stagewright-sdk-build` does that from a build script.
//! There is no clock, no environment and no file system in there: what a plugin can reach is
//! what this crate offers and the operator has granted. A component imports only the
//! capabilities that its code really uses.
//!
//! Compiled for a machine, logging and waiting work without a host, and everything else that
//! would have to ask the host panics. So keep the decisions of a plugin in functions of their
//! own; [`harness`] helps to test them.

#[doc(hidden)]
pub mod adapter;
#[doc(hidden)]
pub mod bindings;
pub mod cancel;
pub mod clock;
pub mod docker;
mod failure;
#[cfg(not(target_arch = "wasm32"))]
pub mod harness;
pub mod health;
pub mod images;
pub mod log;
#[cfg(not(target_arch = "wasm32"))]
mod outside;
mod plugin;
pub mod probe;
pub mod process;
pub mod progress;
pub mod readiness;
pub mod registry;
mod replacement;
mod role;
pub mod secrets;
mod service;
mod span;
pub mod workspace;

pub use bindings::deployer::exports::stagewright::plugin::deployer::{Change, State};
pub use bindings::types::{Output, Port, Service, Step, Value, Variable};
pub use bindings::workspace::Directory;
pub use failure::{Failure, OrFail, Retry};
pub use images::{Draft, Image, ImageConfig};
pub use plugin::{Description, Need, Plugin, Problem};
pub use process::Release;
pub use replacement::Replace;
pub use role::{Builder, Deployer, Publisher};
pub use span::Span;
