//! Removal of sub-trees, without ever following a link.

use std::ffi::OsStr;
use std::io;
use std::path::Path;

use super::directory::{Directory, Kind};
use super::locate::{DEEPEST, Last, Missing, locate};
use super::{Folder, FolderError, Interrupt, route};

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
            None => empty(&place.directory, &place.path, interrupt, 0),
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
    remove_at(directory, name, path, interrupt, 0)
}

fn remove_at(
    directory: &Directory,
    name: &OsStr,
    path: &Path,
    interrupt: &Interrupt,
    depth: usize,
) -> Result<(), FolderError> {
    if interrupt.is_raised() {
        return Err(FolderError::Interrupted);
    }
    let removed = match directory.stat(name) {
        Ok(stat) if stat.kind == Kind::Directory => {
            let child = directory
                .child(name)
                .map_err(FolderError::io("open the directory", path))?;
            empty(&child, path, interrupt, depth + 1)?;
            directory.remove_directory(name)
        }
        Ok(_) => directory.remove_file(name),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(FolderError::io("remove", path)(error))
        }
        _ => Ok(()),
    }
}

fn empty(
    directory: &Directory,
    path: &Path,
    interrupt: &Interrupt,
    depth: usize,
) -> Result<(), FolderError> {
    if depth > 2 * DEEPEST {
        let limit = 2 * DEEPEST as u64;
        return Err(FolderError::TooLarge {
            path: path.to_owned(),
            what: "directories below one another",
            limit,
        });
    }
    // Tools make folders read-only (Go's module cache does); what is removed need not stay so.
    let is_locked = directory
        .stat_self()
        .is_ok_and(|stat| stat.mode & 0o700 != 0o700);
    if is_locked {
        directory
            .set_mode(0o700)
            .map_err(FolderError::io("unlock", path))?;
    }
    for name in directory.names().map_err(FolderError::io("list", path))? {
        remove_at(directory, &name, &path.join(&name), interrupt, depth)?;
    }
    Ok(())
}
