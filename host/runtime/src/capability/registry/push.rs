//! A whole image on its way into a repository: what is there already stays, what another
//! repository of the registry has is taken from there, the rest is sent; and the manifest last,
//! so that nobody ever finds an image that is half there.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream};

use super::address::checked_tag;
use super::auth::Access;
use super::transfer::{AT_ONCE, Meter};
use super::upload::Parcel;
use super::{Address, RegistryError, Repository, Session};
use crate::capability::images::{Digest, Image};
use crate::record::Level;

impl Session {
    /// Brings an image to a repository. The answer is its digest, which is the registry's.
    ///
    /// # Errors
    /// When the registry refuses, or a layer cannot be had.
    pub(crate) async fn push(
        &self,
        image: &Image,
        to: &Repository,
    ) -> Result<Digest, RegistryError> {
        let digest = image.digest();
        let address = Address {
            repository: to.clone(),
            tag: None,
            digest: Some(digest),
        };
        if self.exists_as(&address, Access::Push).await?.is_some() {
            self.tell(Level::Info, &format!("{address} is there already"));
            return Ok(digest);
        }
        let mut blobs = BTreeMap::new();
        for blob in image.blobs().filter(|blob| *blob != image.manifest()) {
            blobs.insert(blob.digest().as_ref().parse()?, blob.size());
        }
        let total = blobs.values().sum();
        let what = format!("pushing to {to}");
        let meter = Meter::new(total, what, self.log.clone());
        let moved: Vec<u64> = stream::iter(blobs)
            .map(|(digest, size)| self.place(image, to, digest, size, &meter))
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await?;
        let manifest = image.manifest().clone();
        let (kind, layout) = (manifest.media_type().to_string(), image.layout().clone());
        let text = self.on_disk(move |_| layout.document(&manifest)).await?;
        self.put_manifest(&address, &kind, text).await?;
        let sent: u64 = moved.iter().sum();
        self.tell(
            Level::Info,
            &format!("pushed {address}: {sent} of {total} bytes had to be sent"),
        );
        Ok(digest)
    }

    /// Lets a tag stand for a manifest of its repository.
    ///
    /// # Errors
    /// When there is no such manifest, or the registry refuses.
    pub(crate) async fn tag(&self, address: &Address, tag: &str) -> Result<Address, RegistryError> {
        let tagged = Address {
            repository: address.repository.clone(),
            tag: Some(checked_tag(tag)?.to_owned()),
            digest: None,
        };
        let text = match address.digest {
            Some(digest) => self.document(&address.repository, digest).await?,
            None => self.fetched(address).await?.0,
        };
        let kind = kind(address.repository.registry(), &text)?;
        self.put_manifest(&tagged, &kind, text).await?;
        Ok(tagged)
    }

    /// Sees to it that a blob is in the repository. The answer is how many bytes were sent.
    async fn place(
        &self,
        image: &Image,
        to: &Repository,
        digest: Digest,
        size: u64,
        meter: &Arc<Meter>,
    ) -> Result<u64, RegistryError> {
        if self.has_blob(to, digest).await? {
            meter.add(size);
            return Ok(0);
        }
        let mut location = None;
        if let Some(origin) = image.origin() {
            if origin.registry() == to.registry() {
                location = self.mount(to, origin, digest).await?;
                if location.is_none() {
                    meter.add(size);
                    return Ok(0);
                }
            }
            let quiet = Meter::new(size, format!("pulling from {origin}"), self.log.clone());
            self.pull_blob(origin, digest, size, &quiet).await?;
        }
        let parcel = Parcel {
            to: to.clone(),
            digest,
            size,
            layout: image.layout().clone(),
        };
        self.upload(&parcel, location, meter).await?;
        Ok(size)
    }
}

/// What kind of manifest it is: what it says, else what it has.
fn kind(registry: &str, text: &[u8]) -> Result<String, RegistryError> {
    let document: serde_json::Value =
        serde_json::from_slice(text).map_err(|error| RegistryError::Unsound {
            registry: registry.to_owned(),
            reason: format!("it has a manifest that is none: {error}"),
        })?;
    let said = document.get("mediaType").and_then(|kind| kind.as_str());
    let is_index = document.get("manifests").is_some();
    let guessed = match is_index {
        true => "application/vnd.oci.image.index.v1+json",
        false => "application/vnd.oci.image.manifest.v1+json",
    };
    Ok(said.unwrap_or(guessed).to_owned())
}
