//! What the tests of images share: a store, and images put together by hand.

mod building;
mod choosing;
mod fuzz;
mod hostile;
mod keeping;
mod runnable;
mod unpacking;

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use super::*;
use crate::folder::{Access, Folder, Interrupt};

/// A store, and room beside it.
pub(super) struct Place {
    root: tempfile::TempDir,
    pub(super) store: Store,
}

impl Place {
    pub(super) fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let store = Store::open(&root.path().join("images")).unwrap();
        Self { root, store }
    }

    pub(super) fn path(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    pub(super) fn put(&self, path: &str, content: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub(super) fn folder(&self, path: &str) -> Folder {
        Folder::open(&self.path(path), Access::Read).unwrap()
    }

    /// An image of one layer with the content of a folder.
    pub(super) fn image(&self, path: &str, target: &str) -> Image {
        let mut draft = Draft::new(&self.store);
        draft
            .add(&self.folder(path), ".", target, &Interrupt::new())
            .unwrap();
        draft.finish(&Interrupt::new()).unwrap()
    }

    pub(super) fn blob(&self, digest: Digest) -> PathBuf {
        self.path("images/blobs/sha256").join(digest.hex())
    }
}

/// What an image may become, where a test is not about that.
pub(super) const LIMITS: UnpackLimits = UnpackLimits {
    bytes: 1 << 30,
    entries: 10_000,
};

pub(super) fn make_executable(path: &Path) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

pub(super) fn code<T: std::fmt::Debug>(result: Result<T, ImageError>) -> &'static str {
    result.unwrap_err().code()
}

/// A layout with one image, put together by hand as a foreign tool would.
pub(super) struct Foreign {
    pub(super) path: PathBuf,
}

impl Foreign {
    pub(super) fn new(path: PathBuf) -> Self {
        fs::create_dir_all(path.join("blobs/sha256")).unwrap();
        fs::write(path.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
        Self { path }
    }

    pub(super) fn blob(&self, media_type: &str, content: &[u8]) -> Value {
        let digest = Digest::of(content);
        fs::write(self.path.join("blobs/sha256").join(digest.hex()), content).unwrap();
        json!({ "mediaType": media_type, "digest": digest.to_string(), "size": content.len() })
    }

    pub(super) fn document(&self, media_type: &str, content: &Value) -> Value {
        self.blob(media_type, &serde_json::to_vec(content).unwrap())
    }

    /// A manifest over layers: the archive, the blob, and what the blob is.
    pub(super) fn manifest(&self, layers: &[(&[u8], &[u8], &str)]) -> Value {
        let diff_ids = layers
            .iter()
            .map(|(archive, ..)| Digest::of(archive).to_string());
        let blobs: Vec<_> = layers
            .iter()
            .map(|(_, blob, kind)| (*blob, *kind))
            .collect();
        self.manifest_over(diff_ids.collect(), &blobs)
    }

    /// A manifest over one layer that says so of its archive, whatever that is.
    pub(super) fn manifest_of(&self, diff_id: &str, blob: &[u8], media_type: &str) -> Value {
        self.manifest_over(vec![diff_id.to_owned()], &[(blob, media_type)])
    }

    fn manifest_over(&self, diff_ids: Vec<String>, blobs: &[(&[u8], &str)]) -> Value {
        let config = json!({
            "architecture": "amd64", "os": "linux",
            "config": { "Env": ["A=1"], "Healthcheck": { "Test": ["CMD", "true"] } },
            "rootfs": { "type": "layers", "diff_ids": diff_ids },
        });
        let config = self.document("application/vnd.oci.image.config.v1+json", &config);
        let layers: Vec<_> = blobs
            .iter()
            .map(|(blob, media_type)| self.blob(media_type, blob))
            .collect();
        let manifest = json!({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": config, "layers": layers,
        });
        self.document("application/vnd.oci.image.manifest.v1+json", &manifest)
    }

    pub(super) fn index(&self, manifests: &[Value]) {
        let index = json!({ "schemaVersion": 2, "manifests": manifests });
        fs::write(
            self.path.join("index.json"),
            serde_json::to_vec(&index).unwrap(),
        )
        .unwrap();
    }

    /// The image of these archives, each compressed with gzip.
    pub(super) fn image(path: PathBuf, archives: &[Vec<u8>]) -> Image {
        let foreign = Self::new(path);
        let blobs: Vec<_> = archives.iter().map(|archive| gzip(archive)).collect();
        let layers: Vec<_> = archives
            .iter()
            .zip(&blobs)
            .map(|(a, b)| (a.as_slice(), b.as_slice(), GZIP))
            .collect();
        foreign.index(&[foreign.manifest(&layers)]);
        Layout::open(&foreign.path)
            .unwrap()
            .image(&Selector::Only)
            .unwrap()
    }
}

pub(super) const GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

pub(super) fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// An entry of an archive, with a header that no library has checked.
pub(super) fn entry(kind: u8, path: &str, link: &str, mode: u32, content: &[u8]) -> Vec<u8> {
    let mut header = tar::Header::new_ustar();
    let bytes = header.as_mut_bytes();
    bytes[..path.len()].copy_from_slice(path.as_bytes());
    bytes[157..157 + link.len()].copy_from_slice(link.as_bytes());
    bytes[156] = kind;
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(1);
    header.set_size(content.len() as u64);
    header.set_cksum();
    let mut entry = header.as_bytes().to_vec();
    entry.extend(content);
    entry.resize(entry.len().next_multiple_of(512), 0);
    entry
}

pub(super) fn archive(entries: &[Vec<u8>]) -> Vec<u8> {
    let mut archive = entries.concat();
    archive.extend([0; 1024]);
    archive
}
