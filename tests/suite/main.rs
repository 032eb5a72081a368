//! The real program with real processes and real guests, in one test binary.

#![allow(
    unreachable_pub,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by breaking off, and nothing here is used by another crate"
)]

mod broken_builds;
mod deploying;
mod driving;
mod environment;
mod faults;
mod files;
mod gate;
mod going;
mod guests;
mod images;
mod installation;
mod kill;
mod lasting;
mod oci_tools;
mod order;
mod process;
mod refusals;
mod shop;
mod sources;
mod terminal;
mod walls;
