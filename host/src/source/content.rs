//! What a source holds: the contents of its files and the digest over all of it.
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
    tree::SourceEntry,
};

const BLOCK_BYTES: usize = 128 << 10;
/// The bit that lets a file's owner run it.
const OWNER_RUNS: u32 = 0o100;

/// A file that was read, or was known.
struct Held {
    identity: Identity,
    content: Content,
    /// When reading began; `None` when the index knew it.
    read: Option<Moment>,
}

impl SourceTree {
    /// `sha256:` over where the build works and over the names, kinds, exec bits, contents and
    /// link targets of all entries. The same on every machine. Reads what the index does not
    /// know, and leaves an index there that does. Blocks.
    ///
    /// # Errors
    /// As [`SourceTree::entries`].
    pub(crate) fn digest(
        &self,
        index: &Path,
        interrupted: &AtomicBool,
    ) -> Result<String, SourceError> {
        let mut hash = Sha256::new();
        record(&mut hash, b"source 1", self.path.as_bytes());
        for (SourceEntry { path, kind }, content) in self.contents(index, interrupted)? {
            let name = path.as_os_str().as_bytes();
            match kind {
                EntryKind::Folder => record(&mut hash, b"folder", name),
                EntryKind::Other => record(&mut hash, b"other", name),
                EntryKind::Link(target) => {
                    record(&mut hash, b"link", name);
                    record(&mut hash, b"to", target.as_os_str().as_bytes());
                }
                EntryKind::File(identity) => {
                    let runs = identity.mode & OWNER_RUNS != 0;
                    let kind: &[u8] = if runs { b"program" } else { b"file" };
                    record(&mut hash, kind, name);
                    record(&mut hash, b"content", &content);
                }
            }
        }
        Ok(format!("sha256:{}", hex(&hash.finalize())))
    }

    /// All that belongs to the source, with the contents of files and zeros for all else.
    pub(super) fn contents(
        &self,
        index: &Path,
        interrupted: &AtomicBool,
    ) -> Result<Vec<(SourceEntry, Content)>, SourceError> {
        let (entries, before) = rayon::join(|| self.entries(interrupted), || Index::read(index));
        let entries = entries?;
        let held: Vec<Option<Held>> = entries
            .par_iter()
            .map(|entry| self.held(entry, &before, interrupted))
            .collect::<Result<_, _>>()?;
        let mut after = Index::default();
        for (entry, held) in entries.iter().zip(&held) {
            match held {
                Some(Held {
                    identity,
                    content,
                    read: Some(moment),
                }) => {
                    after.remember(&entry.path, *identity, *content, *moment);
                }
                Some(Held {
                    identity,
                    content,
                    read: None,
                }) => {
                    after.vouch(&entry.path, *identity, *content);
                }
                None => {}
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
        let contents = held
            .into_iter()
            .map(|held| held.map_or([0; 32], |it| it.content));
        Ok(entries.into_iter().zip(contents).collect())
    }

    fn held(
        &self,
        entry: &SourceEntry,
        index: &Index,
        interrupted: &AtomicBool,
    ) -> Result<Option<Held>, SourceError> {
        let EntryKind::File(identity) = entry.kind else {
            return Ok(None);
        };
        if let Some(content) = index.content(&entry.path, &identity) {
            let read = None;
            return Ok(Some(Held {
                identity,
                content,
                read,
            }));
        }
        let read = Moment::now();
        let content = content_of(&self.root.join(&entry.path), interrupted)?;
        let read = Some(read);
        Ok(Some(Held {
            identity,
            content,
            read,
        }))
    }
}

/// Opens a file, unless a link stands in its place by now.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    OpenOptions::new().read(true).custom_flags(flags).open(path)
}

fn content_of(path: &Path, interrupted: &AtomicBool) -> Result<Content, SourceError> {
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

/// Lengths go first, so that no two sequences of records are the same bytes.
fn record(hash: &mut Sha256, kind: &[u8], text: &[u8]) {
    for part in [kind, text] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
