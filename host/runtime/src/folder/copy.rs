//! Copies between folders, made by the host: the bytes never pass through a guest.
//!
//! Permission bits and times are kept, because build tools decide by them what to build
//! again. Links stay links; one that leads out of the tree is refused, so that the copy never
//! means something else than the original. Pipes, sockets and devices are left out.

use std::ffi::OsStr;
use std::fs::{File, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::directory::{Directory, Kind, Stat, set_modified};
use super::locate::{Last, Missing, Place, locate};
use super::remove::remove_named;
use super::walk::{Found, Next, Walk};
use super::{Folder, FolderError, Interrupt, route};

/// Copied between two looks at the interrupt.
const STRIDE: u64 = 16 * 1024 * 1024;

impl Folder {
    /// Copies a file or a sub-tree of `other` to `target`, over what is there. `.` means the
    /// whole folder. Answers with the number of bytes.
    pub fn copy_from(
        &self,
        other: &Self,
        source: &str,
        target: &str,
        interrupt: &Interrupt,
    ) -> Result<u64, FolderError> {
        self.must_be_writable(target)?;
        let from = other.find(source)?;
        let stat = from
            .stat()
            .map_err(FolderError::io("look at", &from.path))?;
        let to = locate(
            &self.root,
            &route::parse(target)?,
            Last::Follow,
            Missing::Make,
        )?;
        self.must_show(&to)?;
        let mut copy = Copy {
            other,
            interrupt,
            levels: Vec::new(),
            bytes: 0,
        };
        match (&from.name, stat.kind, &to.name) {
            (Some(name), Kind::File, Some(new)) => {
                copy.file(&from.directory, name, &stat, (&to.directory, new, &to.path))?;
            }
            (_, Kind::Directory, _) => copy.tree(&from, &to, stat)?,
            (_, Kind::File, None) => {
                return Err(FolderError::WrongKind {
                    path: to.path,
                    expected: "a place for a file",
                });
            }
            _ => {
                return Err(FolderError::WrongKind {
                    path: from.path,
                    expected: "a file or a directory",
                });
            }
        }
        Ok(copy.bytes)
    }
}

/// A directory of the copy that is being filled.
struct Level {
    /// From the start of the walk.
    path: PathBuf,
    made: Directory,
    stat: Stat,
}

struct Copy<'a> {
    other: &'a Folder,
    interrupt: &'a Interrupt,
    levels: Vec<Level>,
    bytes: u64,
}

impl Copy<'_> {
    fn tree(&mut self, from: &Place, to: &Place, stat: Stat) -> Result<(), FolderError> {
        let start = from
            .open()
            .map_err(FolderError::io("open the directory", &from.path))?;
        let made = match &to.name {
            Some(name) => make_or_open(&to.directory, name, &to.path)?,
            None => to.directory.clone(),
        };
        self.levels.push(Level {
            path: PathBuf::new(),
            made,
            stat,
        });
        let walk = Walk {
            view: &self.other.view,
            place: &from.path,
            interrupt: self.interrupt,
        };
        walk.visit(&start, |found| self.entry(from, to, found))?;
        while let Some(level) = self.levels.pop() {
            level.finish(&to.path)?;
        }
        Ok(())
    }

    fn entry(&mut self, from: &Place, to: &Place, found: &Found<'_>) -> Result<Next, FolderError> {
        let parent = found.path.parent().unwrap_or(Path::new(""));
        while let Some(level) = self.levels.pop_if(|level| level.path != parent) {
            level.finish(&to.path)?;
        }
        let Some(made) = self.levels.last().map(|level| level.made.clone()) else {
            return Ok(Next::Stop);
        };
        let target = to.path.join(found.path);
        match found.stat.kind {
            Kind::File => self.file(
                found.parent,
                found.name,
                &found.stat,
                (&made, found.name, &target),
            )?,
            Kind::Link => self.link(&from.path.join(found.path), found, &made, &target)?,
            Kind::Directory => {
                let made = make_or_open(&made, found.name, &target)?;
                self.levels.push(Level {
                    path: found.path.to_owned(),
                    made,
                    stat: found.stat,
                });
            }
            Kind::Other => {}
        }
        Ok(Next::On)
    }

    fn file(
        &mut self,
        parent: &Directory,
        name: &OsStr,
        stat: &Stat,
        (directory, new, path): (&Directory, &OsStr, &Path),
    ) -> Result<(), FolderError> {
        let mut source = parent.file(name).map_err(FolderError::io("open", path))?;
        clear(directory, new, path)?;
        let mut target = directory
            .new_file(new)
            .map_err(FolderError::io("make", path))?;
        self.bytes += self.contents(&mut source, &mut target, path)?;
        target
            .set_permissions(Permissions::from_mode(stat.mode))
            .map_err(FolderError::io("set the mode of", path))?;
        set_modified(&target, stat.modified).map_err(FolderError::io("set the time of", path))
    }

    fn contents(
        &self,
        source: &mut File,
        target: &mut File,
        path: &Path,
    ) -> Result<u64, FolderError> {
        let mut bytes = 0;
        loop {
            if self.interrupt.is_raised() {
                return Err(FolderError::Interrupted);
            }
            let count = io::copy(&mut source.take(STRIDE), target)
                .map_err(FolderError::io("copy to", path))?;
            bytes += count;
            if count < STRIDE {
                return Ok(bytes);
            }
        }
    }

    fn link(
        &self,
        place: &Path,
        found: &Found<'_>,
        made: &Directory,
        target: &Path,
    ) -> Result<(), FolderError> {
        let text = found
            .parent
            .read_link(found.name)
            .map_err(FolderError::io("read the link", place))?;
        if !route::stays_inside(place, &text) || !route::stays_inside(target, &text) {
            let reason = "it is a link to what is not copied with it";
            return Err(FolderError::Outside {
                path: place.to_owned(),
                reason,
            });
        }
        // A link may pass every check of its text and still climb out through other links.
        if let Err(error @ FolderError::Outside { .. }) =
            locate(&self.other.root, place, Last::Follow, Missing::Refuse)
        {
            return Err(error);
        }
        clear(made, found.name, target)?;
        made.make_link(found.name, &text)
            .map_err(FolderError::io("make the link", target))
    }
}

impl Level {
    /// Mode and time come last: filling a directory changes its time, and a read-only one
    /// could not be filled.
    fn finish(self, target: &Path) -> Result<(), FolderError> {
        let path = target.join(&self.path);
        self.made
            .set_mode(self.stat.mode | 0o700)
            .map_err(FolderError::io("set the mode of", &path))?;
        self.made
            .set_modified(self.stat.modified)
            .map_err(FolderError::io("set the time of", &path))
    }
}

/// A file or link that stands where something new goes is replaced, never written through.
fn clear(directory: &Directory, name: &OsStr, path: &Path) -> Result<(), FolderError> {
    match directory.stat(name) {
        Ok(stat) if stat.kind == Kind::Directory => Err(FolderError::WrongKind {
            path: path.to_owned(),
            expected: "a file, so it cannot be replaced by one",
        }),
        Ok(_) => directory
            .remove_file(name)
            .map_err(FolderError::io("replace", path)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(FolderError::io("look at", path)(error)),
    }
}

fn make_or_open(
    directory: &Directory,
    name: &OsStr,
    path: &Path,
) -> Result<Directory, FolderError> {
    match directory.stat(name) {
        Ok(stat) if stat.kind == Kind::Directory => {}
        Ok(_) => {
            remove_named(directory, name, path, &Interrupt::new())?;
            directory
                .make(name)
                .map_err(FolderError::io("make the directory", path))?;
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            directory
                .make(name)
                .map_err(FolderError::io("make the directory", path))?;
        }
        Err(error) => return Err(FolderError::io("look at", path)(error)),
    }
    directory
        .child(name)
        .map_err(FolderError::io("open the directory", path))
}
