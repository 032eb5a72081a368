//! Tables and their file together: a change is written first and made afterwards.

use std::fmt;
use std::path::Path;

use crate::log::{Log, LogError, Recovery};
use crate::record::Record;
use crate::tables::{Refusal, Tables};

/// From this many bytes on, a file of which less than half is needed is rewritten at the start.
const REWRITE_FROM: u64 = 1024 * 1024;

/// Why a change was not made.
#[derive(Debug)]
pub(crate) enum ChangeError {
    /// It would not fit the tables.
    Refused(Refusal),
    /// It could not be written.
    Log(LogError),
}

impl fmt::Display for ChangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => refusal.fmt(f),
            Self::Log(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ChangeError {}

/// The tables, and the file they are kept in.
#[derive(Debug)]
pub(crate) struct Store {
    tables: Tables,
    log: Log,
}

impl Store {
    /// Opens the store in a folder; an empty one becomes an empty store.
    pub(crate) fn open(folder: &Path) -> Result<(Self, Recovery), LogError> {
        let mut tables = Tables::default();
        let (log, recovery) = Log::open(folder, |record| tables.apply(record))?;
        let mut store = Self { tables, log };
        let needed = store.tables.records().count();
        if store.log.length() >= REWRITE_FROM && needed < recovery.records / 2 {
            store.log.rewrite(store.tables.records())?;
        }
        Ok((store, recovery))
    }

    pub(crate) fn tables(&self) -> &Tables {
        &self.tables
    }

    /// Makes a change; it is durable when this returns.
    pub(crate) fn change(&mut self, record: Record) -> Result<(), ChangeError> {
        self.tables.check(&record).map_err(ChangeError::Refused)?;
        match self.log.append(&record) {
            Err(LogError::Full) => {
                self.log
                    .rewrite(self.tables.records())
                    .and_then(|()| self.log.append(&record))
                    .map_err(ChangeError::Log)?;
            }
            appended => appended.map_err(ChangeError::Log)?,
        }
        self.tables.apply(record);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
