//! An image as a folder: its layers, one over the other.
//!
//! Images come from anywhere, so nothing in a layer is believed: paths and links stay inside,
//! devices and set-user-id bits are refused, sizes are counted as they come out, and digests
//! are checked in the end. All of it happens in a folder beside the target, which takes the
//! target's name only when everything is complete and on disk: it is never half there.

mod archive;
mod blob;
mod tree;

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use self::blob::Meter;
use self::tree::Tree;
use super::{Image, ImageError};
use crate::folder::{Directory, Interrupt};

/// How much an image may become on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnpackLimits {
    /// Of all layers before compression, archive headers included.
    pub bytes: u64,
    /// Files, directories and links of all layers.
    pub entries: u64,
}

/// Unpacks an image to `target`, which must not exist yet; its parent must. Digests of all
/// layers are verified. After an error, or an interruption, there is nothing at `target`.
pub fn unpack(
    image: &Image,
    target: &Path,
    limits: &UnpackLimits,
    interrupt: &Interrupt,
) -> Result<(), ImageError> {
    if target.symlink_metadata().is_ok() {
        return Err(ImageError::Occupied);
    }
    let site = Site::claim(target)?;
    let directory =
        Directory::open(&site.path).map_err(ImageError::io("open", "the new release"))?;
    let mut tree = Tree::new(directory.clone());
    let mut meter = Meter::new(*limits, interrupt);
    for layer in image.layers() {
        let blob = image.layout().blob(layer.digest()?)?;
        blob::read(blob, layer, &mut meter, |archive, meter| {
            archive::extract(archive, &mut tree, meter)
        })?;
        tree.end_layer();
    }
    tree.check_links(interrupt)?;
    directory
        .sync_file_system()
        .map_err(ImageError::io("write", "the new release to disk"))?;
    if interrupt.is_raised() {
        return Err(ImageError::Interrupted);
    }
    site.publish(target)
}

/// The folder in which the release is put together. It is removed when it is not published.
struct Site {
    path: PathBuf,
    /// The folder itself, locked: whoever else comes here is told so.
    claim: File,
    is_published: bool,
}

impl Site {
    /// Takes the one place where this target is put together, and clears what an earlier run
    /// has left there.
    fn claim(target: &Path) -> Result<Self, ImageError> {
        let (Some(parent), Some(name)) = (target.parent(), target.file_name()) else {
            let expected = "a path for a release";
            return Err(ImageError::Malformed {
                given: target.display().to_string(),
                expected,
            });
        };
        let path = parent.join(format!(".{}.unpacking", name.to_string_lossy()));
        match fs::DirBuilder::new().mode(0o755).create(&path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(ImageError::at("make the folder", &path)(error));
            }
            _ => {}
        }
        let claim = File::open(&path).map_err(ImageError::at("open", &path))?;
        if claim.try_lock().is_err() || !is_at(&claim, &path) {
            return Err(ImageError::Occupied);
        }
        let site = Self {
            path,
            claim,
            is_published: false,
        };
        site.clear().map_err(ImageError::at("clear", &site.path))?;
        Ok(site)
    }

    fn clear(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            match entry.file_type()?.is_dir() {
                true => fs::remove_dir_all(entry.path())?,
                false => fs::remove_file(entry.path())?,
            }
        }
        Ok(())
    }

    fn publish(mut self, target: &Path) -> Result<(), ImageError> {
        if target.symlink_metadata().is_ok() {
            return Err(ImageError::Occupied);
        }
        fs::rename(&self.path, target).map_err(ImageError::at("publish", target))?;
        self.is_published = true;
        let parent = target.parent().unwrap_or(Path::new("."));
        File::open(parent)
            .and_then(|parent| parent.sync_all())
            .map_err(ImageError::at("publish", target))
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        // What cannot be removed now is cleared by the next run that comes here.
        if !self.is_published && self.clear().is_ok() && is_at(&self.claim, &self.path) {
            let _ = fs::remove_dir(&self.path);
        }
    }
}

/// Whether the path still leads to this folder: another process may have published it.
fn is_at(folder: &File, path: &Path) -> bool {
    match (folder.metadata(), fs::symlink_metadata(path)) {
        (Ok(held), Ok(found)) => held.ino() == found.ino() && held.dev() == found.dev(),
        _ => false,
    }
}
