//! What was packed before: from the stamp of an untouched sub-tree to its layer.
//!
//! A note in `.layers/` of the store is only a shortcut. It is believed when it can be read
//! and its blob is there; else the sub-tree is packed again, to the same digest.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use oci_spec::image::Descriptor;
use serde::{Deserialize, Serialize};

use super::super::{Digest, ImageError, Layer, Store};
use crate::folder::Stamp;

/// Changes when the same content is packed to other bytes.
const FORMAT: &str = "1";
const LONGEST_NOTE: u64 = 64 * 1024;
/// Beyond this the oldest are forgotten.
const MOST_NOTES: usize = 4096;

#[derive(Serialize, Deserialize)]
struct Note {
    layer: Descriptor,
    diff_id: String,
}

/// The note of one sub-tree at one target.
pub(super) struct Memory<'a> {
    store: &'a Store,
    folder: PathBuf,
    note: PathBuf,
}

impl<'a> Memory<'a> {
    pub(super) fn of(store: &'a Store, stamp: &Stamp, target: &Path) -> Self {
        let mut key = format!("{FORMAT}\0{}\0", stamp.key).into_bytes();
        key.extend(target.as_os_str().as_bytes());
        let folder = store.root().join(".layers");
        Self {
            store,
            note: folder.join(Digest::of(&key).hex()),
            folder,
        }
    }

    pub(super) fn recall(&self) -> Option<Layer> {
        let mut text = Vec::new();
        fs::File::open(&self.note)
            .ok()?
            .take(LONGEST_NOTE)
            .read_to_end(&mut text)
            .ok()?;
        let note: Note = serde_json::from_slice(&text).ok()?;
        let layer = Layer {
            descriptor: note.layer,
            diff_id: note.diff_id.parse().ok()?,
        };
        self.store
            .blobs()
            .hold(layer.digest().ok()?, layer.descriptor.size())
            .then_some(layer)
    }

    pub(super) fn remember(&self, layer: &Layer) -> Result<(), ImageError> {
        let note = Note {
            layer: layer.descriptor.clone(),
            diff_id: layer.diff_id.to_string(),
        };
        let mut file = self.store.blobs().incoming()?;
        let write = || {
            fs::create_dir_all(&self.folder)?;
            file.write_all(&serde_json::to_vec(&note)?)?;
            file.persist(&self.note)?;
            forget_oldest(&self.folder)
        };
        write().map_err(ImageError::at("note a layer in", &self.folder))
    }
}

fn forget_oldest(folder: &Path) -> std::io::Result<()> {
    let mut notes: Vec<(SystemTime, PathBuf)> = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        // Another process may forget the same one at the same time.
        if let Ok(time) = entry.metadata().and_then(|metadata| metadata.modified()) {
            notes.push((time, entry.path()));
        }
    }
    let surplus = notes.len().saturating_sub(MOST_NOTES);
    if surplus > 0 {
        notes.sort();
        for (_, path) in notes.into_iter().take(surplus) {
            let _ = fs::remove_file(path);
        }
    }
    Ok(())
}
