//! From a path to the open directory that holds its last part.
//!
//! Links inside the folder are followed here, by hand: the text of a link is put in front of
//! the parts that are still ahead, and every part is opened without following. What comes out
//! is where the thing really is, so that the view can be asked about it.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Component, Path, PathBuf};

use super::FolderError;
use super::directory::{Directory, Kind, Stat};

/// Links on the way of one path; the kernel's own limit.
const MOST_LINKS: usize = 40;
/// Directories below one another.
pub(crate) const DEEPEST: usize = 200;

/// What happens to a link that is the last part of a path.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Last {
    Follow,
    Keep,
}

/// What happens when a directory on the way is missing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    Refuse,
    Make,
}

/// Where something is, whether or not it exists yet.
#[derive(Debug)]
pub(crate) struct Place {
    /// Holds it; the folder itself when there is no name.
    pub(crate) directory: Directory,
    /// `None`: the folder itself.
    pub(crate) name: Option<OsString>,
    /// From the folder, without any link in it.
    pub(crate) path: PathBuf,
}

impl Place {
    pub(crate) fn stat(&self) -> io::Result<Stat> {
        match &self.name {
            Some(name) => self.directory.stat(name),
            None => self.directory.stat_self(),
        }
    }

    /// Opens it as a directory.
    pub(crate) fn open(&self) -> io::Result<Directory> {
        match &self.name {
            Some(name) => self.directory.child(name),
            None => Ok(self.directory.clone()),
        }
    }
}

/// Walks from `root` along `route`.
pub(crate) fn locate(
    root: &Directory,
    route: &Path,
    last: Last,
    missing: Missing,
) -> Result<Place, FolderError> {
    let mut trail = Trail {
        root,
        steps: Vec::new(),
    };
    let mut ahead: VecDeque<OsString> = route.iter().map(OsStr::to_owned).collect();
    let mut links = 0;
    while let Some(part) = ahead.pop_front() {
        if part == ".." {
            trail.ascend(route)?;
            continue;
        }
        let is_last = ahead.is_empty();
        match trail.here().stat(&part) {
            Ok(stat) if stat.kind == Kind::Link && !(is_last && last == Last::Keep) => {
                links += 1;
                if links > MOST_LINKS {
                    return Err(outside(route, "too many links on the way"));
                }
                let target = trail
                    .here()
                    .read_link(&part)
                    .map_err(FolderError::io("read the link", route))?;
                put_ahead(&mut ahead, &target).map_err(|reason| outside(route, reason))?;
            }
            Ok(_) if is_last => return Ok(trail.place(part)),
            Ok(stat) if stat.kind == Kind::Directory => trail.descend(part, route)?,
            Ok(_) => {
                return Err(FolderError::WrongKind {
                    path: trail.place(part).path,
                    expected: "a directory",
                });
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound && is_last => {
                return Ok(trail.place(part));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound && missing == Missing::Make => {
                trail
                    .here()
                    .make(&part)
                    .map_err(FolderError::io("make the directory", route))?;
                trail.descend(part, route)?;
            }
            Err(error) => return Err(FolderError::io("look at", route)(error)),
        }
    }
    Ok(trail.end())
}

fn outside(route: &Path, reason: &'static str) -> FolderError {
    FolderError::Outside {
        path: route.to_owned(),
        reason,
    }
}

fn put_ahead(ahead: &mut VecDeque<OsString>, target: &Path) -> Result<(), &'static str> {
    for component in target.components().rev() {
        match component {
            Component::Normal(part) => ahead.push_front(part.to_owned()),
            Component::ParentDir => ahead.push_front(OsString::from("..")),
            Component::CurDir => {}
            Component::RootDir | Component::Prefix(_) => {
                return Err("a link on the way is absolute");
            }
        }
    }
    Ok(())
}

/// The directories that are open, from the root downwards.
struct Trail<'a> {
    root: &'a Directory,
    steps: Vec<(OsString, Directory)>,
}

impl Trail<'_> {
    fn here(&self) -> &Directory {
        self.steps
            .last()
            .map_or(self.root, |(_, directory)| directory)
    }

    fn descend(&mut self, part: OsString, route: &Path) -> Result<(), FolderError> {
        if self.steps.len() == DEEPEST {
            return Err(FolderError::TooLarge {
                path: route.to_owned(),
                what: "directories below one another",
                limit: DEEPEST as u64,
            });
        }
        let directory = self
            .here()
            .child(&part)
            .map_err(FolderError::io("open the directory", route))?;
        self.steps.push((part, directory));
        Ok(())
    }

    fn ascend(&mut self, route: &Path) -> Result<(), FolderError> {
        match self.steps.pop() {
            Some(_) => Ok(()),
            None => Err(outside(route, "a link on the way climbs above it")),
        }
    }

    fn path(&self) -> PathBuf {
        self.steps.iter().map(|(name, _)| name).collect()
    }

    fn place(&self, name: OsString) -> Place {
        Place {
            directory: self.here().clone(),
            path: self.path().join(&name),
            name: Some(name),
        }
    }

    /// The place of the directory that the trail ends in.
    fn end(mut self) -> Place {
        let path = self.path();
        let name = self.steps.pop().map(|(name, _)| name);
        Place {
            directory: self.here().clone(),
            name,
            path,
        }
    }
}
