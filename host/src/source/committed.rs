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
    tree::{LINK_ON_THE_WAY, climbs_at_most, short, starts},
};

/// The most bytes of a link's target, or of a list of what is ignored.
const LARGEST: u64 = 1 << 20;
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
        for start in starts(&path, &include) {
            let start = Path::new(start);
            for above in start.ancestors().skip(1) {
                self.attributes(above, &mut listing)?;
            }
            let found = self.find(start)?.ok_or_else(|| self.missing(start))?;
            let mut open = vec![(start.to_owned(), found)];
            while let Some((path, found)) = open.pop() {
                if errand.is_interrupted() {
                    return Err(SourceError::Cancelled);
                }
                let is_folder = matches!(found.kind, EntryKind::Tree | EntryKind::Commit);
                let asked = ignored.has_rules() && path != base && path.starts_with(base);
                let is_ignored = asked && ignored.contains(&absolute(&path), is_folder);
                if is_ignored && !path.ends_with(ATTRIBUTES) {
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

    fn find(&self, path: &Path) -> Result<Option<Found>, SourceError> {
        let root = Found {
            kind: EntryKind::Tree,
            id: self.root.id,
        };
        if path.as_os_str().is_empty() {
            return Ok(Some(root));
        }
        let entry = self.root.lookup_entry_by_path(path);
        let entry = entry.map_err(|error| (self.unreadable)(sentence(&error)))?;
        Ok(entry.map(|entry| Found {
            kind: entry.mode().kind(),
            id: entry.object_id(),
        }))
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
            None => Ok(()),
            Some(found) => {
                let item = Item::Attributes(found.id.as_bytes().to_owned());
                listing.insert(&path, item, self.place)
            }
        }
    }

    fn item(&self, path: &Path, found: Found) -> Result<Item, SourceError> {
        Ok(match found.kind {
            // Another repository inside this one is an empty folder.
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

    fn children(
        &self,
        path: &Path,
        folder: Found,
        open: &mut Vec<(PathBuf, Found)>,
    ) -> Result<(), SourceError> {
        let mut list = || -> gix::Result<()> {
            for entry in self.mirror.find_tree(folder.id)?.iter() {
                let entry = entry?;
                let name = OsStr::from_bytes(entry.filename());
                if name != ".git" {
                    let found = Found {
                        kind: entry.kind(),
                        id: entry.object_id(),
                    };
                    open.push((path.join(name), found));
                }
            }
            Ok(())
        };
        list().map_err(|error| (self.unreadable)(sentence(&error)))
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
