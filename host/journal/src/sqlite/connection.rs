//! How connections are opened, and what SQLite's answers mean to people.

use std::{
    fs::OpenOptions,
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::{JournalError, network_file_system};

/// How long a transaction waits for those of other processes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);
/// What the write-ahead log is cut back to after a checkpoint.
const WAL_BYTES_KEPT: i64 = 64 << 20;

/// Where the journal is; every error that SQLite gives is turned into ours here.
pub(super) struct Database {
    path: PathBuf,
}

impl Database {
    /// The journal in `path`, whose folder must be on a local disk.
    pub(super) fn new(path: &Path) -> Result<Self, JournalError> {
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        match network_file_system(folder) {
            Ok(None) => Ok(Self {
                path: path.to_owned(),
            }),
            Ok(Some(kind)) => Err(JournalError::NetworkFileSystem {
                path: folder.to_owned(),
                kind,
            }),
            Err(source) => Err(io_error("open the folder", folder, source)),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The connection of the writer; makes the file, readable by this user alone.
    pub(super) fn open_writer(&self) -> Result<Connection, JournalError> {
        OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&self.path)
            .map_err(|source| io_error("open", &self.path, source))?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        self.open(flags)
    }

    /// A connection that cannot write.
    pub(super) fn open_reader(&self) -> Result<Connection, JournalError> {
        self.open(OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)
    }

    fn open(&self, flags: OpenFlags) -> Result<Connection, JournalError> {
        let opened = || -> rusqlite::Result<Connection> {
            let connection = Connection::open_with_flags(&self.path, flags)?;
            connection.busy_timeout(BUSY_TIMEOUT)?;
            connection.pragma_update(None, "foreign_keys", true)?;
            connection.pragma_update(None, "trusted_schema", false)?;
            connection.pragma_update(None, "synchronous", "FULL")?;
            Ok(connection)
        };
        opened().map_err(|error| self.error("be opened", error))
    }

    /// Switches a new file to write-ahead logging; a no-op on one that has it.
    pub(super) fn enable_wal(&self, connection: &Connection) -> Result<(), JournalError> {
        let mode: String = connection
            .pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))
            .and_then(|mode| {
                connection.pragma_update_and_check(
                    None,
                    "journal_size_limit",
                    WAL_BYTES_KEPT,
                    |_| Ok(()),
                )?;
                Ok(mode)
            })
            .map_err(|error| self.error("be opened", error))?;
        if mode.eq_ignore_ascii_case("wal") {
            return Ok(());
        }
        let source = io::Error::other(format!("the disk allows no write-ahead log ({mode})"));
        Err(io_error("prepare", &self.path, source))
    }

    pub(super) fn damaged(&self, reason: String) -> JournalError {
        JournalError::Damaged {
            path: self.path.clone(),
            reason,
        }
    }

    /// Ours for what SQLite answered when the journal could not `what`.
    pub(super) fn error(&self, what: &'static str, source: rusqlite::Error) -> JournalError {
        let path = self.path.clone();
        match &source {
            rusqlite::Error::FromSqlConversionFailure(_, _, reason) => {
                return self.damaged(reason.to_string());
            }
            // A column of another kind than the tables have.
            rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::Utf8Error(..) => return self.damaged(source.to_string()),
            _ => {}
        }
        match source.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                self.damaged(source.to_string())
            }
            Some(ErrorCode::DiskFull) => JournalError::Full { path },
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => JournalError::Busy {
                path,
                waited_s: BUSY_TIMEOUT.as_secs(),
            },
            _ => JournalError::Database {
                what,
                path,
                source: Arc::new(source),
            },
        }
    }
}

pub(super) fn io_error(what: &'static str, path: &Path, source: io::Error) -> JournalError {
    JournalError::Io {
        what,
        path: path.to_owned(),
        source: Arc::new(source),
    }
}
