//! The blobs of the host's own store: how content gets in.
//!
//! A blob is written to a temporary file, made durable, and only then given the name of its
//! digest; so whatever has such a name is complete.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use oci_spec::image::Descriptor;
use tempfile::NamedTempFile;

use super::digest::Hashing;
use super::layout::{Layout, blob_path};
use super::partial::Partial;
use super::{Digest, ImageError};
use crate::folder::Interrupt;
use crate::garbage::touch;
use crate::incoming::Incoming;

const COPIED_AT_ONCE: usize = 256 * 1024;

/// Writes blobs below the root of a layout. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Blobs {
    root: PathBuf,
    incoming: Incoming,
}

impl Blobs {
    pub(crate) fn open(root: &Path) -> Result<Self, ImageError> {
        let blobs = root.join("blobs/sha256");
        fs::create_dir_all(&blobs).map_err(ImageError::at("make the folder", &blobs))?;
        let incoming =
            Incoming::open(root).map_err(ImageError::at("open the image store", root))?;
        Ok(Self {
            root: root.to_owned(),
            incoming,
        })
    }

    /// A file for content whose digest is not known yet; it goes away when it is dropped.
    pub(crate) fn incoming(&self) -> Result<NamedTempFile, ImageError> {
        let file = self.incoming.file();
        file.map_err(ImageError::at("make a file in", &self.root))
    }

    /// Whether the content is there; from then on it counts as just used. A blob of another
    /// size is not: it will be replaced.
    pub(crate) fn hold(&self, digest: Digest, size: u64) -> bool {
        // Whoever removes what is old has this lock alone, so nothing that was marked goes.
        let shared = lock_file(&self.root).and_then(|file| {
            let locked = file.lock_shared();
            locked.map_err(ImageError::at("lock", &self.root))?;
            Ok(file)
        });
        let path = self.path(digest);
        let is_there =
            fs::symlink_metadata(&path).is_ok_and(|found| found.is_file() && found.len() == size);
        is_there && shared.is_ok() && touch(&path).is_ok()
    }

    /// Makes a complete file a blob. The caller vouches for its digest.
    pub(crate) fn adopt(
        &self,
        file: NamedTempFile,
        digest: Digest,
        size: u64,
    ) -> Result<(), ImageError> {
        if self.hold(digest, size) {
            return Ok(());
        }
        let path = self.path(digest);
        let publish = || -> io::Result<()> {
            file.as_file()
                .set_permissions(Permissions::from_mode(0o644))?;
            file.as_file().sync_all()?;
            file.persist(&path)?;
            File::open(path.parent().unwrap_or(&self.root))?.sync_all()
        };
        publish().map_err(ImageError::io("keep", format!("the blob {digest}")))
    }

    /// A file for a blob that comes in pieces: what an earlier try has left of it is there.
    pub(crate) fn partial(&self, digest: Digest, size: u64) -> Result<Partial, ImageError> {
        Partial::open(&self.root, digest, size)
    }

    /// Makes what has come in pieces a blob, after its digest and size were checked.
    pub(crate) fn complete(&self, partial: Partial) -> Result<(), ImageError> {
        let (digest, size) = (partial.digest(), partial.size());
        if self.hold(digest, size) {
            return partial.discard();
        }
        partial.publish(&self.path(digest))
    }

    /// Puts a document in.
    pub(crate) fn add(&self, content: &[u8]) -> Result<Digest, ImageError> {
        let digest = Digest::of(content);
        if self.hold(digest, content.len() as u64) {
            return Ok(digest);
        }
        let mut file = self.incoming()?;
        file.write_all(content)
            .map_err(ImageError::io("write", format!("the blob {digest}")))?;
        self.adopt(file, digest, content.len() as u64)?;
        Ok(digest)
    }

    /// Copies a blob from another layout, unless it is here; verifies digest and size.
    pub(crate) fn copy(
        &self,
        from: &Layout,
        descriptor: &Descriptor,
        interrupt: &Interrupt,
    ) -> Result<(), ImageError> {
        let digest: Digest = descriptor.digest().as_ref().parse()?;
        if self.hold(digest, descriptor.size()) {
            return Ok(());
        }
        let what = format!("the blob {digest} in {}", from.label());
        // One byte more than promised is enough to see that it is too long.
        let mut source = from.blob(digest)?.take(descriptor.size().saturating_add(1));
        let mut target = Hashing::new(self.incoming()?);
        let mut buffer = vec![0; COPIED_AT_ONCE];
        loop {
            if interrupt.is_raised() {
                return Err(ImageError::Interrupted);
            }
            let count = source
                .read(&mut buffer)
                .map_err(ImageError::io("read", what.as_str()))?;
            if count == 0 {
                break;
            }
            let read = buffer.get(..count).unwrap_or_default();
            target
                .write_all(read)
                .map_err(ImageError::io("write", format!("the blob {digest}")))?;
        }
        let (file, found, size) = target.finish();
        if size != descriptor.size() {
            let reason = format!(
                "it does not have the {} bytes that its manifest promises",
                descriptor.size()
            );
            return Err(ImageError::Corrupt { what, reason });
        }
        if found != digest {
            return Err(ImageError::Corrupt {
                what,
                reason: format!("its content has the digest {found}"),
            });
        }
        self.adopt(file, digest, size)
    }

    pub(super) fn path(&self, digest: Digest) -> PathBuf {
        self.root.join(blob_path(digest))
    }
}

/// The file whose lock orders changes of the store.
pub(super) fn lock_file(root: &Path) -> Result<File, ImageError> {
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(root.join(".lock"));
    file.map_err(ImageError::at("open the lock of", root))
}
