//! Manifests and configurations of images in registries: looked up, read within bounds,
//! verified by their digests, and kept in the host's store, so that what was read once is not
//! asked for again.

use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Method, Response, StatusCode};
use serde::Deserialize;

use oci_spec::image::{Descriptor, ImageIndex, ImageManifest};

use super::address::checked_tag;
use super::auth::Access;
use super::session::Ask;
use super::{Address, RegistryError, Repository, Session, answer};
use crate::capability::images::{
    Digest, Image, ImageError, LARGEST_DOCUMENT, Selector, choose, is_index,
};

/// Kinds of manifests that are understood.
const KINDS: &str = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json";
/// The header with the digest of a manifest (distribution-spec 1.1, "Pulling manifests").
const CONTENT_DIGEST: &str = "docker-content-digest";
/// Tags of one answer.
const MOST_TAGS: usize = 1_000;
/// Indexes inside indexes; as many as are chosen from.
const DEEPEST: usize = 3;
/// Nested indexes that are read.
const MOST_INDEXES: usize = 64;

#[derive(Deserialize)]
struct Tags {
    tags: Option<Vec<String>>,
}

impl Session {
    /// The digest of what a reference stands for, if there is such a manifest.
    pub(crate) async fn exists(&self, address: &Address) -> Result<Option<Digest>, RegistryError> {
        self.exists_as(address, Access::Pull).await
    }

    pub(super) async fn exists_as(
        &self,
        address: &Address,
        access: Access,
    ) -> Result<Option<Digest>, RegistryError> {
        let Some(response) = self.manifest(Method::HEAD, address, access).await? else {
            return Ok(None);
        };
        let stated = response.headers().get(CONTENT_DIGEST);
        let stated = stated.and_then(|stated| stated.to_str().ok());
        match (
            stated.and_then(|stated| stated.parse().ok()),
            address.digest,
        ) {
            (_, Some(digest)) => Ok(Some(digest)),
            (Some(digest), None) => Ok(Some(digest)),
            // It may leave the digest out, so that one has to see for oneself.
            (None, None) => Ok(self
                .fetch_manifest(address)
                .await?
                .map(|(_, digest)| digest)),
        }
    }

    /// The image that a reference stands for, for the platform of this machine. Its layers stay
    /// where they are.
    ///
    /// # Errors
    /// When it is not there, is no image, or is for other platforms.
    pub(crate) async fn resolve(&self, address: &Address) -> Result<Image, RegistryError> {
        let repository = &address.repository;
        let root = match address.digest {
            Some(digest) => digest,
            None => self.fetched(address).await?.1,
        };
        let mut open = vec![(root, 0)];
        let mut indexes = 0;
        while let Some((digest, depth)) = open.pop() {
            let text = self.document(repository, digest).await?;
            let nested = nested_indexes(&text)?;
            indexes += nested.len();
            // The choice below refuses what is left out here.
            if depth < DEEPEST && indexes <= MOST_INDEXES {
                open.extend(nested.into_iter().map(|digest| (digest, depth + 1)));
            }
        }
        let label = address.to_string();
        let chosen = self
            .on_disk(move |store| {
                let layout = store.layout().labelled(label);
                choose(&layout, &Selector::Digest(root))
            })
            .await?;
        self.image(repository, chosen).await
    }

    /// Opens the image of a manifest, after its documents were brought here.
    async fn image(
        &self,
        repository: &Repository,
        manifest: Descriptor,
    ) -> Result<Image, RegistryError> {
        let digest: Digest = manifest.digest().as_ref().parse()?;
        let text = self.document(repository, digest).await?;
        let parsed: ImageManifest =
            serde_json::from_slice(&text).map_err(|error| ImageError::Invalid {
                what: format!("the manifest {digest}"),
                reason: error.to_string(),
            })?;
        let config = parsed.config();
        if config.size() > LARGEST_DOCUMENT {
            return Err(RegistryError::Image(ImageError::TooLarge {
                what: format!("the configuration of the image {digest}"),
                limit: LARGEST_DOCUMENT,
                unit: "bytes",
            }));
        }
        let config: Digest = config.digest().as_ref().parse()?;
        if !self.has_document(config).await? {
            let text = self.small_blob(repository, config).await?;
            self.keep(text, config).await?;
        }
        let origin = repository.clone();
        self.on_disk(move |store| Image::in_registry(store.layout().clone(), manifest, origin))
            .await
    }

    /// A manifest by its digest, from the store or from the registry.
    pub(super) async fn document(
        &self,
        repository: &Repository,
        digest: Digest,
    ) -> Result<Vec<u8>, RegistryError> {
        if self.has_document(digest).await? {
            return self
                .on_disk(move |store| store.layout().document_of(digest))
                .await;
        }
        let address = Address {
            repository: repository.clone(),
            tag: None,
            digest: Some(digest),
        };
        Ok(self.fetched(&address).await?.0)
    }

    /// A manifest as the registry has it now, which is kept here from then on.
    pub(super) async fn fetched(
        &self,
        address: &Address,
    ) -> Result<(Vec<u8>, Digest), RegistryError> {
        let found = self.fetch_manifest(address).await?;
        let (text, digest) = found.ok_or_else(|| absent(address))?;
        self.keep(text.clone(), digest).await?;
        Ok((text, digest))
    }

    /// At most 1,000 tags of a repository, after this one.
    pub(crate) async fn tags(
        &self,
        repository: &Repository,
        after: Option<&str>,
    ) -> Result<Vec<String>, RegistryError> {
        let registry = repository.registry();
        let mut url = self.url(repository, "tags/list")?;
        url.query_pairs_mut()
            .append_pair("n", &MOST_TAGS.to_string());
        if let Some(after) = after {
            url.query_pairs_mut()
                .append_pair("last", checked_tag(after)?);
        }
        let doing = format!("list the tags of {repository}");
        let ask = Ask {
            repository,
            access: Access::Pull,
            method: Method::GET,
            url,
            doing: &doing,
        };
        let response = self.send(&ask, |request| request).await?;
        match response.status() {
            StatusCode::NOT_FOUND => Err(RegistryError::NotFound {
                registry: registry.to_owned(),
                what: format!("repository `{}`", repository.path()),
            }),
            status if status.is_success() => {
                let text = answer::body(registry, response, LARGEST_DOCUMENT).await?;
                let Tags { tags } =
                    serde_json::from_slice(&text).map_err(|error| RegistryError::Unsound {
                        registry: registry.to_owned(),
                        reason: format!("its list of tags is none: {error}"),
                    })?;
                let mut tags = tags.unwrap_or_default();
                tags.retain(|tag| checked_tag(tag).is_ok());
                tags.truncate(MOST_TAGS);
                Ok(tags)
            }
            _ => Err(answer::refusal(registry, response, &doing).await),
        }
    }

    /// Puts a manifest into a repository, under a tag or its digest.
    pub(super) async fn put_manifest(
        &self,
        address: &Address,
        kind: &str,
        text: Vec<u8>,
    ) -> Result<(), RegistryError> {
        let repository = &address.repository;
        let doing = format!("take the manifest of {address}");
        let ask = Ask {
            repository,
            access: Access::Push,
            method: Method::PUT,
            url: self.url(repository, &format!("manifests/{}", name(address)?))?,
            doing: &doing,
        };
        let build = |request: reqwest::RequestBuilder| {
            request.header(CONTENT_TYPE, kind).body(text.clone())
        };
        let response = self.send(&ask, build).await?;
        if response.status().is_success() {
            return Ok(());
        }
        Err(answer::refusal(repository.registry(), response, &doing).await)
    }

    async fn fetch_manifest(
        &self,
        address: &Address,
    ) -> Result<Option<(Vec<u8>, Digest)>, RegistryError> {
        let registry = address.repository.registry();
        let Some(response) = self.manifest(Method::GET, address, Access::Pull).await? else {
            return Ok(None);
        };
        let text = answer::body(registry, response, LARGEST_DOCUMENT).await?;
        let digest = Digest::of(&text);
        if address.digest.is_some_and(|asked| asked != digest) {
            return Err(RegistryError::Unsound {
                registry: registry.to_owned(),
                reason: format!("it answers with {digest} for {address}"),
            });
        }
        Ok(Some((text, digest)))
    }

    /// Asks for a manifest. `None`: there is none.
    async fn manifest(
        &self,
        method: Method,
        address: &Address,
        access: Access,
    ) -> Result<Option<Response>, RegistryError> {
        let repository = &address.repository;
        let doing = format!("show {address}");
        let ask = Ask {
            repository,
            access,
            method,
            url: self.url(repository, &format!("manifests/{}", name(address)?))?,
            doing: &doing,
        };
        let response = self
            .send(&ask, |request| request.header(ACCEPT, KINDS))
            .await?;
        match response.status() {
            StatusCode::NOT_FOUND => Ok(None),
            status if status.is_success() => Ok(Some(response)),
            _ => Err(answer::refusal(repository.registry(), response, &doing).await),
        }
    }

    async fn small_blob(
        &self,
        repository: &Repository,
        digest: Digest,
    ) -> Result<Vec<u8>, RegistryError> {
        let registry = repository.registry();
        let doing = format!("show the blob {digest} of {repository}");
        let ask = Ask {
            repository,
            access: Access::Pull,
            method: Method::GET,
            url: self.url(repository, &format!("blobs/{digest}"))?,
            doing: &doing,
        };
        let response = self.send(&ask, |request| request).await?;
        match response.status() {
            StatusCode::NOT_FOUND => Err(RegistryError::NotFound {
                registry: registry.to_owned(),
                what: format!("blob {digest} in `{}`", repository.path()),
            }),
            status if status.is_success() => {
                answer::body(registry, response, LARGEST_DOCUMENT).await
            }
            _ => Err(answer::refusal(registry, response, &doing).await),
        }
    }

    /// Is a document in the store? From then on it counts as just used.
    async fn has_document(&self, digest: Digest) -> Result<bool, RegistryError> {
        self.on_disk(move |store| {
            let size = match store.layout().document_of(digest) {
                Ok(text) => text.len() as u64,
                Err(ImageError::NotFound { .. } | ImageError::Corrupt { .. }) => return Ok(false),
                Err(error) => return Err(error),
            };
            Ok(store.blobs().hold(digest, size))
        })
        .await
    }

    async fn keep(&self, text: Vec<u8>, digest: Digest) -> Result<(), RegistryError> {
        let found = self.on_disk(move |store| store.blobs().add(&text)).await?;
        if found == digest {
            return Ok(());
        }
        Err(RegistryError::Image(ImageError::Corrupt {
            what: format!("the blob {digest}"),
            reason: format!("its content has the digest {found}"),
        }))
    }
}

/// How the manifest is called in its repository: the digest counts more than the tag.
fn name(address: &Address) -> Result<String, RegistryError> {
    match (&address.digest, &address.tag) {
        (Some(digest), _) => Ok(digest.to_string()),
        (None, Some(tag)) => Ok(checked_tag(tag)?.to_owned()),
        (None, None) => Err(RegistryError::malformed(
            &address.to_string(),
            "a reference with a tag or a digest",
        )),
    }
}

fn absent(address: &Address) -> RegistryError {
    RegistryError::NotFound {
        registry: address.repository.registry().to_owned(),
        what: format!("image {address}"),
    }
}

/// The indexes that an index is made of, none for a manifest.
fn nested_indexes(text: &[u8]) -> Result<Vec<Digest>, RegistryError> {
    let Ok(index) = serde_json::from_slice::<ImageIndex>(text) else {
        return Ok(Vec::new());
    };
    let nested = index.manifests().iter();
    let nested = nested.filter(|manifest| is_index(manifest.media_type()));
    let digests = nested.map(|manifest| manifest.digest().as_ref().parse());
    Ok(digests.collect::<Result<_, ImageError>>()?)
}
