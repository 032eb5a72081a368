//! What a build is shown of a source: a sub-path and what it includes, each in its place.
//!
//! The listing of a folder and whatever copies it must agree on what belongs to it, so both
//! read [`SourceTree::entries`]; what a commit lists (`committed`) is found by the same rules.

use std::{
    fs::{self, Metadata},
    io,
    path::{Component, Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

use stagewright_runtime::Identity;

use super::{SourceError, ignored::Ignored};

/// The most files and folders that a source may have.
pub(super) const MAX_ENTRIES: usize = 1_000_000;

/// Why a place is refused that is behind a link.
pub(super) const LINK_ON_THE_WAY: &str = "there is a link on the way; name where it leads";

/// The source of one service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SourceTree {
    /// The folder of the environment file, or a commit's; absolute and without links in it.
    pub(crate) root: PathBuf,
    /// Where the build works, from the root; empty for the root itself.
    pub(crate) path: String,
    /// What else the build sees, from the root.
    pub(crate) include: Vec<String>,
}

/// One file or folder of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SourceEntry {
    /// From the root of the tree.
    pub(crate) path: PathBuf,
    /// What it is.
    pub(crate) kind: EntryKind,
}

/// What an entry of a source is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum EntryKind {
    /// A folder; what is in it has entries of its own.
    Folder,
    /// A file.
    File(Identity),
    /// A symbolic link that leads to this place inside the tree, as it is written.
    Link(PathBuf),
    /// A socket, pipe or device: named, never opened.
    Other,
}

impl SourceTree {
    /// The tree of a service's `path` and `include`, which are relative to `root`.
    ///
    /// # Errors
    /// When one of them does not exist, or leads out of the root, or through a link.
    pub(crate) fn new(root: &Path, path: &str, include: &[String]) -> Result<Self, SourceError> {
        let root = fs::canonicalize(root).map_err(SourceError::io("open the source", root))?;
        let include = include.iter().map(|path| place(&root, path));
        Ok(Self {
            path: place(&root, path)?,
            include: include.collect::<Result<_, _>>()?,
            root,
        })
    }

    /// All that belongs to the source, sorted by path: without `.git`, and without what the
    /// `.stagewrightignore` file of the sub-path lists. Blocks.
    ///
    /// # Errors
    /// When a link leads out of the root, there is too much of it, or it cannot be read.
    pub(crate) fn entries(
        &self,
        interrupted: &AtomicBool,
    ) -> Result<Vec<SourceEntry>, SourceError> {
        let base = self.root.join(&self.path);
        let ignored = Ignored::read(&base)?;
        let mut entries = Vec::new();
        for start in starts(&self.path, &self.include) {
            let start = PathBuf::from(start);
            let mut open = vec![(look_at(&self.root.join(&start))?, start)];
            while let Some((metadata, path)) = open.pop() {
                if interrupted.load(Ordering::Relaxed) {
                    return Err(SourceError::Cancelled);
                }
                let kind = self.kind(&path, &metadata)?;
                let full = self.root.join(&path);
                let folder = kind == EntryKind::Folder;
                let listed = ignored.has_rules() && full != base && full.starts_with(&base);
                if listed && ignored.contains(&full, folder) {
                    continue;
                }
                if folder {
                    children(&full, &path, &mut open)?;
                }
                entries.push(SourceEntry { path, kind });
                if entries.len() > MAX_ENTRIES {
                    return Err(SourceError::TooLarge {
                        place: self.root.display().to_string(),
                        limit: MAX_ENTRIES,
                    });
                }
            }
        }
        Ok(entries)
    }

    fn kind(&self, path: &Path, metadata: &Metadata) -> Result<EntryKind, SourceError> {
        let kind = metadata.file_type();
        if kind.is_symlink() {
            return self.link(path);
        }
        Ok(if kind.is_dir() {
            EntryKind::Folder
        } else if kind.is_file() {
            EntryKind::File(Identity::of(metadata))
        } else {
            EntryKind::Other
        })
    }

    /// A link, when it stays inside the root both as it is written and where it really leads,
    /// which differ when there are further links on the way.
    fn link(&self, path: &Path) -> Result<EntryKind, SourceError> {
        let full = self.root.join(path);
        let target = fs::read_link(&full).map_err(SourceError::io("read", &full))?;
        let parent = path.parent().unwrap_or(Path::new(""));
        let stays = climbs_at_most(&target, parent.components().count())
            && match fs::canonicalize(&full) {
                Ok(real) => real.starts_with(&self.root),
                // It leads nowhere, which is as it may be.
                Err(_) => true,
            };
        if stays {
            return Ok(EntryKind::Link(target));
        }
        Err(SourceError::Outside {
            path: path.display().to_string(),
            place: self.root.display().to_string(),
            reason: format!("it is a link to {}", target.display()),
        })
    }
}

/// The sub-path and the includes, without those that lie in another one.
pub(super) fn starts<'a>(path: &'a str, include: &'a [String]) -> Vec<&'a str> {
    let mut starts: Vec<&str> = include.iter().map(String::as_str).collect();
    starts.push(path);
    starts.sort_unstable_by_key(|start| Path::new(*start));
    starts.dedup_by(|next, kept| Path::new(*next).starts_with(*kept));
    starts
}

/// Whether a relative path, taken literally, goes up no further than `depth` folders.
pub(super) fn climbs_at_most(path: &Path, depth: usize) -> bool {
    let mut depth = Some(depth);
    for component in path.components() {
        depth = match component {
            Component::CurDir => depth,
            Component::Normal(_) => depth.map(|depth| depth + 1),
            Component::ParentDir => depth.and_then(|depth| depth.checked_sub(1)),
            Component::RootDir | Component::Prefix(_) => None,
        };
    }
    depth.is_some()
}

/// A path of the environment file in its shortest form, or why it names no place in a tree.
pub(super) fn short(written: &str) -> Result<PathBuf, &'static str> {
    let mut short = PathBuf::new();
    for component in Path::new(written).components() {
        match component {
            Component::CurDir => {}
            Component::Normal(name) => short.push(name),
            Component::ParentDir => return Err("`..` is not allowed in it"),
            _ => return Err("it is absolute"),
        }
    }
    Ok(short)
}

/// A path of the environment file in its shortest form, when it is a place inside the root.
fn place(root: &Path, written: &str) -> Result<String, SourceError> {
    let outside = |reason: &str| SourceError::Outside {
        path: written.to_owned(),
        place: root.display().to_string(),
        reason: reason.to_owned(),
    };
    let short = short(written).map_err(outside)?;
    let full = root.join(&short);
    let real = fs::canonicalize(&full).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => SourceError::Missing {
            path: written.to_owned(),
            place: root.display().to_string(),
        },
        _ => SourceError::io("open", &full)(error),
    })?;
    // A root that is joined with nothing gets a slash at its end, which compares as equal.
    if real != full {
        return Err(outside(LINK_ON_THE_WAY));
    }
    Ok(short.to_string_lossy().into_owned())
}

fn look_at(path: &Path) -> Result<Metadata, SourceError> {
    fs::symlink_metadata(path).map_err(SourceError::io("read", path))
}

/// Adds what is in a folder, except `.git`, so that the first of the names is taken first: a
/// walk that takes what it finds in this order is sorted by path.
fn children(
    full: &Path,
    path: &Path,
    open: &mut Vec<(Metadata, PathBuf)>,
) -> Result<(), SourceError> {
    let entries = fs::read_dir(full).map_err(SourceError::io("read", full))?;
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(SourceError::io("read", full))?;
        let name = entry.file_name();
        if name != ".git" {
            let metadata = entry.metadata();
            let metadata = metadata.map_err(SourceError::io("read", full.join(&name)))?;
            found.push((name, metadata));
        }
        if open.len() + found.len() > MAX_ENTRIES {
            return Err(SourceError::TooLarge {
                place: full.display().to_string(),
                limit: MAX_ENTRIES,
            });
        }
    }
    found.sort_unstable_by(|(a, _), (b, _)| b.cmp(a));
    let found = found.into_iter();
    open.extend(found.map(|(name, metadata)| (metadata, path.join(name))));
    Ok(())
}
