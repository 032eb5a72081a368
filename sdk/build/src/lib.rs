//! Compiles guests, the packages of plugins, to components from a build script.
//!
//! No component is kept in the repository: a build script names the folder that the packages
//! are in, and gets their components as a table to compile into its own crate.
//!
//! ```no_run
//! // build.rs
//! fn main() -> anyhow::Result<()> {
//!     stagewright_sdk_build::Guests::in_folder("../plugins")?
//!         .build()?
//!         .write_table("builtin.rs")
//! }
//! ```
//!
//! The work is done by a second cargo with a target folder, a profile (`guest`, in the
//! workspace's manifest) and an environment of its own, so that neither waits for the locks of
//! the other nor compiles with its flags. Where the toolchain has no standard library for
//! WebAssembly, one is found or made; a line of the build says how. It must never touch the
//! sources, nor install anything but a rustup target.

mod cargo;
mod compiler;
mod environment;
mod guests;
mod standard_library;

pub use guests::{Component, Components, Guests};
