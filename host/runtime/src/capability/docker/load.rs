//! An image of the host's store, brought into the engine.

use std::io::Read;

use bollard::query_parameters::ImportImageOptions;
use futures::StreamExt;
use serde_json::json;
use tar::{Builder, EntryType, Header};
use tokio_util::sync::CancellationToken;

use super::pipe::{self, Sending};
use super::{Engine, Error};
use crate::capability::images::{Digest, Image, ImageError};
use crate::folder::Interrupt;

/// What the engine says of an image that it has taken and that has no name.
const LOADED: &str = "Loaded image ID: ";

impl Engine {
    /// Has the image in the engine: from its own layers when it is there, else from the store.
    pub(super) async fn provide(
        &self,
        image: &Image,
        token: &CancellationToken,
    ) -> Result<(), Error> {
        let config = image.config_descriptor().digest().to_string();
        if self.has(&self.image_id(&config)).await? {
            return Ok(());
        }
        tokio::select! {
            loaded = self.load(image, &config) => loaded,
            () = token.cancelled() => Err(Error::Cancelled("bringing the image into the engine")),
        }
    }

    /// What the engine calls an image that it has.
    pub(super) async fn provided(&self, image: &Image) -> Result<String, Error> {
        let id = self.image_id(image.config_descriptor().digest().as_ref());
        match self.has(&id).await? {
            true => Ok(id),
            false => Err(Error::NoImage(image.reference().to_owned())),
        }
    }

    async fn has(&self, id: &str) -> Result<bool, Error> {
        let found = self.client().await?.inspect_image(id).await;
        match found.map_err(self.failed("a question about an image")) {
            Ok(_) => Ok(true),
            Err(Error::Gone { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn load(&self, image: &Image, config: &str) -> Result<(), Error> {
        let client = self.patient().await?;
        let (sending, body) = pipe::sending();
        let interrupt = Interrupt::new();
        let _raised = RaisedOnDrop(interrupt.clone());
        let sent = image.clone();
        let sent = tokio::task::spawn_blocking(move || send(&sent, sending, &interrupt));
        let answers = client.import_image_stream(ImportImageOptions::default(), body, None);
        let mut answers = Box::pin(answers);
        let what = "an image";
        while let Some(answer) = answers.next().await {
            let said = match answer {
                Ok(info) => info.stream.unwrap_or_default(),
                Err(answer) => {
                    let answer = self.failed(what)(answer);
                    // With it goes the body, and with that the thread that fills it.
                    drop(answers);
                    return Err(match sent.await {
                        Ok(Err(error)) if !matches!(error, ImageError::Io { .. }) => error.into(),
                        _ => answer,
                    });
                }
            };
            if let Some(id) = said.trim().strip_prefix(LOADED) {
                self.remember_image(config, id.to_owned());
            }
        }
        match self.has(&self.image_id(config)).await? {
            true => Ok(()),
            false => Err(Error::Broken {
                what: what.to_owned(),
                cause: "it has taken the image and does not have it".to_owned(),
            }),
        }
    }
}

/// Ends the thread that sends when nobody waits any more.
struct RaisedOnDrop(Interrupt);

impl Drop for RaisedOnDrop {
    fn drop(&mut self) {
        self.0.raise();
    }
}

/// Writes the archive that `docker load` takes: the layers as they are, compressed; the engine
/// checks them against the configuration. Blocking.
fn send(image: &Image, target: Sending, interrupt: &Interrupt) -> Result<(), ImageError> {
    let failed = |error| ImageError::io("send", "an image")(error);
    let mut archive = Builder::new(target);
    let config = image.config_descriptor();
    let digest: Digest = config.digest().as_ref().parse()?;
    let text = image.layout().document(config)?;
    let config = format!("{}.json", digest.hex());
    append(&mut archive, &config, text.len() as u64, text.as_slice()).map_err(failed)?;
    let mut layers = Vec::new();
    for (number, layer) in image.layers().iter().enumerate() {
        if interrupt.is_raised() {
            return Err(ImageError::Interrupted);
        }
        let blob = image.layout().blob(layer.digest()?)?;
        let path = format!("{number}/layer.tar");
        let size = layer.descriptor.size();
        append(&mut archive, &path, size, blob.take(size)).map_err(failed)?;
        layers.push(path);
    }
    let manifest = json!([{ "Config": config, "RepoTags": null, "Layers": layers }]).to_string();
    let size = manifest.len() as u64;
    append(&mut archive, "manifest.json", size, manifest.as_bytes()).map_err(failed)?;
    let target = archive.into_inner().map_err(failed)?;
    target.finish().map_err(failed)
}

fn append(
    archive: &mut Builder<Sending>,
    path: &str,
    size: u64,
    content: impl Read,
) -> std::io::Result<()> {
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::Regular);
    header.set_mode(0o644);
    header.set_size(size);
    archive.append_data(&mut header, path, content)
}
