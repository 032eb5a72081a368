//! The file: records are appended, synchronised with the disk, and read back at the start.
//!
//! Each record is on the disk before the next one is written, so a crash can tear the last line
//! only. That line was never confirmed to anybody and is cut off; damage anywhere else is
//! another matter, and refused.

use std::fmt;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::record::Record;

/// How many bytes the file may have.
pub(crate) const LIMIT: u64 = 64 * 1024 * 1024;

/// Why the file cannot be used.
#[derive(Debug)]
pub(crate) enum LogError {
    /// The folder or the file could not be read or written.
    Io { path: PathBuf, cause: io::Error },
    /// Another database uses the folder.
    Held { path: PathBuf },
    /// A line before the last one is damaged.
    Damaged { path: PathBuf, line: usize },
    /// The file would become larger than it may be.
    Full,
    /// An earlier write failed in a way that leaves the file uncertain.
    Broken,
}

impl fmt::Display for LogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { path, cause } => write!(f, "{}: {cause}", path.display()),
            Self::Held { path } => write!(
                f,
                "{} is used by another database; stop that one first",
                path.display()
            ),
            Self::Damaged { path, line } => write!(
                f,
                "{} is damaged in line {line}; restore it from a copy, or cut it off before that \
                 line and lose what follows",
                path.display()
            ),
            Self::Full => write!(f, "the database is full: it may have {LIMIT} bytes"),
            Self::Broken => f.write_str("an earlier write failed; start the database again"),
        }
    }
}

impl std::error::Error for LogError {}

/// What was found in the file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Recovery {
    /// How many records are in it.
    pub(crate) records: usize,
    /// How many bytes of a torn last line were cut off.
    pub(crate) torn: usize,
}

impl fmt::Display for Recovery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "recovered {} records", self.records)?;
        if self.torn > 0 {
            write!(f, ", cut off a torn one of {} bytes", self.torn)?;
        }
        Ok(())
    }
}

/// The open file, at whose end records are appended.
#[derive(Debug)]
pub(crate) struct Log {
    folder: PathBuf,
    file: File,
    length: u64,
    broken: bool,
    /// Held as long as this lives, so that two databases never write one file.
    _lock: File,
}

impl Log {
    /// Opens the file in this folder, or makes both, and hands every record to `apply`.
    pub(crate) fn open(
        folder: &Path,
        mut apply: impl FnMut(Record),
    ) -> Result<(Self, Recovery), LogError> {
        fs::create_dir_all(folder).map_err(|cause| io_error(folder, cause))?;
        let lock = lock(&folder.join("lock"))?;
        let path = path(folder);
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(&path)
            .map_err(|cause| io_error(&path, cause))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)
            .map_err(|cause| io_error(&path, cause))?;
        let recovery = match replay(&bytes, &mut apply) {
            Ok(recovery) => recovery,
            Err(line) => return Err(LogError::Damaged { path, line }),
        };
        let length = u64::try_from(bytes.len() - recovery.torn).unwrap_or(u64::MAX);
        file.set_len(length)
            .and_then(|()| file.sync_all())
            .and_then(|()| sync_folder(folder))
            .map_err(|cause| io_error(&path, cause))?;
        let log = Self {
            folder: folder.to_owned(),
            file,
            length,
            broken: false,
            _lock: lock,
        };
        Ok((log, recovery))
    }

    /// How many bytes the file has.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Appends a record; it is on the disk when this returns.
    pub(crate) fn append(&mut self, record: &Record) -> Result<(), LogError> {
        if self.broken {
            return Err(LogError::Broken);
        }
        let line = record.encode();
        let length = self.length + line.len() as u64;
        if length > LIMIT {
            return Err(LogError::Full);
        }
        if let Err(cause) = self.file.write_all(line.as_bytes()) {
            // Half a line must not stay in front of the next one.
            self.broken = self.file.set_len(self.length).is_err();
            return Err(io_error(&path(&self.folder), cause));
        }
        if let Err(cause) = self.file.sync_data() {
            // What a failed synchronisation left on the disk is known only after reading it.
            self.broken = true;
            return Err(io_error(&path(&self.folder), cause));
        }
        self.length = length;
        Ok(())
    }

    /// Replaces the file by one with these records. The old one stays until the new one is
    /// complete on the disk.
    pub(crate) fn rewrite(
        &mut self,
        records: impl Iterator<Item = Record>,
    ) -> Result<(), LogError> {
        let (target, fresh) = (path(&self.folder), self.folder.join("tables.new"));
        let written = write_new(&fresh, records).and_then(|file| {
            fs::rename(&fresh, &target)?;
            let length = file.metadata()?.len();
            Ok((file, length))
        });
        let (file, length) = written.map_err(|cause| io_error(&fresh, cause))?;
        (self.file, self.length) = (file, length);
        sync_folder(&self.folder).map_err(|cause| {
            self.broken = true;
            io_error(&self.folder, cause)
        })
    }
}

/// Hands every record to `apply`; the number of a damaged line is the error.
fn replay(bytes: &[u8], apply: &mut impl FnMut(Record)) -> Result<Recovery, usize> {
    let mut records = 0;
    let mut rest = bytes;
    while !rest.is_empty() {
        let end = rest.iter().position(|byte| *byte == b'\n');
        let (line, after) = end
            .and_then(|end| rest.split_at_checked(end + 1))
            .unwrap_or((rest, &[]));
        match line.strip_suffix(b"\n").and_then(Record::decode) {
            Some(record) => apply(record),
            None if after.is_empty() => {
                let torn = line.len();
                return Ok(Recovery { records, torn });
            }
            None => return Err(records + 1),
        }
        records += 1;
        rest = after;
    }
    Ok(Recovery { records, torn: 0 })
}

/// A file with these records and nothing else, on the disk when this returns.
fn write_new(path: &Path, records: impl Iterator<Item = Record>) -> io::Result<File> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        // What an interrupted rewrite left behind is gone now.
        _ => {}
    }
    let file = OpenOptions::new()
        .append(true)
        .create_new(true)
        .open(path)?;
    let mut writer = io::BufWriter::new(&file);
    for record in records {
        writer.write_all(record.encode().as_bytes())?;
    }
    writer.flush()?;
    file.sync_all()?;
    drop(writer);
    Ok(file)
}

fn path(folder: &Path) -> PathBuf {
    folder.join("tables.log")
}

fn lock(path: &Path) -> Result<File, LogError> {
    let file = File::create(path).map_err(|cause| io_error(path, cause))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(LogError::Held {
            path: path.parent().unwrap_or(path).to_owned(),
        }),
        Err(TryLockError::Error(cause)) => Err(io_error(path, cause)),
    }
}

/// Makes the names in a folder as durable as the files behind them.
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn io_error(path: &Path, cause: io::Error) -> LogError {
    LogError::Io {
        path: path.to_owned(),
        cause,
    }
}
