//! The source for guests of WASI, who are shown the files of the machine itself: where that
//! would show them what the `workspace` capability hides, they get a copy without it.
//!
//! Builds are made from copies without a `.git` anyway, and most services are in a folder
//! that has none; what is left is asking for the inputs of a service in the root of a clone.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::capability::workspace::Source;
use crate::folder::{Access, Folder, FolderError, Interrupt};

/// Where copies are made. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Views {
    folder: PathBuf,
}

/// A copy; it goes away with this.
#[derive(Debug)]
pub(crate) struct Copied {
    folder: TempDir,
    /// Locked: it is not what a crash has left.
    _held: File,
}

impl Views {
    /// Over a folder that is made when it is needed. What crashed runs left in it goes away.
    pub(crate) fn open(folder: PathBuf) -> io::Result<Self> {
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self { folder }),
            entries => entries?,
        };
        for entry in entries {
            let path = entry?.path();
            if File::open(&path).is_ok_and(|left| left.try_lock().is_ok()) {
                fs::remove_dir_all(path)?;
            }
        }
        Ok(Self { folder })
    }

    /// The same source, from a copy where it would show what handles hide. Blocking.
    pub(crate) fn of(
        &self,
        source: &Source,
        interrupt: &Interrupt,
    ) -> Result<Option<Copied>, FolderError> {
        if !source.hides(interrupt)? {
            return Ok(None);
        }
        let failed = || FolderError::io("make a folder in", &self.folder);
        fs::create_dir_all(&self.folder).map_err(failed())?;
        let folder = TempDir::new_in(&self.folder).map_err(failed())?;
        let held = File::open(folder.path()).map_err(failed())?;
        held.lock().map_err(failed())?;
        Folder::open(folder.path(), Access::Write)?.copy_from(
            &source.open()?,
            ".",
            ".",
            interrupt,
        )?;
        Ok(Some(Copied {
            folder,
            _held: held,
        }))
    }
}

impl Copied {
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }
}
