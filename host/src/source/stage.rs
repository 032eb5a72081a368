//! Copies what belongs to a source into a folder of its own, so that a build sees a state of
//! it that nothing changes meanwhile.
//!
//! What is there from the last time and still is what it should be stays: a source with one
//! changed file costs one copy. Nobody but this module writes to such a folder.

use std::collections::HashMap;
use std::fs::{self, DirEntry, File, FileTimes, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;
use stagewright_runtime::{Identity, Moment};

use super::content::open;
use super::index::{Content, Index};
use super::{EntryKind, SourceError, SourceTree};

/// Bits of a mode that a copy gets.
const PERMISSIONS: u32 = 0o777;

impl SourceTree {
    /// Makes `target` a copy of the source, with modes and times: build tools look at times to
    /// find out what changed. Sockets, pipes and devices are left out. `index` is that of
    /// [`SourceTree::digest`]; beside the target there is one of its own.
    ///
    /// # Errors
    /// When something cannot be read or written, or `interrupted` is set.
    pub(crate) fn copy_to(
        &self,
        target: &Path,
        index: &Path,
        interrupted: &AtomicBool,
    ) -> Result<(), SourceError> {
        let entries = self.contents(index, interrupted)?;
        let wanted = entries.iter().map(|(entry, content)| {
            let wanted = Wanted {
                kind: &entry.kind,
                content,
            };
            (entry.path.as_path(), wanted)
        });
        let own_index = target.with_extension("index");
        let mut stage = Stage {
            target,
            wanted: wanted.collect(),
            before: Index::read(&own_index),
            after: Index::default(),
            kept: HashMap::new(),
            interrupted,
        };
        fs::create_dir_all(target).map_err(SourceError::io("make", target))?;
        stage.clear(Path::new(""))?;
        let mut copies = Vec::new();
        for (entry, content) in &entries {
            if stage.kept.contains_key(&entry.path) {
                continue;
            }
            let to = target.join(&entry.path);
            if let Some(folder) = to.parent() {
                fs::create_dir_all(folder).map_err(SourceError::io("make", folder))?;
            }
            match &entry.kind {
                EntryKind::Folder => fs::create_dir_all(&to),
                EntryKind::File(identity) => {
                    copies.push((&entry.path, identity, content));
                    Ok(())
                }
                EntryKind::Link(place) => symlink(place, &to),
                EntryKind::Other => Ok(()),
            }
            .map_err(SourceError::io("make", to))?;
        }
        let copied: Vec<Option<Identity>> = copies
            .par_iter()
            .map(|(path, identity, _)| self.copy(path, identity, target, interrupted))
            .collect::<Result<_, _>>()?;
        for ((path, _, content), copied) in copies.into_iter().zip(copied) {
            if let Some(identity) = copied {
                stage.after.vouch(path, identity, *content);
            }
        }
        let written = stage.after.write(&own_index);
        written.map_err(SourceError::io("write", own_index))
    }

    /// Copies a file. The answer is the identity of the copy, when it is sure to have the
    /// content that was found when the original had `identity`.
    fn copy(
        &self,
        path: &Path,
        identity: &Identity,
        target: &Path,
        interrupted: &AtomicBool,
    ) -> Result<Option<Identity>, SourceError> {
        if interrupted.load(Ordering::Relaxed) {
            return Err(SourceError::Cancelled);
        }
        let moment = Moment::now();
        let (from, to) = (self.root.join(path), target.join(path));
        let copy = || -> io::Result<_> {
            let mut original = open(&from)?;
            let mut copy = File::create_new(&to)?;
            io::copy(&mut original, &mut copy)?;
            let metadata = original.metadata()?;
            let mode = metadata.permissions().mode() & PERMISSIONS;
            copy.set_permissions(Permissions::from_mode(mode))?;
            copy.set_times(FileTimes::new().set_modified(metadata.modified()?))?;
            let is_same = Identity::of(&metadata) == *identity && identity.is_settled(moment);
            Ok(is_same.then_some(Identity::of(&copy.metadata()?)))
        };
        copy().map_err(SourceError::io("copy", from))
    }
}

/// What belongs at a path of the copy.
struct Wanted<'a> {
    kind: &'a EntryKind,
    content: &'a Content,
}

/// A copy that is being brought up to date.
struct Stage<'a> {
    target: &'a Path,
    wanted: HashMap<&'a Path, Wanted<'a>>,
    before: Index,
    after: Index,
    kept: HashMap<PathBuf, ()>,
    interrupted: &'a AtomicBool,
}

impl Stage<'_> {
    /// Removes what does not belong below a folder, or is not as it should be.
    fn clear(&mut self, folder: &Path) -> Result<(), SourceError> {
        let full = self.target.join(folder);
        for entry in fs::read_dir(&full).map_err(SourceError::io("read", &full))? {
            if self.interrupted.load(Ordering::Relaxed) {
                return Err(SourceError::Cancelled);
            }
            let entry = entry.map_err(SourceError::io("read", &full))?;
            let path = folder.join(entry.file_name());
            let metadata = entry.metadata();
            let metadata = metadata.map_err(SourceError::io("read", entry.path()))?;
            if self.stays(&path, &metadata, &entry) {
                self.kept.insert(path.clone(), ());
                if metadata.is_dir() {
                    self.clear(&path)?;
                }
            } else {
                let removed = match metadata.is_dir() {
                    true => fs::remove_dir_all(entry.path()),
                    false => fs::remove_file(entry.path()),
                };
                removed.map_err(SourceError::io("remove", entry.path()))?;
            }
        }
        Ok(())
    }

    fn stays(&mut self, path: &Path, metadata: &Metadata, entry: &DirEntry) -> bool {
        let Some(Wanted { kind, content }) = self.wanted.get(path) else {
            // On the way to what is wanted there are folders that are not entries themselves.
            return metadata.is_dir() && self.is_passage(path);
        };
        match kind {
            EntryKind::Folder => metadata.is_dir(),
            EntryKind::Link(target) => {
                metadata.is_symlink()
                    && fs::read_link(entry.path()).is_ok_and(|found| found == *target)
            }
            EntryKind::File(original) => {
                let identity = Identity::of(metadata);
                let stays = metadata.is_file()
                    && (original.mode ^ identity.mode) & PERMISSIONS == 0
                    && original.modified == identity.modified
                    && self.before.content(path, &identity).as_ref() == Some(*content);
                if stays {
                    self.after.vouch(path, identity, **content);
                }
                stays
            }
            EntryKind::Other => false,
        }
    }

    fn is_passage(&self, path: &Path) -> bool {
        self.wanted.keys().any(|wanted| wanted.starts_with(path))
    }
}
