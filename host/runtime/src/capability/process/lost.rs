//! What a dead shim left behind.
//!
//! Orphans of a shim are adopted by whoever is above it, so the tree no longer tells whose
//! they are. Three things still do: the identity that was written down before the program
//! began, its descendants and its session, and the folder of the release, which every process
//! of it carries in its environment.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::Path;
use std::time::Duration;

use rustix::process::Signal;
use tokio::net::unix::pipe::Receiver;
use tokio::time::{Instant, timeout_at};

use super::error::Error;
use super::launch::Condition;
use super::record::Record;
use super::table::{self, Identity};

/// Names the folder of the release in the environment of its processes.
pub(super) const MARK: &str = "STAGEWRIGHT_RELEASE";
/// How long the killed may take to be gone.
const KILLED: Duration = Duration::from_secs(10);

/// Processes of the release that are still there although its shim is not.
pub(super) fn remains(record: &Record, release: &Path) -> io::Result<Vec<Identity>> {
    let ended_well = matches!(record.condition, Condition::Exited | Condition::Stopped);
    if ended_well || record.boot_id != table::boot_id()? {
        return Ok(Vec::new());
    }
    let table = table::all()?;
    let main = record.process.filter(|main| main.is_alive());
    let mut found = HashMap::new();
    for process in table.iter().filter(|process| !process.ended) {
        let of_main =
            main.is_some_and(|main| main == process.identity || main.pid == process.session);
        if of_main || table::has_variable(process.identity.pid, MARK, release) {
            found.insert(process.identity.pid, process.identity);
            for below in table::below(process.identity.pid, &table) {
                found.insert(below.identity.pid, below.identity);
            }
        }
    }
    Ok(found.into_values().collect())
}

/// Ends them: asks, and kills after the grace. Nothing is left when this returns.
pub(super) async fn end(record: &Record, release: &Path, grace: Duration) -> Result<(), Error> {
    let look = || remains(record, release).map_err(Error::io("look for processes of", release));
    let mut left = look()?;
    for signal in [Signal::TERM, Signal::CONT] {
        tell(&left, signal, release)?;
    }
    wait(&left, Instant::now() + grace, release).await?;
    let give_up = Instant::now() + KILLED;
    loop {
        left = look()?;
        if left.is_empty() {
            return Ok(());
        }
        if Instant::now() >= give_up {
            return Err(Error::Unkillable {
                pids: left.iter().map(|identity| identity.pid).collect(),
            });
        }
        tell(&left, Signal::KILL, release)?;
        wait(&left, give_up, release).await?;
    }
}

/// Waits until this very process has ended.
pub(super) async fn gone(process: Identity) -> io::Result<()> {
    if let Some(handle) = process.open()? {
        // Not a pipe, but like one in what matters here: it becomes readable.
        let handle = Receiver::from_file_unchecked(File::from(handle))?;
        handle.readable().await?;
    }
    Ok(())
}

fn tell(all: &[Identity], signal: Signal, release: &Path) -> Result<(), Error> {
    for identity in all {
        identity
            .signal(signal)
            .map_err(Error::io("signal a process of", release))?;
    }
    Ok(())
}

async fn wait(all: &[Identity], until: Instant, release: &Path) -> Result<(), Error> {
    for identity in all {
        if let Ok(result) = timeout_at(until, gone(*identity)).await {
            result.map_err(Error::io("wait for a process of", release))?;
        }
    }
    Ok(())
}
