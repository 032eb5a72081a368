//! Removal of sub-trees, without ever following a link.
//!
//! Programs make trees that are deeper than any path is long, and directories with millions
//! of names. Removing them takes no more memory, stack or open files than a small one: names
//! are taken some at a time, and what lies too deep is brought up first.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::Path;

use super::directory::{Directory, Kind};
use super::locate::{DEEPEST, Last, Missing, locate};
use super::{Folder, FolderError, Interrupt, route};

/// Names that are held in memory at a time.
const NAMES: usize = 10_000;
/// Names that are tried for a directory that is brought up.
const TRIES: usize = 10_000;

impl Folder {
    /// Removes a file, a link or a sub-tree, if it is there. `.` empties the folder.
    pub fn remove(&self, path: &str, interrupt: &Interrupt) -> Result<(), FolderError> {
        self.must_be_writable(path)?;
        let place = match locate(
            &self.root,
            &route::parse(path)?,
            Last::Keep,
            Missing::Refuse,
        ) {
            Err(FolderError::NotFound { .. }) => return Ok(()),
            other => other?,
        };
        self.must_show(&place)?;
        match &place.name {
            Some(name) => remove_named(&place.directory, name, &place.path, interrupt),
            None => empty(&place.directory, &place.path, interrupt),
        }
    }
}

/// Removes what `name` stands for, with all that is in it.
pub(crate) fn remove_named(
    directory: &Directory,
    name: &OsStr,
    path: &Path,
    interrupt: &Interrupt,
) -> Result<(), FolderError> {
    let removed = match directory.stat(name) {
        Ok(stat) if stat.kind == Kind::Directory => {
            let child = open(directory, name, path)?;
            empty(&child, path, interrupt)?;
            directory.remove_directory(name)
        }
        Ok(_) => directory.remove_file(name),
        Err(error) => Err(error),
    };
    unless_gone(removed, path)
}

fn empty(directory: &Directory, path: &Path, interrupt: &Interrupt) -> Result<(), FolderError> {
    let mut removal = Removal {
        top: directory,
        brought_up: 0,
        interrupt,
    };
    removal.empty(directory, path, 0)
}

/// A sub-tree that is going away.
struct Removal<'a> {
    /// Where what lies too deep is brought to, to be removed from there.
    top: &'a Directory,
    brought_up: usize,
    interrupt: &'a Interrupt,
}

impl Removal<'_> {
    fn empty(
        &mut self,
        directory: &Directory,
        path: &Path,
        depth: usize,
    ) -> Result<(), FolderError> {
        // Tools make folders read-only (Go's module cache does); what is removed need not stay so.
        let is_locked = directory
            .stat_self()
            .is_ok_and(|stat| stat.mode & 0o700 != 0o700);
        if is_locked {
            directory
                .set_mode(0o700)
                .map_err(FolderError::io("unlock", path))?;
        }
        loop {
            let names = directory
                .some_names(NAMES)
                .map_err(FolderError::io("list", path))?;
            if names.is_empty() {
                return Ok(());
            }
            for name in names {
                self.remove(directory, &name, &path.join(&name), depth)?;
            }
        }
    }

    fn remove(
        &mut self,
        directory: &Directory,
        name: &OsStr,
        path: &Path,
        depth: usize,
    ) -> Result<(), FolderError> {
        if self.interrupt.is_raised() {
            return Err(FolderError::Interrupted);
        }
        let removed = match directory.stat(name) {
            Ok(stat) if stat.kind == Kind::Directory && depth == DEEPEST => {
                self.bring_up(directory, name)
            }
            Ok(stat) if stat.kind == Kind::Directory => {
                let child = open(directory, name, path)?;
                self.empty(&child, path, depth + 1)?;
                directory.remove_directory(name)
            }
            Ok(_) => directory.remove_file(name),
            Err(error) => Err(error),
        };
        unless_gone(removed, path)
    }

    /// Moves a directory to the top, which is emptied until nothing is in it.
    fn bring_up(&mut self, directory: &Directory, name: &OsStr) -> io::Result<()> {
        let mut moved = Ok(());
        for _ in 0..TRIES {
            self.brought_up += 1;
            let new = OsString::from(format!("removed-{}", self.brought_up));
            moved = directory.rename(name, self.top, &new);
            let is_taken = moved.as_ref().is_err_and(|error| {
                matches!(
                    error.kind(),
                    io::ErrorKind::DirectoryNotEmpty
                        | io::ErrorKind::NotADirectory
                        | io::ErrorKind::AlreadyExists
                )
            });
            if !is_taken {
                break;
            }
        }
        moved
    }
}

fn open(directory: &Directory, name: &OsStr, path: &Path) -> Result<Directory, FolderError> {
    directory
        .child(name)
        .map_err(FolderError::io("open the directory", path))
}

fn unless_gone(removed: io::Result<()>, path: &Path) -> Result<(), FolderError> {
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(FolderError::io("remove", path)(error))
        }
        _ => Ok(()),
    }
}
