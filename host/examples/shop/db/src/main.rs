//! The database of the shop: tables of JSON rows over HTTP, in one append-only file.
//!
//! It exists so that the shop keeps its data with nothing to install. What it says it has
//! written is on the disk. `PORT` says where it listens and `STAGEWRIGHT_DATA` where its folder
//! is. Everything is held in memory, and bounded (see `tables.rs`).

mod log;
mod record;
mod routes;
mod store;
mod tables;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;

use kit::http::Server;
use kit::{program, setting};

use crate::store::Store;

fn main() -> ExitCode {
    program::run("db", || {
        let folder = PathBuf::from(setting::text("STAGEWRIGHT_DATA")?);
        let (store, recovery) = Store::open(&folder)?;
        kit::log::line("db", format_args!("{recovery}"));
        let store = Mutex::new(store);
        let server = Server::bind("db", setting::port()?)?;
        Err(server
            .run(move |request| routes::answer(&store, request))
            .into())
    })
}
