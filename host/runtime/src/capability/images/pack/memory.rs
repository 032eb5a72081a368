//! What was packed before: from the stamp of untouched files, or the digest of an archive, to
//! their layer.
//!
//! A note in `.layers/` of the store is only a shortcut. It is believed when it can be read
//! and its blob is there; else the files are packed again, to the same digest.

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use oci_spec::image::Descriptor;
use serde::{Deserialize, Serialize};

use super::super::{Digest, ImageError, Layer, Store};
use crate::folder::Stamp;

/// Changes when the same content is packed to other bytes.
const FORMAT: &str = "2";
const LONGEST_NOTE: u64 = 64 * 1024;
/// Beyond this the oldest are forgotten.
const MOST_NOTES: usize = 4096;

#[derive(Serialize, Deserialize)]
struct Note {
    layer: Descriptor,
    diff_id: String,
}

/// The notes of a store.
pub(in crate::capability::images) struct Memory<'a> {
    store: &'a Store,
    folder: PathBuf,
}

impl<'a> Memory<'a> {
    pub(in crate::capability::images) fn of(store: &'a Store) -> Self {
        let folder = store.root().join(".layers");
        Self { store, folder }
    }

    /// The layer that files with this stamp were packed into for this target.
    pub(super) fn recall(&self, stamp: &Stamp, target: &Path) -> Option<Layer> {
        self.read(&self.note(stamp, target))
    }

    /// The layer that an archive of this digest was packed into.
    pub(in crate::capability::images) fn recall_archive(&self, diff_id: Digest) -> Option<Layer> {
        let layer = self.read(&self.archive_note(diff_id))?;
        (layer.diff_id == diff_id).then_some(layer)
    }

    fn read(&self, note: &Path) -> Option<Layer> {
        let mut text = Vec::new();
        fs::File::open(note)
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

    pub(super) fn remember(
        &self,
        stamp: &Stamp,
        target: &Path,
        layer: &Layer,
    ) -> Result<(), ImageError> {
        self.write(&self.note(stamp, target), layer)
    }

    pub(in crate::capability::images) fn remember_archive(
        &self,
        layer: &Layer,
    ) -> Result<(), ImageError> {
        self.write(&self.archive_note(layer.diff_id), layer)
    }

    fn write(&self, place: &Path, layer: &Layer) -> Result<(), ImageError> {
        let note = Note {
            layer: layer.descriptor.clone(),
            diff_id: layer.diff_id.to_string(),
        };
        let mut file = self.store.blobs().incoming()?;
        let write = || {
            fs::create_dir_all(&self.folder)?;
            file.write_all(&serde_json::to_vec(&note)?)?;
            file.persist(place)?;
            Ok(())
        };
        write().map_err(ImageError::at("note a layer in", &self.folder))
    }

    /// Forgets the oldest notes when there are too many.
    pub(in crate::capability::images) fn tidy(&self) -> Result<(), ImageError> {
        match forget_oldest(&self.folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(ImageError::at("clear", &self.folder)(error))
            }
            _ => Ok(()),
        }
    }

    fn archive_note(&self, diff_id: Digest) -> PathBuf {
        let key = format!("{FORMAT}\0archive\0{diff_id}");
        self.folder.join(Digest::of(key.as_bytes()).hex())
    }

    fn note(&self, stamp: &Stamp, target: &Path) -> PathBuf {
        let mut key = format!("{FORMAT}\0{}\0", stamp.key()).into_bytes();
        key.extend(target.as_os_str().as_bytes());
        self.folder.join(Digest::of(&key).hex())
    }
}

fn forget_oldest(folder: &Path) -> io::Result<()> {
    let entries: Vec<_> = fs::read_dir(folder)?.collect::<Result<_, _>>()?;
    let surplus = entries.len().saturating_sub(MOST_NOTES);
    if surplus == 0 {
        return Ok(());
    }
    // Another process may forget the same ones at the same time.
    let noted = entries.iter().filter_map(|entry| {
        let time: SystemTime = entry.metadata().and_then(|it| it.modified()).ok()?;
        Some((time, entry.path()))
    });
    let mut noted: Vec<_> = noted.collect();
    noted.sort();
    for (_, path) in noted.into_iter().take(surplus) {
        let _ = fs::remove_file(path);
    }
    Ok(())
}
