//! Layers of images in registries, brought into the host's store: several at once, to disk as
//! they come, verified before they count, and from where it broke off when it did.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, Weak};

use futures::{StreamExt, TryStreamExt, stream};
use reqwest::header::{ACCEPT_ENCODING, RANGE};
use reqwest::{Method, Response, StatusCode};

use super::auth::Access;
use super::backoff::Backoff;
use super::session::Ask;
use super::transfer::{AT_ONCE, Meter, Writer};
use super::{RegistryError, Repository, Session, answer};
use crate::capability::images::{Digest, Image, Partial};
use crate::record::Level;

impl Session {
    /// The same image with its layers in the host's store.
    ///
    /// # Errors
    /// When one of them cannot be had, or is not what it should be.
    pub(crate) async fn pull(&self, image: &Image) -> Result<Image, RegistryError> {
        let Some(origin) = image.origin() else {
            return Ok(image.clone());
        };
        let mut missing = BTreeMap::new();
        for layer in image.layers() {
            missing.insert(layer.digest()?, layer.descriptor.size());
        }
        let known = missing.clone();
        let held = self
            .on_disk(move |store| {
                let blobs = store.blobs();
                let held = known.into_iter();
                let held = held.filter(|&(digest, size)| blobs.hold(digest, size));
                Ok(held.map(|(digest, _)| digest).collect::<Vec<_>>())
            })
            .await?;
        missing.retain(|digest, _| !held.contains(digest));
        if !missing.is_empty() {
            let total = missing.values().sum();
            let what = format!("pulling from {origin}");
            self.tell(
                Level::Info,
                &format!("{what}: {} layers of {total} bytes", missing.len()),
            );
            let meter = Meter::new(total, what, self.log.clone());
            stream::iter(missing)
                .map(|(digest, size)| self.pull_blob(origin, digest, size, &meter))
                .buffer_unordered(AT_ONCE)
                .try_collect::<()>()
                .await?;
        }
        let (image, digest) = (image.clone(), image.digest());
        self.on_disk(move |_| image.brought_here(format!("layout:{digest}")))
            .await
    }

    /// Brings one blob into the store, unless it is there. Those who want it at the same time
    /// wait for the one who came first.
    pub(super) async fn pull_blob(
        &self,
        origin: &Repository,
        digest: Digest,
        size: u64,
        meter: &Meter,
    ) -> Result<(), RegistryError> {
        let turn = self.turn(digest);
        let _turn = turn.lock().await;
        let begun = self
            .on_disk(move |store| match store.blobs().hold(digest, size) {
                true => Ok(None),
                false => Ok(Some(store.blobs().partial(digest, size)?)),
            })
            .await?;
        let Some(mut partial) = begun else {
            meter.add(size);
            return Ok(());
        };
        meter.add(partial.length());
        let mut backoff = Backoff::new();
        let mut was_wrong = false;
        loop {
            let before = partial.length();
            let (now, came) = self.continue_blob(origin, partial, meter).await?;
            partial = now;
            if partial.length() > before {
                backoff.reset();
            }
            if let Err(error) = came {
                self.pause(&mut backoff, error).await?;
                continue;
            }
            let (checked, found) = self
                .on_disk(move |store| {
                    let found = partial.check();
                    match found {
                        Ok(()) => Ok((None, store.blobs().complete(partial))),
                        Err(error) => Ok((Some(partial), Err(error))),
                    }
                })
                .await?;
            match (checked, found) {
                (None, found) => return Ok(found?),
                // What was there from an earlier time may have been wrong; all of it, twice,
                // is the registry's fault.
                (Some(again), Err(error)) => {
                    if was_wrong || before == 0 {
                        return Err(error.into());
                    }
                    was_wrong = true;
                    meter.take_back(size);
                    partial = again;
                }
                (Some(again), Ok(())) => partial = again,
            }
        }
    }

    /// Who pulls a blob in this process.
    fn turn(&self, digest: Digest) -> Arc<tokio::sync::Mutex<()>> {
        let coming = self.registries.coming.lock();
        let mut coming = coming.unwrap_or_else(PoisonError::into_inner);
        coming.retain(|_, turn| turn.strong_count() > 0);
        let known = coming.get(&digest).and_then(Weak::upgrade);
        known.unwrap_or_else(|| {
            let turn = Arc::default();
            coming.insert(digest, Arc::downgrade(&turn));
            turn
        })
    }

    /// Goes on with a blob until it is whole or breaks off. The inner error is worth another
    /// try, as far as it is temporary.
    async fn continue_blob(
        &self,
        origin: &Repository,
        mut partial: Partial,
        meter: &Meter,
    ) -> Result<(Partial, Result<(), RegistryError>), RegistryError> {
        if partial.length() == partial.size() {
            return Ok((partial, Ok(())));
        }
        let response = match self.ask_for(origin, &partial).await {
            Ok(response) => response,
            Err(error) => return Ok((partial, Err(error))),
        };
        if response.status() != StatusCode::PARTIAL_CONTENT && partial.length() > 0 {
            meter.take_back(partial.length());
            partial = self
                .on_disk(move |_| {
                    partial.begin_again()?;
                    Ok(partial)
                })
                .await?;
        }
        let size = partial.size();
        let writer = Writer::new(partial);
        let came = receive(origin.registry(), response, &writer, meter).await;
        let (partial, written) = writer.finish().await?;
        written?;
        let short = || RegistryError::Unreachable {
            registry: origin.registry().to_owned(),
            reason: "the connection ended in the middle of a layer".to_owned(),
        };
        match came {
            Ok(()) if partial.length() < size => Ok((partial, Err(short()))),
            came => Ok((partial, came)),
        }
    }

    /// Asks for what is missing of a blob.
    async fn ask_for(
        &self,
        origin: &Repository,
        partial: &Partial,
    ) -> Result<Response, RegistryError> {
        let (digest, from) = (partial.digest(), partial.length());
        let doing = format!("show the blob {digest} of {origin}");
        let ask = Ask {
            repository: origin,
            access: Access::Pull,
            method: Method::GET,
            url: self.url(origin, &format!("blobs/{digest}"))?,
            doing: &doing,
        };
        let build = |request: reqwest::RequestBuilder| {
            let request = request.header(ACCEPT_ENCODING, "identity");
            match from {
                0 => request,
                from => request.header(RANGE, format!("bytes={from}-")),
            }
        };
        let attempt = tokio::time::timeout(answer::PATIENCE, self.attempt(&ask, build)).await;
        let response = attempt.unwrap_or_else(|_| Err(answer::silent(origin.registry())))?;
        match response.status() {
            StatusCode::OK => Ok(response),
            StatusCode::PARTIAL_CONTENT if begins_at(&response, from) => Ok(response),
            StatusCode::PARTIAL_CONTENT => Err(RegistryError::Unsound {
                registry: origin.registry().to_owned(),
                reason: "it answers with another part of a layer than was asked for".to_owned(),
            }),
            StatusCode::NOT_FOUND => Err(RegistryError::NotFound {
                registry: origin.registry().to_owned(),
                what: format!("blob {digest} in `{}`", origin.path()),
            }),
            _ => Err(answer::refusal(origin.registry(), response, &doing).await),
        }
    }
}

/// Does a part of a blob begin where it should? (RFC 9110, section 14.4)
fn begins_at(response: &Response, from: u64) -> bool {
    let range = response.headers().get(reqwest::header::CONTENT_RANGE);
    let range = range.and_then(|range| range.to_str().ok());
    let first = range.and_then(|range| range.strip_prefix("bytes ")?.split_once('-'));
    first.is_some_and(|(first, _)| first.parse() == Ok(from))
}

/// Hands on what comes.
async fn receive(
    registry: &str,
    mut response: Response,
    writer: &Writer,
    meter: &Meter,
) -> Result<(), RegistryError> {
    loop {
        let next = tokio::time::timeout(answer::PATIENCE, response.chunk()).await;
        let next = next.map_err(|_| answer::silent(registry))?;
        let Some(piece) = next.map_err(|error| answer::lost(registry, &error))? else {
            return Ok(());
        };
        let bytes = piece.len() as u64;
        if !writer.write(piece).await {
            // The writer tells why.
            return Ok(());
        }
        meter.add(bytes);
    }
}
