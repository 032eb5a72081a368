//! An image of the engine, taken into the host's store.
//!
//! What comes is the archive of `docker save`: `manifest.json` names the configuration and the
//! layers by their paths in it. Both shapes are read, the older with a folder for each layer
//! and the newer that is an OCI layout as well.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read};

use futures::{StreamExt, pin_mut};
use serde::Deserialize;
use tar::{Archive, EntryType};

use super::pipe::{self, Receiving};
use super::{Engine, Error};
use crate::capability::images::{Digest, Image, ImageError, Spool, Store};
use crate::folder::Interrupt;

/// What names everything else.
const MANIFEST: &str = "manifest.json";
/// The largest document, in bytes.
const LARGEST: u64 = 4 * 1024 * 1024;
/// Bytes of all documents of an archive.
const LARGEST_OF_ALL: usize = 64 * 1024 * 1024;
/// Files in an archive.
const MOST_ENTRIES: usize = 10_000;

/// One image of the archive.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Named {
    config: String,
    layers: Vec<String>,
}

/// What an archive holds, by path.
#[derive(Default)]
struct Contents {
    documents: HashMap<String, Vec<u8>>,
    layers: HashMap<String, Spool>,
    /// Files that only point to others.
    links: HashMap<String, String>,
}

impl Engine {
    /// The image in the host's store. Nothing is moved when it is there already.
    pub(super) async fn export(
        &self,
        id: &str,
        store: &Store,
        interrupt: &Interrupt,
    ) -> Result<Image, Error> {
        if let Some(image) = self.recall(id, store).await? {
            return Ok(image);
        }
        let what = format!("the image {id}");
        let client = self.patient().await?;
        let (feeding, receiving) = pipe::receiving();
        let (store, interrupt) = (store.clone(), interrupt.clone());
        let taken = tokio::task::spawn_blocking(move || take(receiving, &store, &interrupt));
        let pieces = client.export_image(id);
        pin_mut!(pieces);
        let mut failed = None;
        while let Some(piece) = pieces.next().await {
            match piece {
                Ok(piece) => {
                    if !feeding.feed(piece).await {
                        break;
                    }
                }
                Err(answer) => {
                    failed = Some(self.failed(&what)(answer));
                    break;
                }
            }
        }
        match failed {
            None => feeding.finish().await,
            Some(_) => drop(feeding),
        }
        let taken = taken.await.map_err(|error| Error::Broken {
            what: what.clone(),
            cause: error.to_string(),
        })?;
        match failed {
            Some(error) => Err(error),
            None => Ok(taken?),
        }
    }

    /// The image, put together from what earlier ones have brought into the store.
    async fn recall(&self, id: &str, store: &Store) -> Result<Option<Image>, Error> {
        let Ok(digest) = id.parse::<Digest>() else {
            return Ok(None);
        };
        let store = store.clone();
        let recalled = tokio::task::spawn_blocking(move || {
            let config = store.configuration(digest)?;
            let diff_ids = crate::capability::images::diff_ids(&config).ok()?;
            let layers: Option<Vec<_>> = diff_ids.into_iter().map(|id| store.layer(id)).collect();
            Some(store.assemble(&config, &layers?))
        });
        let recalled = recalled.await.map_err(|error| Error::Broken {
            what: "a search in the image store".to_owned(),
            cause: error.to_string(),
        })?;
        Ok(recalled.transpose()?)
    }
}

/// Reads the archive to its end. Blocking.
fn take(archive: Receiving, store: &Store, interrupt: &Interrupt) -> Result<Image, ImageError> {
    let mut contents = Contents::default();
    let mut archive = Archive::new(archive);
    let entries = archive.entries().map_err(broken)?;
    for (count, entry) in entries.enumerate() {
        if count == MOST_ENTRIES {
            return Err(too_large(MOST_ENTRIES as u64, "files"));
        }
        let entry = entry.map_err(broken)?;
        contents.take(entry, store, interrupt)?;
    }
    let named: Vec<Named> = match contents.documents.get(MANIFEST) {
        Some(text) => serde_json::from_slice(text).map_err(|error| invalid(error.to_string()))?,
        None => return Err(invalid(format!("it has no `{MANIFEST}`"))),
    };
    let [named] = <[Named; 1]>::try_from(named)
        .map_err(|several| invalid(format!("it holds {} images", several.len())))?;
    let config = contents.documents.remove(&named.config);
    let config = config.ok_or_else(|| invalid(format!("it has no `{}`", named.config)))?;
    let mut layers = Vec::new();
    for diff_id in crate::capability::images::diff_ids(&config)? {
        if let Some(layer) = store.layer(diff_id) {
            layers.push(layer);
            continue;
        }
        let spool = contents.spool(&named, diff_id);
        let spool = spool.ok_or_else(|| invalid(format!("the layer {diff_id} is not in it")))?;
        layers.push(store.pack(spool, interrupt)?);
    }
    store.assemble(&config, &layers)
}

impl Contents {
    fn take(
        &mut self,
        mut entry: tar::Entry<'_, impl Read>,
        store: &Store,
        interrupt: &Interrupt,
    ) -> Result<(), ImageError> {
        let path = entry.path().map_err(broken)?.to_string_lossy().into_owned();
        let kind = entry.header().entry_type();
        if kind == EntryType::Symlink || kind == EntryType::Link {
            if let Some(target) = entry.link_name().map_err(broken)? {
                let target = target.to_string_lossy().into_owned();
                self.links.insert(path, target);
            }
            return Ok(());
        }
        if kind != EntryType::Regular {
            return Ok(());
        }
        let size = entry.header().size().map_err(broken)?;
        let mut content = BufReader::new(&mut entry);
        let is_document = size <= LARGEST
            && content
                .fill_buf()
                .map_err(broken)?
                .first()
                .is_some_and(|first| matches!(first, b'{' | b'['));
        if !is_document {
            if size > 1024 || path.ends_with(".tar") {
                self.layers
                    .insert(path, store.spool(&mut content, interrupt)?);
            }
            return Ok(());
        }
        let mut text = Vec::new();
        content.read_to_end(&mut text).map_err(broken)?;
        let all: usize = self.documents.values().map(Vec::len).sum();
        if all + text.len() > LARGEST_OF_ALL {
            return Err(too_large(LARGEST_OF_ALL as u64, "bytes of documents"));
        }
        self.documents.insert(path, text);
        Ok(())
    }

    /// The layer of that digest; layers that are alike are in the archive once.
    fn spool(&mut self, named: &Named, diff_id: Digest) -> Option<Spool> {
        let is_it = |path: &&String| {
            let layers = self.layers.get(path.as_str());
            layers.is_some_and(|spool| spool.diff_id() == diff_id)
        };
        let path = named.layers.iter().find(is_it).cloned();
        let path = path.or_else(|| {
            let mut linked = self.links.values().map(|target| {
                let plain = target.trim_start_matches("../");
                plain.to_owned()
            });
            linked.find(|path| is_it(&path))
        })?;
        self.layers.remove(&path)
    }
}

fn broken(error: std::io::Error) -> ImageError {
    ImageError::io("read", "the image that the engine sends")(error)
}

fn invalid(reason: String) -> ImageError {
    ImageError::Invalid {
        what: "the image that the engine sends".to_owned(),
        reason,
    }
}

fn too_large(limit: u64, unit: &'static str) -> ImageError {
    ImageError::TooLarge {
        what: "the image that the engine sends".to_owned(),
        limit,
        unit,
    }
}
