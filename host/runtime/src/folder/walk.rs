//! All that a view shows of a sub-tree, in one fixed order.
//!
//! Parents come before what is in them, and siblings in the order of their bytes: the order
//! in which paths compare part by part. Listing, copying, hashing and packing all go through
//! here, so none of them can see more than another.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use super::directory::{Directory, Kind, Stat};
use super::locate::DEEPEST;
use super::view::{Sight, View};
use super::{FolderError, Interrupt};

/// Something that is shown.
pub(crate) struct Found<'a> {
    /// From the start of the walk.
    pub(crate) path: &'a Path,
    /// The directory that holds it.
    pub(crate) parent: &'a Directory,
    pub(crate) name: &'a OsStr,
    pub(crate) stat: Stat,
}

/// How the walk goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Into it, when it is a directory.
    On,
    /// Past it, without what is in it.
    Past,
    /// Nowhere.
    Stop,
}

/// A walk that has not begun.
pub(crate) struct Walk<'a> {
    pub(crate) view: &'a View,
    /// Where the start is, from the folder that the view belongs to.
    pub(crate) place: &'a Path,
    pub(crate) interrupt: &'a Interrupt,
}

impl Walk<'_> {
    /// Visits what is below `start`, but not `start` itself.
    pub(crate) fn visit<E: From<FolderError>>(
        &self,
        start: &Directory,
        mut visitor: impl FnMut(&Found<'_>) -> Result<Next, E>,
    ) -> Result<(), E> {
        self.level(start, Path::new(""), 0, &mut visitor).map(drop)
    }

    fn level<E: From<FolderError>>(
        &self,
        directory: &Directory,
        path: &Path,
        depth: usize,
        visitor: &mut dyn FnMut(&Found<'_>) -> Result<Next, E>,
    ) -> Result<Next, E> {
        if depth > DEEPEST {
            let limit = DEEPEST as u64;
            let path = self.place.join(path);
            return Err(FolderError::TooLarge {
                path,
                what: "directories below one another",
                limit,
            }
            .into());
        }
        for name in self.names(directory, path)? {
            if self.interrupt.is_raised() {
                return Err(FolderError::Interrupted.into());
            }
            let path = path.join(&name);
            let place = self.place.join(&path);
            let sight = self.view.of(&place);
            if sight == Sight::Hidden {
                continue;
            }
            let stat = directory
                .stat(&name)
                .map_err(FolderError::io("look at", &place))?;
            if sight == Sight::Passage && stat.kind != Kind::Directory {
                continue;
            }
            let next = visitor(&Found {
                path: &path,
                parent: directory,
                name: &name,
                stat,
            })?;
            if next == Next::Stop {
                return Ok(Next::Stop);
            }
            if next == Next::On && stat.kind == Kind::Directory {
                let child = directory
                    .child(&name)
                    .map_err(FolderError::io("open the directory", &place))?;
                if self.level(&child, &path, depth + 1, visitor)? == Next::Stop {
                    return Ok(Next::Stop);
                }
            }
        }
        Ok(Next::On)
    }

    fn names(&self, directory: &Directory, path: &Path) -> Result<Vec<OsString>, FolderError> {
        directory
            .names()
            .map_err(FolderError::io("list", &self.place.join(path)))
    }
}
