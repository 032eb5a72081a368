//! Copies what belongs to a source into a folder of its own, so that a build sees a state of
//! it that nothing changes meanwhile.
//!
//! What is there from the last time and still is what it should be stays: a source with one
//! changed file costs one copy. Nobody but this module writes to such a folder.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File, FileTimes, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;
use stagewright_runtime::Identity;

use super::content::{Held, content_of, item, open};
use super::index::{Content, Index};
use super::listing::Listing;
use super::tree::SourceEntry;
use super::{EntryKind, SourceError, SourceTree};

/// Bits of a mode that a copy gets.
const PERMISSIONS: u32 = 0o777;

impl SourceTree {
    /// Makes `target` a copy of the source, with modes and times: build tools look at times to
    /// find out what changed. Sockets, pipes and devices are left out. `index` is that of
    /// [`SourceTree::listing`]; beside the target there is one of its own.
    ///
    /// The answer lists what the copy is made of: what was changed while it was made is listed
    /// as it was copied.
    ///
    /// # Errors
    /// When something cannot be read or written, or `interrupted` is set.
    pub(crate) fn copy_to(
        &self,
        target: &Path,
        index: &Path,
        interrupted: &AtomicBool,
    ) -> Result<Listing, SourceError> {
        let entries = self.contents(index, interrupted)?;
        let own_index = target.with_extension("index");
        let mut stage = Stage::new(&self.root, target, &entries, interrupted);
        stage.before = Index::read(&own_index);
        fs::create_dir_all(target).map_err(SourceError::io("make", target))?;
        stage.clear(Path::new(""))?;
        let mut files = Vec::new();
        for (entry, held) in &entries {
            if !stage.kept.contains(&entry.path) {
                stage.make(&entry.path, &entry.kind)?;
                files.extend(held.as_ref().map(|held| (entry.path.as_path(), held)));
            }
        }
        let copies: HashMap<&Path, (Identity, Content)> = files
            .par_iter()
            .map(|(path, held)| Ok((*path, stage.copy(path, held)?)))
            .collect::<Result<_, SourceError>>()?;
        for (path, (identity, content)) in &copies {
            stage.after.insert(path, *identity, *content);
        }
        let written = stage.after.write(&own_index);
        written.map_err(SourceError::io("write", own_index))?;
        let mut listing = Listing::new(&self.path);
        for (SourceEntry { path, kind }, held) in &entries {
            let listed = match copies.get(path.as_path()) {
                Some((copy, content)) => item(&EntryKind::File(*copy), *content),
                None => item(kind, held.map(|held| held.content).unwrap_or_default()),
            };
            listing.insert(path, listed, self.root.display())?;
        }
        Ok(listing)
    }
}

/// A copy that is being brought up to date.
struct Stage<'a> {
    source: &'a Path,
    target: &'a Path,
    wanted: HashMap<&'a Path, (&'a EntryKind, Option<&'a Held>)>,
    /// The folders above what is wanted, which need not be wanted themselves.
    above: HashSet<&'a Path>,
    /// What the files of the copy held when the last time ended, and this time.
    before: Index,
    after: Index,
    /// What is there and stays.
    kept: HashSet<PathBuf>,
    interrupted: &'a AtomicBool,
}

impl<'a> Stage<'a> {
    fn new(
        source: &'a Path,
        target: &'a Path,
        entries: &'a [(SourceEntry, Option<Held>)],
        interrupted: &'a AtomicBool,
    ) -> Self {
        let mut wanted = HashMap::new();
        let mut above = HashSet::new();
        for (entry, held) in entries {
            wanted.insert(entry.path.as_path(), (&entry.kind, held.as_ref()));
            let folders = entry.path.ancestors().skip(1);
            // Where one is known, those above it are, too.
            for folder in folders {
                if !above.insert(folder) {
                    break;
                }
            }
        }
        Self {
            source,
            target,
            wanted,
            above,
            before: Index::default(),
            after: Index::default(),
            kept: HashSet::new(),
            interrupted,
        }
    }

    /// Removes what does not belong below a folder, or is not as it should be.
    fn clear(&mut self, folder: &Path) -> Result<(), SourceError> {
        let full = self.target.join(folder);
        for entry in fs::read_dir(&full).map_err(SourceError::io("read", &full))? {
            if self.interrupted.load(Ordering::Relaxed) {
                return Err(SourceError::Cancelled);
            }
            let entry = entry.map_err(SourceError::io("read", &full))?;
            let (path, full) = (folder.join(entry.file_name()), entry.path());
            let metadata = entry.metadata().map_err(SourceError::io("read", &full))?;
            if self.stays(&path, &metadata) {
                if metadata.is_dir() {
                    self.clear(&path)?;
                }
                self.kept.insert(path);
            } else {
                let removed = match metadata.is_dir() {
                    true => fs::remove_dir_all(&full),
                    false => fs::remove_file(&full),
                };
                removed.map_err(SourceError::io("remove", full))?;
            }
        }
        Ok(())
    }

    fn stays(&mut self, path: &Path, metadata: &Metadata) -> bool {
        match self.wanted.get(path) {
            Some((EntryKind::Folder, _)) => metadata.is_dir(),
            Some((EntryKind::Link(target), _)) => {
                let found = fs::read_link(self.target.join(path));
                found.is_ok_and(|found| found == *target)
            }
            Some((EntryKind::File(original), Some(held))) => {
                let identity = Identity::of(metadata);
                let stays = metadata.is_file()
                    && (original.mode ^ identity.mode) & PERMISSIONS == 0
                    && original.modified == identity.modified
                    && self.before.content(path, &identity) == Some(held.content);
                if stays {
                    self.after.insert(path, identity, held.content);
                }
                stays
            }
            Some(_) => false,
            None => metadata.is_dir() && self.above.contains(path),
        }
    }

    /// Makes a folder or link, and the folders above a file.
    fn make(&self, path: &Path, kind: &EntryKind) -> Result<(), SourceError> {
        let full = self.target.join(path);
        if let Some(folder) = full.parent() {
            fs::create_dir_all(folder).map_err(SourceError::io("make", folder))?;
        }
        match kind {
            EntryKind::Folder => fs::create_dir_all(&full),
            EntryKind::Link(target) => symlink(target, &full),
            EntryKind::File(_) | EntryKind::Other => Ok(()),
        }
        .map_err(SourceError::io("make", full))
    }

    /// Copies a file. The answer is what the copy is and holds.
    fn copy(&self, path: &Path, held: &Held) -> Result<(Identity, Content), SourceError> {
        if self.interrupted.load(Ordering::Relaxed) {
            return Err(SourceError::Cancelled);
        }
        let (from, to) = (self.source.join(path), self.target.join(path));
        let copy = || -> io::Result<_> {
            let mut original = open(&from)?;
            let mut copy = File::create_new(&to)?;
            io::copy(&mut original, &mut copy)?;
            let metadata = original.metadata()?;
            let mode = metadata.permissions().mode() & PERMISSIONS;
            copy.set_permissions(Permissions::from_mode(mode))?;
            copy.set_times(FileTimes::new().set_modified(metadata.modified()?))?;
            let is_same = held.is_settled && Identity::of(&metadata) == held.identity;
            Ok((Identity::of(&copy.metadata()?), is_same))
        };
        let (identity, is_same) = copy().map_err(SourceError::io("copy", from))?;
        let content = match is_same {
            true => held.content,
            // It may have been written to since it was looked at, so the copy is read.
            false => content_of(&to, self.interrupted)?,
        };
        Ok((identity, content))
    }
}
