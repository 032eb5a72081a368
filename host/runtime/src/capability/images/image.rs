//! An image that exists: which it is, where it is, and what it says about itself.

use std::sync::Arc;

use oci_spec::image::{Descriptor, ImageConfiguration, ImageManifest, MediaType};
use serde_json::Value;

use super::layout::{LARGEST_DOCUMENT, Layout};
use super::{Digest, ImageConfig, ImageError};
use crate::capability::registry::Repository;

/// Layers of one image; overlay file systems end far below.
const MOST_LAYERS: usize = 512;

/// An image in a layout or in a registry. Clones share what was read.
#[derive(Clone, Debug)]
pub struct Image {
    digest: Digest,
    reference: String,
    /// Where its documents are, and its layers unless they are still in `origin`.
    layout: Layout,
    /// The repository that holds those layers that the layout does not.
    origin: Option<Repository>,
    documents: Arc<Documents>,
}

/// What was read and verified when the image was opened.
#[derive(Debug)]
struct Documents {
    /// Of the manifest.
    descriptor: Descriptor,
    config: Value,
    config_descriptor: Descriptor,
    layers: Vec<Layer>,
    platform: (String, String),
}

/// A layer, packed and unpacked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// Kind, digest and size of the blob.
    pub descriptor: Descriptor,
    /// The digest of the archive before compression.
    pub diff_id: Digest,
}

impl Layer {
    /// The digest of the blob.
    pub fn digest(&self) -> Result<Digest, ImageError> {
        self.descriptor.digest().as_ref().parse()
    }
}

impl Image {
    /// Opens the image that this manifest describes; looks for all its blobs.
    pub(crate) fn open(
        layout: Layout,
        manifest: Descriptor,
        reference: String,
    ) -> Result<Self, ImageError> {
        let image = Self::read(layout, manifest, reference)?;
        image.must_be_whole()?;
        Ok(image)
    }

    /// Opens an image of a registry, whose documents are in the layout and whose layers need
    /// not be.
    pub(crate) fn in_registry(
        layout: Layout,
        manifest: Descriptor,
        origin: Repository,
    ) -> Result<Self, ImageError> {
        let digest = manifest.digest().as_ref().parse()?;
        let image = Self::read(layout, manifest, origin.at(digest))?;
        Ok(Self {
            origin: Some(origin),
            ..image
        })
    }

    /// The same image, with its layers in its layout.
    pub(crate) fn brought_here(&self, reference: String) -> Result<Self, ImageError> {
        self.must_be_whole()?;
        Ok(Self {
            reference,
            origin: None,
            ..self.clone()
        })
    }

    fn must_be_whole(&self) -> Result<(), ImageError> {
        for layer in self.layers() {
            self.layout
                .must_hold(layer.digest()?, layer.descriptor.size())?;
        }
        Ok(())
    }

    fn read(layout: Layout, manifest: Descriptor, reference: String) -> Result<Self, ImageError> {
        let digest: Digest = manifest.digest().as_ref().parse()?;
        let text = layout.document(&manifest)?;
        let what = || format!("the manifest {digest}");
        let parsed: ImageManifest = parse(&text, what)?;
        // What it calls itself is what it is taken for when it is found by its digest alone.
        if let Some(kind) = parsed.media_type()
            && !Self::is_manifest(kind)
        {
            return Err(ImageError::Invalid {
                what: what(),
                reason: format!("it calls itself `{kind}`"),
            });
        }
        let config_descriptor = parsed.config().clone();
        if !matches!(config_descriptor.media_type(), MediaType::ImageConfig)
            && config_descriptor.media_type().as_ref()
                != "application/vnd.docker.container.image.v1+json"
        {
            return Err(ImageError::Unsupported {
                what: format!(
                    "{} of the kind `{}`",
                    what(),
                    config_descriptor.media_type()
                ),
                reason: "only container images are".to_owned(),
            });
        }
        let text = layout.document(&config_descriptor)?;
        let what = || format!("the configuration of the image {digest}");
        let config: Value = parse(&text, what)?;
        let typed: ImageConfiguration = parse(&text, what)?;
        let layers = layers(&parsed, &typed, what)?;
        let platform = (typed.os().to_string(), typed.architecture().to_string());
        let documents = Documents {
            descriptor: manifest,
            config,
            config_descriptor,
            layers,
            platform,
        };
        Ok(Self {
            digest,
            reference,
            layout,
            origin: None,
            documents: Arc::new(documents),
        })
    }

    /// Of the manifest.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// By digest; what [`Store::resolve`](super::Store::resolve) takes.
    #[must_use]
    pub fn reference(&self) -> &str {
        &self.reference
    }

    /// Where it is: `layout`, `registry`.
    #[must_use]
    pub fn location(&self) -> &'static str {
        match self.origin {
            None => "layout",
            Some(_) => "registry",
        }
    }

    /// The repository that holds its layers, when they are not here.
    pub(crate) fn origin(&self) -> Option<&Repository> {
        self.origin.as_ref()
    }

    /// What it says about how it is run.
    #[must_use]
    pub fn config(&self) -> ImageConfig {
        ImageConfig::read(&self.documents.config)
    }

    /// Bytes of all its blobs: manifest, configuration, layers.
    #[must_use]
    pub fn size(&self) -> u64 {
        let layers = self
            .documents
            .layers
            .iter()
            .map(|layer| layer.descriptor.size());
        let documents = [
            self.documents.descriptor.size(),
            self.documents.config_descriptor.size(),
        ];
        layers.chain(documents).fold(0, u64::saturating_add)
    }

    fn is_manifest(kind: &MediaType) -> bool {
        matches!(kind, MediaType::ImageManifest)
            || kind.as_ref() == "application/vnd.docker.distribution.manifest.v2+json"
    }

    /// From the lowest to the highest.
    #[must_use]
    pub fn layers(&self) -> &[Layer] {
        &self.documents.layers
    }

    /// Operating system and architecture, as Go names them.
    #[must_use]
    pub fn platform(&self) -> (&str, &str) {
        (&self.documents.platform.0, &self.documents.platform.1)
    }

    /// The same image under another reference.
    pub(crate) fn named(self, reference: String) -> Self {
        Self { reference, ..self }
    }

    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }

    pub(crate) fn raw_config(&self) -> &Value {
        &self.documents.config
    }

    pub(crate) fn manifest(&self) -> &Descriptor {
        &self.documents.descriptor
    }

    /// Kind, digest and size of the configuration.
    pub(crate) fn config_descriptor(&self) -> &Descriptor {
        &self.documents.config_descriptor
    }

    /// Descriptors of everything it is made of, the manifest last.
    pub(crate) fn blobs(&self) -> impl Iterator<Item = &Descriptor> {
        let layers = self.documents.layers.iter().map(|layer| &layer.descriptor);
        layers.chain([
            &self.documents.config_descriptor,
            &self.documents.descriptor,
        ])
    }
}

fn parse<T: serde::de::DeserializeOwned>(
    text: &[u8],
    what: impl Fn() -> String,
) -> Result<T, ImageError> {
    debug_assert!(text.len() as u64 <= LARGEST_DOCUMENT);
    serde_json::from_slice(text).map_err(|error| ImageError::Invalid {
        what: what(),
        reason: error.to_string(),
    })
}

fn layers(
    manifest: &ImageManifest,
    config: &ImageConfiguration,
    what: impl Fn() -> String,
) -> Result<Vec<Layer>, ImageError> {
    let (blobs, diff_ids) = (manifest.layers(), config.rootfs().diff_ids());
    if blobs.len() > MOST_LAYERS {
        return Err(ImageError::TooLarge {
            what: what(),
            limit: MOST_LAYERS as u64,
            unit: "layers",
        });
    }
    if blobs.len() != diff_ids.len() {
        let reason = format!(
            "it names {} layers, its manifest {}",
            diff_ids.len(),
            blobs.len()
        );
        return Err(ImageError::Invalid {
            what: what(),
            reason,
        });
    }
    let pair = |(blob, diff_id): (&Descriptor, &String)| {
        Ok(Layer {
            descriptor: blob.clone(),
            diff_id: diff_id.parse()?,
        })
    };
    blobs.iter().zip(diff_ids).map(pair).collect()
}
