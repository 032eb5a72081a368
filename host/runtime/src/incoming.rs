//! Files on their way into a folder of the host's.
//!
//! What is written there gets its name only when it is complete. Until then it lies in
//! `.incoming`, and what a crash leaves there is removed by the next one who opens the folder
//! while nobody else has it open; never by anybody else, as it may be about to get its name.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::NamedTempFile;

const FOLDER: &str = ".incoming";
const PRESENCE: &str = ".presence";

/// The place for files that are not complete. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Incoming {
    folder: PathBuf,
    /// Locked by everybody who has the place open; never written.
    _presence: Arc<File>,
}

impl Incoming {
    /// Opens the place below a folder that exists.
    pub(crate) fn open(root: &Path) -> io::Result<Self> {
        let folder = root.join(FOLDER);
        match fs::create_dir(&folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        let presence = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(root.join(PRESENCE))?;
        if presence.try_lock().is_ok() {
            sweep(&folder)?;
            presence.unlock()?;
        }
        presence.lock_shared()?;
        Ok(Self {
            folder,
            _presence: Arc::new(presence),
        })
    }

    /// A file in it, which goes away when it is dropped before it has got a name.
    pub(crate) fn file(&self) -> io::Result<NamedTempFile> {
        NamedTempFile::new_in(&self.folder)
    }
}

fn sweep(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        fs::remove_file(entry?.path())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leftovers_go_when_nobody_else_is_there() {
        let root = tempfile::tempdir().unwrap();
        let first = Incoming::open(root.path()).unwrap();
        let left = first.file().unwrap().into_temp_path().keep().unwrap();
        let second = Incoming::open(root.path()).unwrap();
        assert!(left.exists(), "somebody may be writing it");
        drop((first, second));
        Incoming::open(root.path()).unwrap();
        assert!(!left.exists());
    }
}
