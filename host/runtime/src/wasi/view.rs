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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_made_where_something_is_hidden_and_is_gone_with_the_call_or_the_crash() {
        let place = tempfile::tempdir().unwrap();
        let path = |path: &str| place.path().join(path);
        fs::create_dir_all(path("tree/api/.git")).unwrap();
        fs::create_dir_all(path("tree/web")).unwrap();
        fs::write(path("tree/api/main"), "main").unwrap();
        let source = |part: &str| Source {
            root: path("tree"),
            path: part.to_owned(),
            include: Vec::new(),
        };
        let views = Views::open(path("views")).unwrap();
        let interrupt = Interrupt::new();
        assert!(views.of(&source("web"), &interrupt).unwrap().is_none());
        let copied = views.of(&source("api"), &interrupt).unwrap().unwrap();
        assert!(copied.path().join("api/main").exists());
        assert!(!copied.path().join("api/.git").exists());
        // As a crash leaves one: nobody holds it.
        fs::create_dir_all(path("views/left/api")).unwrap();
        Views::open(path("views")).unwrap();
        assert!(copied.path().exists() && !path("views/left").exists());
        drop(copied);
        assert_eq!(fs::read_dir(path("views")).unwrap().count(), 0);
    }
}
