//! What a commit holds of a service's source, read from the trees of the mirror: nothing is
//! checked out for it, and of files only the names that git has for their contents are looked
//! at. Everything here blocks.
//!
//! It must find what a checkout would show of the same paths (`tree`), no more and no less, and
//! what else decides the bytes of a checkout: `.gitattributes` files, also those above.

use std::{
    ffi::OsStr,
    io::Cursor,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use gix::object::tree::EntryKind;
use stagewright_runtime::touch;

use super::{
    CommitId, Repository, SourceError,
    errand::Errand,
    ignored::{self, Ignored},
    listing::{Item, Listing},
    mirror::{Mirror, Purpose, object_id, sentence},
    tree::{LINK_ON_THE_WAY, MAX_ENTRIES, climbs_at_most, short, starts},
};

/// The most bytes of a link's target, or of a list of what is ignored.
const LARGEST: u64 = 1 << 20;
/// The longest path that Linux opens, in bytes (`PATH_MAX`): no checkout has a longer one.
const LONGEST_PATH: usize = 4096;
/// The most bytes of all paths of a source. Git keeps equal trees once, so that a small
/// repository may name very many long ones.
const MOST_BYTES: usize = 128 << 20;
/// Decides how git writes the files beside and below it.
const ATTRIBUTES: &str = ".gitattributes";

/// The places in a repository that are a service's source, as the environment file names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Places {
    /// Where the build works.
    pub(crate) path: String,
    /// What else it sees.
    pub(crate) include: Vec<String>,
}

/// One entry of a tree of git's.
#[derive(Clone, Copy)]
struct Found {
    kind: EntryKind,
    id: gix::ObjectId,
}

impl Found {
    /// Another repository inside this one is an empty folder.
    fn is_folder(self) -> bool {
        matches!(self.kind, EntryKind::Tree | EntryKind::Commit)
    }
}

/// What is still to be looked at of a source.
#[derive(Default)]
struct Open {
    entries: Vec<(PathBuf, Found)>,
    /// Of all paths that were ever added.
    bytes: usize,
}

/// The trees of one commit while they are listed.
struct Trees<'a> {
    mirror: &'a gix::Repository,
    root: gix::Tree<'a>,
    /// Names the commit and its repository.
    place: &'a str,
    /// The error of what git cannot read, from what it said.
    unreadable: &'a dyn Fn(String) -> SourceError,
}

impl Mirror {
    /// What a commit holds in these places; nothing when it has to be fetched first.
    ///
    /// # Errors
    /// When a place is not in it, and as a checkout of it would fail.
    pub(super) fn list(
        &self,
        (repository, commit): (&Repository, &CommitId),
        places: &Places,
        errand: &Errand,
    ) -> Result<Option<Listing>, SourceError> {
        // Marked as used, so that nobody removes it as old.
        if touch(&self.clone_folder()).is_err() {
            return Ok(None);
        }
        let mirror = self.open(repository, Purpose::CheckOut)?;
        if !object_id(commit).is_some_and(|id| mirror.has_object(id)) {
            return Ok(None);
        }
        let unreadable = |reason| SourceError::Unreadable {
            repository: repository.clone(),
            commit: commit.clone(),
            reason,
            mirror: self.folder().to_owned(),
        };
        let root = || -> gix::Result<gix::Tree<'_>> {
            let id = gix::ObjectId::from_hex(commit.as_str().as_bytes())?;
            mirror.find_object(id)?.peel_to_tree()
        };
        let trees = Trees {
            root: root().map_err(|error| unreadable(sentence(&error)))?,
            mirror: &mirror,
            place: &format!("{repository} at commit {commit}"),
            unreadable: &unreadable,
        };
        trees.list(places, errand).map(Some)
    }
}

impl Trees<'_> {
    fn list(&self, places: &Places, errand: &Errand) -> Result<Listing, SourceError> {
        let path = self.place(&places.path)?;
        let include: Vec<String> = places
            .include
            .iter()
            .map(|path| self.place(path))
            .collect::<Result<_, _>>()?;
        let base = Path::new(&path);
        let ignored = self.ignored(base)?;
        let mut listing = Listing::new(&path);
        let mut open = Open::default();
        for start in starts(&path, &include) {
            let start = Path::new(start);
            for above in start.ancestors().skip(1) {
                self.attributes(above, &mut listing)?;
            }
            let found = self.find(start)?.ok_or_else(|| self.missing(start))?;
            self.add(start.to_owned(), found, &mut open)?;
            while let Some((path, found)) = open.entries.pop() {
                if errand.is_interrupted() {
                    return Err(SourceError::Cancelled);
                }
                let is_folder = found.is_folder();
                let asked = ignored.has_rules() && path != base && path.starts_with(base);
                let is_ignored = asked && ignored.contains(&absolute(&path), is_folder);
                if is_ignored && (is_folder || !path.ends_with(ATTRIBUTES)) {
                    continue;
                }
                let item = match is_ignored {
                    true => Item::Attributes(found.id.as_bytes().to_owned()),
                    false => self.item(&path, found)?,
                };
                if found.kind == EntryKind::Tree {
                    self.children(&path, found, &mut open)?;
                }
                listing.insert(&path, item, self.place)?;
            }
        }
        Ok(listing)
    }

    /// A path of the environment file in its shortest form, when it is in the commit.
    fn place(&self, written: &str) -> Result<String, SourceError> {
        let outside = |reason: &str| self.outside(Path::new(written), reason.to_owned());
        let short = short(written).map_err(outside)?;
        for above in short.ancestors() {
            match self.find(above)? {
                Some(found) if found.kind == EntryKind::Link => {
                    return Err(outside(LINK_ON_THE_WAY));
                }
                Some(_) if above == short => return Ok(short.to_string_lossy().into_owned()),
                Some(_) => break,
                None => {}
            }
        }
        Err(self.missing(Path::new(written)))
    }

    /// What is at a path. Nothing is behind a file, a link or another repository.
    fn find(&self, path: &Path) -> Result<Option<Found>, SourceError> {
        let mut found = Found {
            kind: EntryKind::Tree,
            id: self.root.id,
        };
        for name in path {
            if found.kind != EntryKind::Tree {
                return Ok(None);
            }
            let entry = self.mirror.find_tree(found.id).and_then(|folder| {
                let entry = folder.lookup_entry([name.as_bytes()])?;
                Ok(entry.map(|entry| (entry.mode().kind(), entry.object_id())))
            });
            match entry.map_err(|error| (self.unreadable)(sentence(&error)))? {
                Some((kind, id)) => found = Found { kind, id },
                None => return Ok(None),
            }
        }
        Ok(Some(found))
    }

    /// The rules of the list in a folder of the commit.
    fn ignored(&self, base: &Path) -> Result<Ignored, SourceError> {
        let path = base.join(ignored::FILE_NAME);
        let Some(found) = self.find(&path)? else {
            return Ok(Ignored::nothing());
        };
        let name = format!("{} of {}", path.display(), self.place);
        match found.kind {
            EntryKind::Blob | EntryKind::BlobExecutable => {
                let list = Cursor::new(self.content(&path, found)?);
                Ignored::parse(&absolute(base), &name, list)
            }
            _ => Err(SourceError::InvalidIgnoreFile {
                file: name,
                reason: "it is not a file".to_owned(),
            }),
        }
    }

    fn attributes(&self, folder: &Path, listing: &mut Listing) -> Result<(), SourceError> {
        let path = folder.join(ATTRIBUTES);
        match self.find(&path)? {
            Some(found) if !found.is_folder() => {
                let item = Item::Attributes(found.id.as_bytes().to_owned());
                listing.insert(&path, item, self.place)
            }
            _ => Ok(()),
        }
    }

    fn item(&self, path: &Path, found: Found) -> Result<Item, SourceError> {
        Ok(match found.kind {
            EntryKind::Tree | EntryKind::Commit => Item::Folder,
            EntryKind::Blob | EntryKind::BlobExecutable => Item::File {
                runs: found.kind == EntryKind::BlobExecutable,
                content: found.id.as_bytes().to_owned(),
            },
            EntryKind::Link => {
                let target = self.content(path, found)?;
                let leads = Path::new(OsStr::from_bytes(&target));
                let parent = path.parent().unwrap_or(Path::new(""));
                if !climbs_at_most(leads, parent.components().count()) {
                    let reason = format!("it is a link to {}", leads.display());
                    return Err(self.outside(path, reason));
                }
                Item::Link(target)
            }
        })
    }

    fn children(&self, path: &Path, folder: Found, open: &mut Open) -> Result<(), SourceError> {
        let unreadable = |error: gix::Error| (self.unreadable)(sentence(&error));
        let tree = self.mirror.find_tree(folder.id);
        let tree = tree.map_err(unreadable)?;
        for entry in tree.iter() {
            let entry = entry.map_err(unreadable)?;
            let name = OsStr::from_bytes(entry.filename());
            if name != ".git" {
                let found = Found {
                    kind: entry.kind(),
                    id: entry.object_id(),
                };
                self.add(path.join(name), found, open)?;
            }
        }
        Ok(())
    }

    fn add(&self, path: PathBuf, found: Found, open: &mut Open) -> Result<(), SourceError> {
        let place = || self.place.to_owned();
        let length = path.as_os_str().len();
        if length > LONGEST_PATH {
            let beginning = path.iter().next().unwrap_or_default();
            return Err(SourceError::PathTooLong {
                place: place(),
                beginning: beginning.to_string_lossy().chars().take(100).collect(),
                limit: LONGEST_PATH,
            });
        }
        open.bytes += length;
        if open.bytes > MOST_BYTES {
            return Err(SourceError::PathsTooLarge {
                place: place(),
                limit: MOST_BYTES,
            });
        }
        open.entries.push((path, found));
        if open.entries.len() > MAX_ENTRIES {
            return Err(SourceError::TooLarge {
                place: place(),
                limit: MAX_ENTRIES,
            });
        }
        Ok(())
    }

    /// What is in a link or a list, which are short.
    fn content(&self, path: &Path, found: Found) -> Result<Vec<u8>, SourceError> {
        let read = || -> gix::Result<Option<Vec<u8>>> {
            if self.mirror.find_header(found.id)?.size() > LARGEST {
                return Ok(None);
            }
            Ok(Some(self.mirror.find_object(found.id)?.detach().data))
        };
        let read = read().map_err(|error| (self.unreadable)(sentence(&error)))?;
        read.ok_or_else(|| {
            let path = path.display();
            (self.unreadable)(format!("{path} has more than {LARGEST} bytes"))
        })
    }

    fn missing(&self, path: &Path) -> SourceError {
        SourceError::Missing {
            path: path.display().to_string(),
            place: self.place.to_owned(),
        }
    }

    fn outside(&self, path: &Path, reason: String) -> SourceError {
        SourceError::Outside {
            path: path.display().to_string(),
            place: self.place.to_owned(),
            reason,
        }
    }
}

/// As [`Ignored`] wants it: paths below the folder of the list begin with that folder's.
fn absolute(path: &Path) -> PathBuf {
    Path::new("/").join(path)
}
