//! Deployment pipelines whose every step is a sandboxed WebAssembly component.
//!
//! This crate is the IO shell around the pure core of `stagewright-pipeline`: it reads files,
//! writes the journal, calls plugins and talks to people. Read the modules in this order; the
//! map of the whole is in ARCHITECTURE.md.

mod clock;
mod config;
mod discard;
mod doctor;
mod home;
mod key;
mod open_files;

mod description;
mod logs;
mod source;

mod compose;
mod control;
mod executor;
mod follow;
mod garbage;
mod resolve;

mod cli;

pub use cli::{main, main_with};
pub use clock::{Clock, SystemClock, Uptime};
