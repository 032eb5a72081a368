//! The files of a release that outlive every process: who it is (`meta.json`), how it was
//! last started (`run/launch.json`), and what its shim last knew (`run/record.json`).
//!
//! Each is replaced as a whole (temporary file, fsync, rename, fsync of the folder), so a
//! reader sees the old or the new one and a power cut leaves one of them. Values of secrets
//! never get here.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::process::{Flock, FlockType, fcntl_getlk};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::error::Error;
use super::launch::{Condition, Exit, ImageDefaults};
use super::table::Identity;

/// The largest of these files that is read.
const MAX_FILE: u64 = 4 * 1024 * 1024;

/// Who a release is; written once, when it is installed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Meta {
    /// Of this file.
    pub(super) version: u32,
    /// The step that installed it.
    pub(super) step_id: String,
    /// The image, by digest.
    pub(super) reference: String,
    /// Counts up within the service, so that the newest is known without a clock.
    pub(super) sequence: u64,
    /// What the image says about starting it.
    pub(super) image: ImageDefaults,
}

/// What the shim of a release last knew. Written by the shim only.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Record {
    /// Of this file.
    pub(crate) version: u32,
    /// The step that installed the release.
    pub(crate) step_id: String,
    /// The boot that the identities belong to.
    pub(crate) boot_id: String,
    /// Who wrote this. Another shim that holds the lock has not come to writing yet.
    pub(crate) shim: Identity,
    /// The process that was started last; written before it becomes the program.
    pub(crate) process: Option<Identity>,
    /// Where the release is in its life.
    pub(crate) condition: Condition,
    /// How it last ended.
    pub(crate) exit: Option<Exit>,
    /// How often it was started again after it had ended by itself.
    pub(crate) restarts: u32,
    /// One sentence for people, or nothing.
    pub(crate) detail: String,
    /// Milliseconds between the request to stop and being killed.
    pub(crate) stop_grace_ms: u64,
    /// Is it started again when it ends by itself?
    pub(crate) keep_running: bool,
}

/// Of the files of this module.
pub(crate) const VERSION: u32 = 1;

/// Where everything of a release lies.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    folder: PathBuf,
}

impl Layout {
    /// Of the release in that folder.
    pub(crate) fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
        }
    }

    /// The folder itself.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The unpacked image.
    pub(crate) fn root(&self) -> PathBuf {
        self.folder.join("root")
    }

    /// What the process printed.
    pub(crate) fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    /// What belongs to running it.
    pub(crate) fn run(&self) -> PathBuf {
        self.folder.join("run")
    }

    /// `TMPDIR` of the process.
    pub(crate) fn scratch(&self) -> PathBuf {
        self.folder.join("run/tmp")
    }

    /// Where a job writes its outputs.
    pub(crate) fn outputs(&self) -> PathBuf {
        self.folder.join("run/output.json")
    }

    /// Who it is.
    pub(crate) fn meta(&self) -> PathBuf {
        self.folder.join("meta.json")
    }

    /// How it was last started.
    pub(crate) fn launch(&self) -> PathBuf {
        self.folder.join("run/launch.json")
    }

    /// What its shim last knew.
    pub(crate) fn record(&self) -> PathBuf {
        self.folder.join("run/record.json")
    }

    /// Locked by the shim for as long as it lives.
    pub(crate) fn lock(&self) -> PathBuf {
        self.folder.join("run/lock")
    }

    /// The shim that lives now, if one does: its process id.
    ///
    /// The lock belongs to the process (fcntl_locking(2)), so that the system itself says who
    /// holds it, and lets go of it whatever the process dies of.
    pub(crate) fn shim(&self) -> Result<Option<u32>, Error> {
        let path = self.lock();
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io("open", path)(error)),
        };
        let holder = fcntl_getlk(&file, &Flock::from(FlockType::WriteLock))
            .map_err(|error| Error::io("ask for the lock of", path)(error.into()))?;
        Ok(holder.and_then(|lock| u32::try_from(lock.pid?.as_raw_pid()).ok()))
    }
}

/// Reads one of the files; `None` when it is not there.
pub(crate) fn load<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, Error> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io("open", path)(error)),
    };
    let mut bytes = Vec::new();
    file.take(MAX_FILE)
        .read_to_end(&mut bytes)
        .map_err(Error::io("read", path))?;
    serde_json::from_slice(&bytes)
        .map(Some)
        .map_err(|error| Error::Damaged {
            path: path.to_owned(),
            cause: error.to_string(),
        })
}

/// Replaces one of the files; when this returns, the new one survives a power cut.
pub(crate) fn store<T: Serialize>(path: &Path, value: &T) -> io::Result<()> {
    let bytes = serde_json::to_vec(value)?;
    let temporary = path.with_extension("new");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&temporary)?;
    file.write_all(&bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    match path.parent() {
        Some(folder) => sync_folder(folder),
        None => Ok(()),
    }
}

/// Makes what was created, renamed or removed in a folder survive a power cut.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_file_is_an_error_that_names_it() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path());
        assert!(load::<Meta>(&layout.meta()).unwrap().is_none());
        fs::write(layout.meta(), r#"{"version":1,"#).unwrap();
        let error = load::<Meta>(&layout.meta()).unwrap_err();
        assert_eq!(error.code(), "process.damaged");
        assert!(error.to_string().contains("meta.json"), "{error}");
    }

    #[test]
    fn nobody_holds_a_lock_that_nobody_took() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path());
        assert_eq!(layout.shim().unwrap(), None);
        fs::create_dir(layout.run()).unwrap();
        File::create(layout.lock()).unwrap();
        assert_eq!(layout.shim().unwrap(), None);
    }
}
