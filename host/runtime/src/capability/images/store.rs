//! The host's own images: an OCI image layout that other tools can read at any time.
//!
//! Blobs only ever appear complete. `index.json` is changed by one writer at a time — many
//! pushes may end at once, in several processes — and replaced as a whole. What stands in it
//! that this program does not know is kept.
//!
//! The newest image of a name has that name as its `org.opencontainers.image.ref.name`, as
//! other tools expect a tag to mean one image. Older ones stay, for rollbacks, and are known
//! by an annotation of our own.

mod sweep;

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use oci_spec::image::ANNOTATION_REF_NAME;
use serde_json::{Map, Value, json};

use super::blobs::Blobs;
use super::layout::Layout;
use super::reference::{Reference, Selector, checked};
use super::{Digest, Image, ImageError};
use crate::folder::{Access, Folder, Interrupt};

const ANNOTATION_KEPT: &str = "dev.stagewright.kept.name";

/// The store. Clones share it.
#[derive(Clone, Debug)]
pub struct Store {
    root: PathBuf,
    layout: Layout,
    blobs: Blobs,
}

/// How far a reference to a layout may reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Only into the folder of the environment file.
    Inside,
    /// Anywhere on this machine; for operators, never for a file that came from elsewhere.
    Anywhere,
}

impl Store {
    /// Opens the store in this folder; makes it when it is not there.
    pub fn open(root: &Path) -> Result<Self, ImageError> {
        let blobs = Blobs::open(root)?;
        let _lock = lock(root)?;
        for (name, content) in [
            ("index.json", json!({ "schemaVersion": 2, "manifests": [] })),
            // The last to be written: from then on the folder is a layout.
            ("oci-layout", json!({ "imageLayoutVersion": "1.0.0" })),
        ] {
            if !root.join(name).exists() {
                replace(&blobs, root, name, &content)?;
            }
        }
        let layout = Layout::of_store(Folder::open(root, Access::Read)?)?;
        Ok(Self {
            root: root.to_owned(),
            layout,
            blobs,
        })
    }

    /// Opens an image of the store, by reference (`layout:…`) or by digest alone.
    pub fn image(&self, reference: &str) -> Result<Image, ImageError> {
        let (name, digest) = match reference.parse::<Digest>() {
            Ok(digest) => (None, digest),
            Err(_) => match reference.parse()? {
                Reference::Store { name, digest } => (name, digest),
                Reference::Layout { .. } => {
                    let expected = "a reference to the image store: `layout:NAME@sha256:…`";
                    return Err(ImageError::Malformed {
                        given: reference.to_owned(),
                        expected,
                    });
                }
            },
        };
        self.open_image(name, digest)
    }

    /// Opens the image that a reference means, here or in a layout. `base` is the folder of
    /// the environment file.
    pub fn resolve(&self, reference: &str, base: &Path, scope: Scope) -> Result<Image, ImageError> {
        match reference.parse()? {
            Reference::Store { name, digest } => self.open_image(name, digest),
            Reference::Layout { folder, selector } => {
                let layout = match scope {
                    Scope::Inside => Layout::inside(&Folder::open(base, Access::Read)?, &folder)?,
                    Scope::Anywhere => Layout::open(&base.join(folder))?,
                };
                layout.image(&selector)
            }
        }
    }

    /// Marks everything that an image of the store consists of as just used. Of an image that
    /// is elsewhere nothing is marked, as nothing there is ever removed.
    ///
    /// # Errors
    /// When some of it was removed meanwhile.
    pub fn hold(&self, image: &Image) -> Result<(), ImageError> {
        if !image.layout().is_store() {
            return Ok(());
        }
        for blob in image.blobs() {
            let digest: Digest = blob.digest().as_ref().parse()?;
            if !self.blobs.hold(digest, blob.size()) {
                return Err(ImageError::NotFound {
                    what: format!("blob {digest}"),
                    place: image.layout().label().to_owned(),
                });
            }
        }
        Ok(())
    }

    /// The reference of the image with this digest, if it is kept under this name.
    pub fn kept(&self, name: &str, digest: &str) -> Result<Option<String>, ImageError> {
        let digest: Digest = digest.parse()?;
        let name = checked(name)?.to_owned();
        let is_kept = self.layout.names()?.iter().any(|entry| {
            let mut names = [ANNOTATION_REF_NAME, ANNOTATION_KEPT].iter();
            entry.digest == digest.to_string()
                && names.any(|key| entry.annotation(key) == Some(&name))
        });
        if !is_kept {
            return Ok(None);
        }
        match self.open_image(Some(name), digest) {
            Ok(image) => Ok(Some(image.reference().to_owned())),
            // It is not complete any more, so it has to be brought here again.
            Err(ImageError::NotFound { .. } | ImageError::Corrupt { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Keeps an image under a name. Copies what is not here yet, and verifies it. The answer
    /// is its reference: `layout:NAME@sha256:…`.
    pub fn keep(
        &self,
        image: &Image,
        name: &str,
        interrupt: &Interrupt,
    ) -> Result<String, ImageError> {
        let name = checked(name)?;
        for blob in image.blobs() {
            self.blobs.copy(image.layout(), blob, interrupt)?;
        }
        let _lock = lock(&self.root)?;
        let path = self.root.join("index.json");
        let text = fs::read(&path).map_err(ImageError::at("read", &path))?;
        let mut index: Value = self.layout.parse(&text, "index.json")?;
        let manifests = index
            .get_mut("manifests")
            .and_then(Value::as_array_mut)
            .ok_or_else(|| ImageError::Invalid {
                what: "`index.json` in the image store".to_owned(),
                reason: "it has no list of manifests".to_owned(),
            })?;
        enter(manifests, image, name);
        replace(&self.blobs, &self.root, "index.json", &index)?;
        Ok(Reference::Store {
            name: Some(name.to_owned()),
            digest: image.digest(),
        }
        .to_string())
    }

    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn blobs(&self) -> &Blobs {
        &self.blobs
    }

    fn open_image(&self, name: Option<String>, digest: Digest) -> Result<Image, ImageError> {
        let image = self.layout.image(&Selector::Digest(digest))?;
        let digest = image.digest();
        Ok(image.named(Reference::Store { name, digest }.to_string()))
    }
}

/// Makes the image the one that the name means; the one that it meant before stays.
fn enter(manifests: &mut Vec<Value>, image: &Image, name: &str) {
    let is_this = |entry: &Value| is_of(entry, image.digest()) && has_name(entry, name);
    for entry in manifests
        .iter_mut()
        .filter(|entry| annotation(entry, ANNOTATION_REF_NAME) == Some(name))
    {
        if let Some(annotations) = entry.get_mut("annotations").and_then(Value::as_object_mut) {
            annotations.remove(ANNOTATION_REF_NAME);
            annotations.insert(ANNOTATION_KEPT.to_owned(), json!(name));
        }
    }
    manifests.retain(|entry| !is_this(entry));
    let (os, architecture) = image.platform();
    let descriptor = image.manifest();
    manifests.push(json!({
        "mediaType": descriptor.media_type(),
        "digest": descriptor.digest(),
        "size": descriptor.size(),
        "platform": { "architecture": architecture, "os": os },
        "annotations": { ANNOTATION_REF_NAME: name, ANNOTATION_KEPT: name },
    }));
}

fn is_of(entry: &Value, digest: Digest) -> bool {
    entry
        .get("digest")
        .and_then(Value::as_str)
        .is_some_and(|found| found == digest.to_string())
}

fn has_name(entry: &Value, name: &str) -> bool {
    [ANNOTATION_REF_NAME, ANNOTATION_KEPT]
        .iter()
        .any(|key| annotation(entry, key) == Some(name))
}

fn annotation<'a>(entry: &'a Value, key: &str) -> Option<&'a str> {
    let annotations: &Map<String, Value> = entry.get("annotations")?.as_object()?;
    annotations.get(key)?.as_str()
}

fn lock(root: &Path) -> Result<File, ImageError> {
    let file = super::blobs::lock_file(root)?;
    file.lock().map_err(ImageError::at("lock", root))?;
    Ok(file)
}

/// Puts a document in the place of another, durably and as a whole.
fn replace(blobs: &Blobs, root: &Path, name: &str, content: &Value) -> Result<(), ImageError> {
    let mut file = blobs.incoming()?;
    let write = || -> io::Result<()> {
        file.write_all(&serde_json::to_vec(content)?)?;
        use std::os::unix::fs::PermissionsExt;
        file.as_file()
            .set_permissions(fs::Permissions::from_mode(0o644))?;
        file.as_file().sync_all()?;
        file.persist(root.join(name))?;
        File::open(root)?.sync_all()
    };
    write().map_err(ImageError::io(
        "write",
        format!("`{name}` of the image store"),
    ))
}
