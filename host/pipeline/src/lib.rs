//! The pure core: what an environment is, and what a deployment does next.
//!
//! No IO, no clock, no async, no wasmtime. The same code serves live runs, recovery, `plan`
//! and the simulator.
#![forbid(unsafe_code)]
pub mod environment;

pub mod action;
pub mod course;
pub mod decide;
pub mod event;
pub mod fact;
pub mod failure;
pub mod fingerprint;
pub mod illegal;
pub mod ledger;
pub mod moment;
pub mod outcome;
pub mod queue;
pub mod retry;
pub mod simulate;
pub mod state;
pub mod verdict;
pub mod wait;

mod apply;
