//! What is true of a release now.
//!
//! Three witnesses are heard: the system says whether a shim lives (it holds a lock), the
//! record says what it last knew, the boot id says whether that was before a reboot. Where
//! the shim is gone, its processes are looked for one by one.

use std::collections::HashSet;

use super::error::Error;
use super::launch::{Condition, State};
use super::lost;
use super::record::Record;
use super::release::Release;
use super::table::{self, Identity};

impl Release {
    /// What is known of it now.
    ///
    /// # Errors
    /// When its files cannot be read or are damaged.
    pub fn state(&self) -> Result<State, Error> {
        let shim = self.shim()?;
        let record = match (self.record()?, shim) {
            (None, None) => return Ok(state(Condition::Installed, None, "")),
            (None, Some(_)) => return Ok(state(Condition::Starting, None, "")),
            // A new shim holds the lock and has not come to writing: this is of the last one.
            (Some(record), Some(shim)) if record.shim != shim => {
                return Ok(state(Condition::Starting, None, ""));
            }
            (Some(record), _) => record,
        };
        if shim.is_some() || !record.condition.is_live() {
            let live = record.condition.is_live();
            return Ok(State {
                pid: record.process.filter(|_| live).map(|process| process.pid),
                ..state(record.condition, Some(&record), &record.detail)
            });
        }
        if record.boot_id != table::boot_id().map_err(Error::io("read", "boot_id"))? {
            return Ok(state(
                Condition::Exited,
                Some(&record),
                "not running since reboot",
            ));
        }
        let main = record.process.filter(|main| main.is_alive());
        if main.is_some() || !self.remains(&record)?.is_empty() {
            return Ok(State {
                pid: main.map(|main| main.pid),
                ..state(
                    Condition::Lost,
                    Some(&record),
                    "runs, but the process that looked after it is gone",
                )
            });
        }
        Ok(state(
            Condition::Exited,
            Some(&record),
            "ended together with the process that looked after it",
        ))
    }

    /// The processes that are known without a look at the table: the shim, because it may hold
    /// the listening sockets, and the one that it started last.
    pub(crate) fn leaders(&self) -> Result<Vec<u32>, Error> {
        let Some(shim) = self.shim()? else {
            return Ok(Vec::new());
        };
        let record = self.record()?.filter(|record| record.shim == shim);
        let main = record.and_then(|record| record.process);
        let main = main.filter(|main| main.is_alive());
        Ok(main.into_iter().chain([shim]).map(|one| one.pid).collect())
    }

    /// All its processes in a table of the machine's, the shim among them.
    pub(crate) fn processes(&self, table: &[table::Process]) -> Result<HashSet<u32>, Error> {
        if let Some(shim) = self.layout.shim()? {
            let below = table::below(shim, table);
            let below = below.iter().map(|process| process.identity.pid);
            return Ok(below.chain([shim]).collect());
        }
        let Some(record) = self.record()? else {
            return Ok(HashSet::new());
        };
        Ok(self.remains(&record)?.iter().map(|one| one.pid).collect())
    }

    /// The shim that looks after it now.
    pub(super) fn shim(&self) -> Result<Option<Identity>, Error> {
        // It may end between the two questions.
        Ok(self.layout.shim()?.and_then(|pid| Identity::of(pid).ok()))
    }

    pub(super) fn remains(&self, record: &Record) -> Result<Vec<Identity>, Error> {
        let folder = self.layout.folder();
        lost::remains(record, folder).map_err(Error::io("look for processes of", folder))
    }
}

fn state(condition: Condition, record: Option<&Record>, detail: &str) -> State {
    State {
        condition,
        pid: None,
        exit: record.and_then(|record| record.exit),
        restarts: record.map_or(0, |record| record.restarts),
        detail: detail.to_owned(),
    }
}
