//! The pure core: what an environment is, and what a deployment does next.
//!
//! No IO, no clock, no async, no wasmtime. The same code serves live runs, recovery, `plan`
//! and the simulator.
#![forbid(unsafe_code)]
