//! An OCI image layout (image-spec 1.1) on disk, for reading.
//!
//! A layout beside an environment file may come from anybody, so it is read as a guest would
//! read it: through a [`Folder`], with bounds on every document, and nothing is believed
//! before its digest and size were checked.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use oci_spec::image::{Descriptor, ImageIndex, MediaType, OciLayout};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::choice::choose;
use super::reference::{Reference, Selector};
use super::{Digest, Image, ImageError};
use crate::folder::{Access, Folder, FolderError};

/// Manifests, configurations and nested indexes, in bytes; the limit of registries.
pub(crate) const LARGEST_DOCUMENT: u64 = 4 * 1024 * 1024;
/// `index.json`, which grows with every image that is kept.
pub(crate) const LARGEST_INDEX: u64 = 32 * 1024 * 1024;

/// A layout that is there. Clones share the handle.
#[derive(Clone, Debug)]
pub struct Layout {
    folder: Folder,
    /// As the user named it: `oci:images/db`, or the host's store.
    label: String,
    is_store: bool,
}

/// An index, as far as names go.
#[derive(Deserialize)]
struct Names {
    manifests: Vec<Named>,
}

/// What an image is called.
#[derive(Deserialize)]
pub(crate) struct Named {
    pub(crate) digest: String,
    #[serde(default)]
    annotations: Option<HashMap<String, String>>,
}

impl Named {
    /// What it is called in that annotation.
    pub(crate) fn annotation(&self, key: &str) -> Option<&str> {
        self.annotations.as_ref()?.get(key).map(String::as_str)
    }
}

impl Layout {
    /// Opens a layout anywhere on this machine.
    pub fn open(path: &Path) -> Result<Self, ImageError> {
        let label = path.display().to_string();
        let folder = Folder::open(path, Access::Read).map_err(|error| absent(&label, error))?;
        Self::of(folder, label, false)
    }

    /// Opens a layout in a folder that must not be left.
    pub(crate) fn inside(folder: &Folder, path: &str) -> Result<Self, ImageError> {
        let entered = folder.enter(path).map_err(|error| absent(path, error))?;
        Self::of(entered, path.to_owned(), false)
    }

    /// The host's own.
    pub(crate) fn of_store(folder: Folder) -> Result<Self, ImageError> {
        Self::of(folder, "the image store".to_owned(), true)
    }

    fn of(folder: Folder, label: String, is_store: bool) -> Result<Self, ImageError> {
        let layout = Self {
            folder,
            label,
            is_store,
        };
        let text =
            layout
                .small_file("oci-layout", LARGEST_DOCUMENT)
                .map_err(|error| match error {
                    ImageError::Folder(error @ FolderError::NotFound { .. }) => {
                        absent(&layout.label, error)
                    }
                    other => other,
                })?;
        let version: OciLayout = layout.parse(&text, "oci-layout")?;
        match version.image_layout_version().split('.').next() {
            Some("1") => Ok(layout),
            _ => Err(ImageError::Unsupported {
                what: format!(
                    "version `{}` of the layout {}",
                    version.image_layout_version(),
                    layout.label
                ),
                reason: "version 1.0.0 is".to_owned(),
            }),
        }
    }

    /// Opens one of its images: by tag or digest, then by platform.
    pub fn image(&self, selector: &Selector) -> Result<Image, ImageError> {
        let manifest = choose(self, selector)?;
        let digest: Digest = manifest.digest().as_ref().parse()?;
        let reference = match self.is_store {
            true => Reference::Store { name: None, digest },
            false => Reference::Layout {
                folder: self.label.clone(),
                selector: Selector::Digest(digest),
            },
        };
        Image::open(self.clone(), manifest, reference.to_string())
    }

    /// How people know it.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The same, under another name.
    pub(crate) fn labelled(&self, label: String) -> Self {
        Self {
            label,
            ..self.clone()
        }
    }

    pub(crate) fn is_store(&self) -> bool {
        self.is_store
    }

    pub(crate) fn index(&self) -> Result<ImageIndex, ImageError> {
        self.parse(&self.small_file("index.json", LARGEST_INDEX)?, "index.json")
    }

    /// What its images are called. Nothing else of the index is looked at, which makes this
    /// several times faster than [`index`](Self::index).
    pub(crate) fn names(&self) -> Result<Vec<Named>, ImageError> {
        let text = self.small_file("index.json", LARGEST_INDEX)?;
        let names: Names = self.parse(&text, "index.json")?;
        Ok(names.manifests)
    }

    /// The content of a document blob, verified.
    pub(crate) fn document(&self, descriptor: &Descriptor) -> Result<Vec<u8>, ImageError> {
        let digest: Digest = descriptor.digest().as_ref().parse()?;
        let text = self.document_of(digest)?;
        if text.len() as u64 != descriptor.size() {
            return Err(ImageError::Corrupt {
                what: format!("the blob {digest} in {}", self.label),
                reason: format!(
                    "it has {} bytes instead of {}",
                    text.len(),
                    descriptor.size()
                ),
            });
        }
        Ok(text)
    }

    /// The same, when only its digest is known.
    pub(crate) fn document_of(&self, digest: Digest) -> Result<Vec<u8>, ImageError> {
        let what = || format!("the blob {digest} in {}", self.label);
        let mut text = Vec::new();
        let mut file = self.blob(digest)?.take(LARGEST_DOCUMENT + 1);
        file.read_to_end(&mut text)
            .map_err(ImageError::io("read", what()))?;
        if text.len() as u64 > LARGEST_DOCUMENT {
            return Err(ImageError::TooLarge {
                what: what(),
                limit: LARGEST_DOCUMENT,
                unit: "bytes",
            });
        }
        if Digest::of(&text) != digest {
            return Err(ImageError::Corrupt {
                what: what(),
                reason: "its content has another digest".to_owned(),
            });
        }
        Ok(text)
    }

    /// Opens a blob; nothing of it is verified yet.
    pub(crate) fn blob(&self, digest: Digest) -> Result<File, ImageError> {
        self.folder
            .open_file(&blob_path(digest))
            .map_err(|error| match error {
                FolderError::NotFound { .. } => ImageError::NotFound {
                    what: format!("blob {digest}"),
                    place: self.label.clone(),
                },
                other => other.into(),
            })
    }

    /// Fails unless a blob of that digest and size is there. Reads nothing of it.
    pub(crate) fn must_hold(&self, digest: Digest, size: u64) -> Result<(), ImageError> {
        let what = || format!("the blob {digest} in {}", self.label);
        let found = self
            .blob(digest)?
            .metadata()
            .map_err(ImageError::io("look at", what()))?
            .len();
        if found == size {
            return Ok(());
        }
        Err(ImageError::Corrupt {
            what: what(),
            reason: format!("it has {found} bytes instead of {size}"),
        })
    }

    pub(crate) fn parse<T: DeserializeOwned>(
        &self,
        text: &[u8],
        what: &str,
    ) -> Result<T, ImageError> {
        serde_json::from_slice(text).map_err(|error| ImageError::Invalid {
            what: format!("`{what}` in {}", self.label),
            reason: error.to_string(),
        })
    }

    fn small_file(&self, path: &str, limit: u64) -> Result<Vec<u8>, ImageError> {
        let what = || format!("`{path}` in {}", self.label);
        let mut text = Vec::new();
        let file = self.folder.open_file(path)?;
        file.take(limit + 1)
            .read_to_end(&mut text)
            .map_err(ImageError::io("read", what()))?;
        if text.len() as u64 > limit {
            return Err(ImageError::TooLarge {
                what: what(),
                limit,
                unit: "bytes",
            });
        }
        Ok(text)
    }
}

/// Where a blob is, from the root of its layout.
pub(crate) fn blob_path(digest: Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}

/// A manifest of several platforms, by its media type.
pub(crate) fn is_index(media_type: &MediaType) -> bool {
    matches!(media_type, MediaType::ImageIndex)
        || media_type.as_ref() == "application/vnd.docker.distribution.manifest.list.v2+json"
}

fn absent(label: &str, error: FolderError) -> ImageError {
    match error {
        FolderError::NotFound { .. } | FolderError::WrongKind { .. } => ImageError::NotFound {
            what: "OCI image layout".to_owned(),
            place: format!("`{label}`"),
        },
        other => other.into(),
    }
}
