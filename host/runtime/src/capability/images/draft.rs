//! An image that is being put together.
//!
//! Nothing of it depends on when, where or by whom it is made: times are zero, owners are
//! root, order is fixed. Equal inputs give an equal digest on every machine, which is what
//! makes "unchanged" a comparison of two strings.

use oci_spec::image::{Arch, Descriptor, MediaType, Os};
use serde_json::{Map, Value, json};

use super::layout::LARGEST_DOCUMENT;
use super::pack::{PackedAt, Packer};
use super::{Digest, Image, ImageConfig, ImageError, Layer, Store};
use crate::folder::{Folder, Interrupt, Moment};

/// 1970-01-01; the specification allows leaving it out, some tools show it.
const CREATED: &str = "1970-01-01T00:00:00Z";
/// Layers over those of the base.
const MOST_LAYERS: usize = 100;

/// An image that does not exist yet.
#[derive(Clone, Debug)]
pub struct Draft {
    store: Store,
    base: Option<Image>,
    layers: Vec<Layer>,
    config: ImageConfig,
}

impl Draft {
    /// Begins with nothing.
    #[must_use]
    pub fn new(store: &Store) -> Self {
        Self {
            store: store.clone(),
            base: None,
            layers: Vec::new(),
            config: ImageConfig::default(),
        }
    }

    /// Begins with all that another image has.
    #[must_use]
    pub fn from_base(store: &Store, base: &Image) -> Self {
        Self {
            base: Some(base.clone()),
            ..Self::new(store)
        }
    }

    /// Adds the file or sub-tree `path` of `source` at `target`, an absolute path in the image:
    /// as one layer, or several when it is large. Parts that were packed before and have not
    /// been touched since are not read again.
    pub fn add(
        &mut self,
        source: &Folder,
        path: &str,
        target: &str,
        interrupt: &Interrupt,
    ) -> Result<(), ImageError> {
        self.add_at(source, path, target, Moment::now, interrupt)
    }

    /// The same, with the time of a clock that the caller knows.
    pub(crate) fn add_at(
        &mut self,
        source: &Folder,
        path: &str,
        target: &str,
        clock: fn() -> Moment,
        interrupt: &Interrupt,
    ) -> Result<(), ImageError> {
        let most = MOST_LAYERS.saturating_sub(self.layers.len());
        if most == 0 {
            let what = "the new image".to_owned();
            return Err(ImageError::TooLarge {
                what,
                limit: MOST_LAYERS as u64,
                unit: "layers",
            });
        }
        let packer = Packer {
            store: &self.store,
            most,
            clock,
            interrupt,
        };
        let target = PackedAt::parse(target)?;
        let layers = packer.layers(source, path, &target)?;
        self.layers.extend(layers);
        Ok(())
    }

    /// Says how it is run. What this leaves empty stays as it was.
    pub fn configure(&mut self, config: ImageConfig) {
        let mut section = Map::new();
        self.config.write(&mut section);
        config.write(&mut section);
        self.config = ImageConfig::read(&json!({ "config": section }));
    }

    /// Puts it into the store: complete, but kept under no name yet.
    pub fn finish(self, interrupt: &Interrupt) -> Result<Image, ImageError> {
        let mut layers = Vec::new();
        if let Some(base) = &self.base {
            for layer in base.layers() {
                self.store
                    .blobs()
                    .copy(base.layout(), &layer.descriptor, interrupt)?;
            }
            layers.extend_from_slice(base.layers());
        }
        layers.extend_from_slice(&self.layers);
        let config = self.document(MediaType::ImageConfig, &self.config_document(&layers))?;
        let descriptors: Vec<_> = layers.iter().map(|layer| &layer.descriptor).collect();
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MediaType::ImageManifest,
            "config": config,
            "layers": descriptors,
        });
        let manifest = self.document(MediaType::ImageManifest, &manifest)?;
        self.store.image(manifest.digest().as_ref())
    }

    fn config_document(&self, layers: &[Layer]) -> Value {
        let diff_ids: Vec<_> = layers
            .iter()
            .map(|layer| layer.diff_id.to_string())
            .collect();
        let mut document = match self.base.as_ref().map(Image::raw_config) {
            Some(Value::Object(base)) => base.clone(),
            _ => Map::from_iter([
                ("architecture".to_owned(), json!(Arch::default())),
                ("os".to_owned(), json!(Os::default())),
            ]),
        };
        let mut section = document
            .get("config")
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default();
        self.config.write(&mut section);
        document.insert("created".to_owned(), json!(CREATED));
        document.insert("config".to_owned(), Value::Object(section));
        document.insert(
            "rootfs".to_owned(),
            json!({ "type": "layers", "diff_ids": diff_ids }),
        );
        // It would have to name every layer, and says nothing that others rely on.
        document.remove("history");
        Value::Object(document)
    }

    fn document(&self, media_type: MediaType, content: &Value) -> Result<Descriptor, ImageError> {
        let what = || "the new image".to_owned();
        let text = serde_json::to_vec(content).map_err(|error| ImageError::Invalid {
            what: what(),
            reason: error.to_string(),
        })?;
        if text.len() as u64 > LARGEST_DOCUMENT {
            return Err(ImageError::TooLarge {
                what: what(),
                limit: LARGEST_DOCUMENT,
                unit: "bytes of configuration",
            });
        }
        let digest = self.store.blobs().add(&text)?;
        describe(media_type, digest, text.len() as u64)
    }
}

/// A descriptor of a blob.
pub(crate) fn describe(
    media_type: MediaType,
    digest: Digest,
    size: u64,
) -> Result<Descriptor, ImageError> {
    let text = digest.to_string();
    let digest: oci_spec::image::Digest = text.parse().map_err(|_| ImageError::Malformed {
        given: text,
        expected: "a digest",
    })?;
    Ok(Descriptor::new(media_type, size, digest))
}
