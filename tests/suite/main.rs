//! The real program with real processes and real guests, in one test binary.

#![allow(
    unreachable_pub,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by breaking off, and nothing here is used by another crate"
)]

mod bombs;
mod broken_builds;
mod cancelling;
mod clock;
mod deploying;
mod docker;
mod doctor;
mod driving;
mod engines;
mod environment;
mod escapes;
mod faults;
mod files;
mod full_disk;
mod garbage;
mod gate;
mod going;
mod gossip;
mod grants;
mod guests;
mod hostile;
mod images;
mod installation;
mod jobs;
mod kill;
mod lasting;
mod long_history;
mod monorepo;
mod oci_tools;
mod open_files;
mod order;
mod planning;
mod process;
mod refusals;
mod registry;
mod retrying;
mod rollback;
mod salvage;
mod sandbox;
mod shop;
mod sources;
mod takeover;
mod terminal;
mod tmpfs;
mod twice;
mod versions;
mod waits;
mod walls;
