//! What is in a folder, page by page.

use std::io;
use std::path::Path;

use super::directory::{Kind, Stat};
use super::locate::Place;
use super::walk::{Next, Walk};
use super::{Folder, FolderError, Interrupt, route};

/// Entries that one call of [`Folder::entries`] answers with at most.
pub const MOST_ENTRIES: usize = 1000;

/// What stands in a folder under one path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// From the folder, with `/` between the parts.
    pub path: String,
    /// `file`, `directory`, `symlink`, `other`.
    pub kind: &'static str,
    /// Bytes of a file; 0 for all else.
    pub size: u64,
    /// A file that somebody may execute.
    pub executable: bool,
}

impl Folder {
    /// At most `limit` (and [`MOST_ENTRIES`]) entries of a directory that come after `after`,
    /// in the order in which paths compare part by part.
    pub fn entries(
        &self,
        path: &str,
        recursive: bool,
        after: Option<&str>,
        limit: usize,
        interrupt: &Interrupt,
    ) -> Result<Vec<Entry>, FolderError> {
        let limit = limit.min(MOST_ENTRIES);
        let asked = route::parse(path)?;
        let after = after.map(route::parse).transpose()?;
        let place = self.find(path)?;
        let start = place
            .open()
            .map_err(|error| not_a_directory(&place, error))?;
        let mut entries = Vec::new();
        if limit == 0 {
            return Ok(entries);
        }
        let walk = Walk {
            view: &self.view,
            place: &place.path,
            interrupt,
        };
        walk.visit(&start, |found| {
            let path = asked.join(found.path);
            let down = if recursive { Next::On } else { Next::Past };
            match &after {
                Some(after) if after.starts_with(&path) => return Ok(down),
                Some(after) if path <= *after => return Ok(Next::Past),
                _ => entries.push(Entry::new(&path, &found.stat)?),
            }
            Ok::<_, FolderError>(if entries.len() == limit {
                Next::Stop
            } else {
                down
            })
        })?;
        Ok(entries)
    }
}

impl Folder {
    /// Whether anything in it has that name, at any depth.
    pub(crate) fn holds(&self, name: &str, interrupt: &Interrupt) -> Result<bool, FolderError> {
        let mut holds = false;
        let walk = Walk {
            view: &self.view,
            place: Path::new(""),
            interrupt,
        };
        walk.visit(&self.root, |found| {
            holds = found.name == name;
            Ok::<_, FolderError>(if holds { Next::Stop } else { Next::On })
        })?;
        Ok(holds)
    }
}

impl Entry {
    fn new(path: &Path, stat: &Stat) -> Result<Self, FolderError> {
        let Some(text) = path.to_str() else {
            return Err(FolderError::Name {
                path: path.to_owned(),
                reason: "it is not UTF-8",
            });
        };
        let kind = match stat.kind {
            Kind::File => "file",
            Kind::Directory => "directory",
            Kind::Link => "symlink",
            Kind::Other => "other",
        };
        let size = if stat.kind == Kind::File {
            stat.size
        } else {
            0
        };
        Ok(Self {
            path: text.to_owned(),
            kind,
            size,
            executable: stat.is_executable(),
        })
    }
}

fn not_a_directory(place: &Place, error: io::Error) -> FolderError {
    match error.kind() {
        io::ErrorKind::NotADirectory => FolderError::WrongKind {
            path: place.path.clone(),
            expected: "a directory",
        },
        _ => FolderError::io("open the directory", &place.path)(error),
    }
}
