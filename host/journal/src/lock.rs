//! The lock that makes one process the driver of an environment.
//!
//! It is a lock of the operating system on a file, so it ends with its process whatever way that
//! dies, and is never stale. What is written in the file only tells others who holds it.

use std::{
    fmt,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Seek, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    process,
    time::SystemTime,
};

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::network_file_system;

/// More than any holder writes; a longer file is read no further.
const HOLDER_BYTES: u64 = 4096;
/// The most bytes of a command that are written down.
const COMMAND_BYTES: usize = 1024;

/// Held while a process drives an environment; given back when it is dropped.
#[derive(Debug)]
pub struct EnvironmentLock {
    file: File,
    path: PathBuf,
    holder: Holder,
}

/// Why the lock was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process drives the environment.
    #[error(
        "environment `{environment}` is held by {}; wait for it, or reach it with `status`, \
         `cancel` or `deploy --detach`", name(holder.as_ref())
    )]
    Held {
        /// The environment.
        environment: String,
        /// Who drives it; `None` when it is just taking the lock.
        holder: Option<Holder>,
    },
    /// The folder is on a file system whose locks other machines do not see.
    #[error(
        "{} is on a network file system ({kind}), where a lock on one machine is not dependable \
         on another; choose a state folder on a local disk (--state-dir)", path.display()
    )]
    NetworkFileSystem {
        /// The folder of the locks.
        path: PathBuf,
        /// The kind of file system.
        kind: &'static str,
    },
    /// Somebody removed or replaced the file while it was locked.
    #[error(
        "the lock {} was removed or replaced while this process held it, so that another one may \
         drive the environment, too; nothing was done, try again", path.display()
    )]
    Replaced {
        /// The file.
        path: PathBuf,
    },
    /// The name of the environment cannot be a file's.
    #[error("`{0}` cannot be the name of an environment")]
    InvalidName(String),
    /// The operating system refused.
    #[error("could not {what} {}: {source}", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// With what.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
}

/// Who holds a lock, as it said when it took it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its process id.
    pub pid: u32,
    /// When it took the lock, as in RFC 3339.
    pub since: String,
    /// What it holds it for.
    pub command: String,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            pid,
            since,
            command,
        } = self;
        write!(f, "pid {pid} since {since} ({command})")
    }
}

fn name(holder: Option<&Holder>) -> String {
    holder.map_or_else(|| "another process".to_owned(), Holder::to_string)
}

impl EnvironmentLock {
    /// Takes the lock of an environment in the folder of the locks, without waiting.
    ///
    /// `command` says what it is held for (one line, without secrets); others are shown it.
    ///
    /// # Errors
    /// [`LockError::Held`] when another process, or another part of this one, has it.
    pub fn acquire(locks: &Path, environment: &str, command: &str) -> Result<Self, LockError> {
        if environment.is_empty() || environment.starts_with('.') || environment.contains('/') {
            return Err(LockError::InvalidName(environment.to_owned()));
        }
        let failed = |what, path: &Path, source| LockError::Io {
            what,
            path: path.to_owned(),
            source,
        };
        fs::create_dir_all(locks).map_err(|source| failed("make", locks, source))?;
        let remote = network_file_system(locks);
        if let Some(kind) = remote.map_err(|source| failed("open", locks, source))? {
            return Err(LockError::NetworkFileSystem {
                path: locks.to_owned(),
                kind,
            });
        }
        let path = locks.join(environment);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(|source| failed("open", &path, source))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(LockError::Held {
                    environment: environment.to_owned(),
                    holder: read_holder(&mut file),
                });
            }
            Err(TryLockError::Error(source)) => return Err(failed("lock", &path, source)),
        }
        let holder = sign(&mut file, command).map_err(|source| failed("write", &path, source))?;
        Ok(Self { file, path, holder })
    }

    /// Who holds it: this process, as it said.
    pub fn holder(&self) -> &Holder {
        &self.holder
    }

    /// Makes sure that the file which is locked is still the one that others would lock.
    ///
    /// # Errors
    /// [`LockError::Replaced`] when it is not, or what the operating system says.
    pub fn verify(&self) -> Result<(), LockError> {
        let found = fs::metadata(&self.path);
        match (self.file.metadata(), found) {
            (Ok(held), Ok(found)) if (held.dev(), held.ino()) == (found.dev(), found.ino()) => {
                Ok(())
            }
            (Err(source), _) => Err(LockError::Io {
                what: "look at",
                path: self.path.clone(),
                source,
            }),
            _ => Err(LockError::Replaced {
                path: self.path.clone(),
            }),
        }
    }
}

impl EnvironmentLock {
    /// Blocks until nobody holds the lock of an environment. Somebody else may have it again
    /// when this returns.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub fn wait(locks: &Path, environment: &str) -> Result<(), LockError> {
        let path = locks.join(environment);
        let failed = |what| {
            let path = path.clone();
            move |source| LockError::Io { what, path, source }
        };
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(failed("open")(error)),
        };
        file.lock_shared().map_err(failed("wait for"))
    }
}

impl EnvironmentLock {
    /// Does somebody drive the environment at this moment?
    ///
    /// # Errors
    /// When the operating system refuses.
    pub fn is_held(locks: &Path, environment: &str) -> Result<bool, LockError> {
        let path = locks.join(environment);
        let failed = |what| {
            let path = path.clone();
            move |source| LockError::Io { what, path, source }
        };
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(failed("open")(error)),
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(source)) => Err(failed("ask for the lock of")(source)),
        }
    }

    /// Who drives the environment at this moment. `None`: nobody, or one that has not said yet
    /// who it is.
    ///
    /// # Errors
    /// As [`is_held`](Self::is_held).
    pub fn held_by(locks: &Path, environment: &str) -> Result<Option<Holder>, LockError> {
        if !Self::is_held(locks, environment)? {
            return Ok(None);
        }
        let file = File::open(locks.join(environment));
        Ok(file.ok().and_then(|mut file| read_holder(&mut file)))
    }
}

impl Drop for EnvironmentLock {
    fn drop(&mut self) {
        // The next holder must not be shown under this one's name in the moment before it signs.
        // The file stays: removing it would let two processes lock two files of one name.
        self.file.set_len(0).ok();
    }
}

/// Writes who holds the lock: process id, time and command, one a line.
fn sign(file: &mut File, command: &str) -> io::Result<Holder> {
    let since = OffsetDateTime::from(SystemTime::now());
    let since = since.replace_nanosecond(0).unwrap_or(since);
    let since = since.format(&Rfc3339).map_err(io::Error::other)?;
    let end = command.floor_char_boundary(COMMAND_BYTES);
    let command = command.get(..end).unwrap_or_default().replace('\n', " ");
    file.set_len(0)?;
    file.rewind()?;
    let pid = process::id();
    file.write_all(format!("{pid}\n{since}\n{command}\n").as_bytes())?;
    Ok(Holder {
        pid,
        since,
        command,
    })
}

/// What the holder wrote; it may be just writing it, which is not worth waiting for.
fn read_holder(file: &mut File) -> Option<Holder> {
    let mut text = String::new();
    file.take(HOLDER_BYTES).read_to_string(&mut text).ok()?;
    let mut lines = text.lines();
    Some(Holder {
        pid: lines.next()?.parse().ok()?,
        since: lines.next()?.to_owned(),
        command: lines.next()?.to_owned(),
    })
}

#[cfg(test)]
mod tests;
