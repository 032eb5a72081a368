//! What a folder holds: the contents of its files.
//!
//! Files that an [`Index`] knows are not read; all others are, on all cores.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read},
    os::unix::{ffi::OsStrExt, fs::OpenOptionsExt},
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
};

use rayon::prelude::*;
use rustix::fs::OFlags;
use sha2::{Digest, Sha256};
use stagewright_runtime::{Identity, Moment};

use super::{
    EntryKind, SourceError, SourceTree,
    index::{Content, Index},
    listing::{Item, Listing},
    tree::SourceEntry,
};

const BLOCK_BYTES: usize = 128 << 10;
/// The bit that lets a file's owner run it.
const OWNER_RUNS: u32 = 0o100;

/// What a file held when the file system said this of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    pub(super) identity: Identity,
    pub(super) content: Content,
    /// Whether it holds the same as long as the file system says the same.
    pub(super) is_settled: bool,
}

impl SourceTree {
    /// What it is made of. Reads what the index does not know, and leaves an index there that
    /// does. Blocks.
    ///
    /// # Errors
    /// As [`SourceTree::entries`].
    pub(crate) fn listing(
        &self,
        index: &Path,
        interrupted: &AtomicBool,
    ) -> Result<Listing, SourceError> {
        let mut listing = Listing::new(&self.path);
        for (SourceEntry { path, kind }, held) in self.contents(index, interrupted)? {
            let content = held.map(|held| held.content).unwrap_or_default();
            listing.insert(&path, item(&kind, content), self.root.display())?;
        }
        Ok(listing)
    }

    /// All that belongs to the source, files with what they hold.
    pub(super) fn contents(
        &self,
        index: &Path,
        interrupted: &AtomicBool,
    ) -> Result<Vec<(SourceEntry, Option<Held>)>, SourceError> {
        let (entries, before) = rayon::join(|| self.entries(interrupted), || Index::read(index));
        let entries = entries?.into_par_iter().map(|entry| {
            let held = match entry.kind {
                EntryKind::File(identity) => {
                    Some(self.held(&entry.path, identity, &before, interrupted)?)
                }
                _ => None,
            };
            Ok((entry, held))
        });
        let entries: Vec<(SourceEntry, Option<Held>)> = entries.collect::<Result<_, _>>()?;
        let mut after = Index::default();
        for (entry, held) in &entries {
            if let Some(held) = held.as_ref().filter(|held| held.is_settled) {
                after.insert(&entry.path, held.identity, held.content);
            }
        }
        if after != before
            && let Err(error) = after.write(index)
        {
            tracing::warn!(
                "cannot keep {}, so all of the source will be read again: {error}",
                index.display()
            );
        }
        Ok(entries)
    }

    fn held(
        &self,
        path: &Path,
        identity: Identity,
        index: &Index,
        interrupted: &AtomicBool,
    ) -> Result<Held, SourceError> {
        if let Some(content) = index.content(path, &identity) {
            return Ok(Held {
                identity,
                content,
                is_settled: true,
            });
        }
        // A change after this moment gives the file another identity, if it is settled now.
        let is_settled = identity.is_settled(Moment::now());
        let content = content_of(&self.root.join(path), interrupted)?;
        Ok(Held {
            identity,
            content,
            is_settled,
        })
    }
}

/// What a listing has for an entry; the content counts for files only.
pub(super) fn item(kind: &EntryKind, content: Content) -> Item {
    match kind {
        EntryKind::Folder => Item::Folder,
        EntryKind::Other => Item::Other,
        EntryKind::Link(target) => Item::Link(target.as_os_str().as_bytes().to_owned()),
        EntryKind::File(identity) => Item::File {
            runs: identity.mode & OWNER_RUNS != 0,
            content: content.to_vec(),
        },
    }
}

/// Opens a file, unless a link stands in its place by now.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    OpenOptions::new().read(true).custom_flags(flags).open(path)
}

/// The sha256 of what is in a file.
pub(super) fn content_of(path: &Path, interrupted: &AtomicBool) -> Result<Content, SourceError> {
    let mut file = open(path).map_err(SourceError::io("read", path))?;
    let mut hash = Sha256::new();
    let mut block = vec![0; BLOCK_BYTES];
    loop {
        if interrupted.load(Ordering::Relaxed) {
            return Err(SourceError::Cancelled);
        }
        let read = file
            .read(&mut block)
            .map_err(SourceError::io("read", path))?;
        match block.get(..read) {
            None | Some([]) => return Ok(hash.finalize().into()),
            Some(bytes) => hash.update(bytes),
        }
    }
}
