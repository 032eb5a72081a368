//! Folders that guests are handed: a service's source, and the output of a build.
//!
//! A folder is a capability: it can be used without any right to the machine around it, and
//! nothing in it — no `..`, no link, no name that is swapped for another meanwhile — leads
//! out. Everything that the host does to files on behalf of a guest goes through here. All of
//! it is blocking code; long operations look at an [`Interrupt`].
//!
//! It must never open what is neither a file nor a directory, follow a link that it has not
//! resolved itself, or name paths of the machine to a guest.

mod content;
mod copy;
mod directory;
mod error;
mod identity;
mod interrupt;
mod listing;
mod locate;
mod remove;
mod route;
mod stamp;
#[cfg(test)]
mod tests;
mod view;
mod walk;

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

pub use error::FolderError;
pub use identity::{Identity, Moment};
pub use interrupt::Interrupt;
pub use listing::{Entry, MOST_ENTRIES};

pub(crate) use content::hexadecimal;
pub(crate) use directory::{Directory, Kind, Stat, set_modified};
pub(crate) use locate::{Last, Missing, Place, locate};
pub(crate) use remove::remove_named;
pub(crate) use route::stays_inside;
pub(crate) use stamp::Stamp;
pub(crate) use view::View;
pub(crate) use walk::{Next, Walk};

use view::Sight;

/// Bytes that one call of [`Folder::read`] or [`Folder::write`] moves at most.
pub const CHUNK: usize = 64 * 1024;
/// The largest file that [`Folder::write`] makes, in bytes.
pub const LARGEST_FILE: u64 = 16 * 1024 * 1024 * 1024;

/// What a folder may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Nothing in it can be changed.
    Read,
    /// Everything in it can be changed.
    Write,
}

/// A folder, or the part of one that a service is shown. Clones share the handle.
#[derive(Clone, Debug)]
pub struct Folder {
    root: Directory,
    location: PathBuf,
    access: Access,
    view: View,
}

impl Folder {
    /// Opens a folder of this machine. The caller vouches for `path`: links in it are followed.
    pub fn open(path: &Path, access: Access) -> Result<Self, FolderError> {
        let root = Directory::open(path).map_err(FolderError::io("open the folder", path))?;
        Ok(Self {
            root,
            location: path.to_owned(),
            access,
            view: View::default(),
        })
    }

    /// Where it is on this machine; for the host's own use, never for a guest.
    #[must_use]
    pub fn location(&self) -> &Path {
        &self.location
    }

    /// Whether it may be changed.
    #[must_use]
    pub fn access(&self) -> Access {
        self.access
    }

    /// The same folder for reading, showing only these sub-trees and the directories on the way
    /// to them. Each of them has to be there. None at all shows nothing.
    pub fn limited_to<'a>(
        &self,
        parts: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, FolderError> {
        let mut places = Vec::new();
        for part in parts {
            let place = self.find(part)?;
            place
                .stat()
                .map_err(FolderError::io("look at", &place.path))?;
            places.push(place.path);
        }
        Ok(Self {
            access: Access::Read,
            view: self.view.limited_to(places),
            ..self.clone()
        })
    }

    /// The same folder for reading, without anything of that name, at any depth: `.git`.
    #[must_use]
    pub fn without(&self, name: &str) -> Self {
        Self {
            access: Access::Read,
            view: self.view.without(name.into()),
            ..self.clone()
        }
    }

    /// A directory in it as a folder of its own, with the same access. What is above it cannot
    /// be reached any more, and links that lead there are refused.
    pub fn enter(&self, path: &str) -> Result<Self, FolderError> {
        let place = self.find(path)?;
        if self.view.of(&place.path) == Sight::Passage {
            return Err(FolderError::NotFound { path: place.path });
        }
        let root = place
            .open()
            .map_err(FolderError::io("open the directory", &place.path))?;
        let location = self.location.join(&place.path);
        Ok(Self {
            root,
            location,
            access: self.access,
            view: self.view.below(&place.path),
        })
    }

    /// Bytes of a file: `length` of them (at most [`CHUNK`]), fewer only at its end.
    pub fn read(&self, path: &str, offset: u64, length: usize) -> Result<Vec<u8>, FolderError> {
        let place = self.find(path)?;
        if length > CHUNK {
            return Err(FolderError::TooLarge {
                path: place.path,
                what: "bytes in one read",
                limit: CHUNK as u64,
            });
        }
        let file = self.file_at(&place)?;
        let mut bytes = vec![0; length];
        let mut filled = 0;
        while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match file.read_at(rest, offset.saturating_add(filled as u64)) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(FolderError::io("read", &place.path)(error)),
            }
        }
        bytes.truncate(filled);
        Ok(bytes)
    }

    /// Writes at most [`CHUNK`] bytes into a file; makes it, and the directories above it.
    pub fn write(&self, path: &str, offset: u64, bytes: &[u8]) -> Result<(), FolderError> {
        self.must_be_writable(path)?;
        let place = locate(
            &self.root,
            &route::parse(path)?,
            Last::Follow,
            Missing::Make,
        )?;
        self.must_show(&place)?;
        let too_large = |what, limit| FolderError::TooLarge {
            path: place.path.clone(),
            what,
            limit,
        };
        if bytes.len() > CHUNK {
            return Err(too_large("bytes in one write", CHUNK as u64));
        }
        if offset.saturating_add(bytes.len() as u64) > LARGEST_FILE {
            return Err(too_large("bytes in one file", LARGEST_FILE));
        }
        let name = file_name(&place)?;
        let file = place
            .directory
            .file_to_edit(name)
            .map_err(|error| not_a_file(&place, error))?;
        file.write_all_at(bytes, offset)
            .map_err(FolderError::io("write", &place.path))
    }

    /// Opens a file for reading by the host.
    pub(crate) fn open_file(&self, path: &str) -> Result<File, FolderError> {
        self.file_at(&self.find(path)?)
    }

    /// Where `path` really is, when the view shows it. It need not exist.
    pub(crate) fn find(&self, path: &str) -> Result<Place, FolderError> {
        let route = route::parse(path)?;
        let place = locate(&self.root, &route, Last::Follow, Missing::Refuse)?;
        match self.must_show(&place) {
            Err(_) if place.path != route => Err(FolderError::Outside {
                path: route,
                reason: "it is a link to what this folder does not show",
            }),
            other => other.map(|()| place),
        }
    }

    /// Where the last part of `path` stands itself, even when it is a link.
    pub(crate) fn find_itself(&self, path: &str) -> Result<Place, FolderError> {
        let place = locate(
            &self.root,
            &route::parse(path)?,
            Last::Keep,
            Missing::Refuse,
        )?;
        self.must_show(&place)?;
        Ok(place)
    }

    /// Where a new name goes: the directories above it are made.
    pub(crate) fn make_way(&self, path: &str) -> Result<Place, FolderError> {
        self.must_be_writable(path)?;
        let place = locate(&self.root, &route::parse(path)?, Last::Keep, Missing::Make)?;
        self.must_show(&place)?;
        Ok(place)
    }

    /// A walk over what is below a place in this folder.
    pub(crate) fn walk<'a>(&'a self, place: &'a Place, interrupt: &'a Interrupt) -> Walk<'a> {
        Walk {
            view: &self.view,
            place: &place.path,
            interrupt,
        }
    }

    fn file_at(&self, place: &Place) -> Result<File, FolderError> {
        let name = file_name(place)?;
        let stat = place
            .directory
            .stat(name)
            .map_err(FolderError::io("look at", &place.path))?;
        if stat.kind != Kind::File {
            return Err(FolderError::WrongKind {
                path: place.path.clone(),
                expected: "a file",
            });
        }
        place
            .directory
            .file(name)
            .map_err(|error| not_a_file(place, error))
    }

    fn must_be_writable(&self, path: &str) -> Result<(), FolderError> {
        match self.access {
            Access::Write => Ok(()),
            Access::Read => Err(FolderError::ReadOnly {
                path: PathBuf::from(path),
            }),
        }
    }

    fn must_show(&self, place: &Place) -> Result<(), FolderError> {
        match self.view.of(&place.path) {
            Sight::Hidden => Err(FolderError::NotFound {
                path: place.path.clone(),
            }),
            Sight::Whole | Sight::Passage => Ok(()),
        }
    }
}

fn file_name(place: &Place) -> Result<&OsStr, FolderError> {
    let Some(name) = &place.name else {
        return Err(FolderError::WrongKind {
            path: place.path.clone(),
            expected: "a file",
        });
    };
    Ok(name)
}

fn not_a_file(place: &Place, error: io::Error) -> FolderError {
    match error.kind() {
        io::ErrorKind::IsADirectory | io::ErrorKind::InvalidInput => FolderError::WrongKind {
            path: place.path.clone(),
            expected: "a file",
        },
        _ => FolderError::io("open", &place.path)(error),
    }
}
