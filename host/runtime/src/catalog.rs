//! The set of plugins that this host has loaded, by reference and by digest.
//!
//! A reference leads to bytes, the bytes to a digest, and the digest to a component that was
//! compiled once, asked once what it is, and checked against its grants. A plugin that comes
//! out of here may be called; one that may not says why, and what to do.

mod error;
mod reference;
mod shelf;

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use wasmtime::component::{Component, Linker};

use crate::component::cache::ComponentCache;
use crate::component::{CacheError, Digest, FILES, Face, Kind, Role};
use crate::engine::Engine;
use crate::garbage::{Garbage, Sweep};
use crate::grant::check::{Missing, effective, missing};
use crate::grant::{Grants, Policy};
use crate::harmless;
use crate::instance::Guest;
use crate::limits::Limits;
use crate::plugin::{Loaded, Roles, describe};
use crate::record::Description;

pub use error::{CatalogError, CatalogReason};
use reference::Reference;
use shelf::Shelf;

/// Components that come with the program, by name.
pub type Builtin = &'static [(&'static str, &'static [u8])];

/// What is known of a plugin, whether or not it may be called.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// As it was asked for.
    pub reference: String,
    /// Of its bytes.
    pub digest: Digest,
    /// What it can be.
    pub roles: Vec<Role>,
    /// What it says about itself.
    pub description: Description,
    /// The host functions that it imports: `process.run`.
    pub imports: Vec<String>,
    /// It imports WASI.
    pub wasi: bool,
    /// What the operator grants it, or its built-in grants.
    pub granted: Grants,
    /// What of that takes effect: what it imports and asks for.
    pub effective: Grants,
    /// What it lacks. Empty: it may be called.
    pub missing: Vec<Missing>,
    /// Its limits.
    pub limits: Limits,
}

/// Bytes of the words of the engine, or of a validator, that are shown.
const LONGEST_REASON: usize = 1_000;

/// The loaded plugins, and what is needed to load more.
pub(crate) struct Catalog {
    builtin: Builtin,
    cache: Arc<ComponentCache>,
    policy: Policy,
    linker: Linker<Guest>,
    shelf: Shelf,
}

/// The bytes of a component, and where they came from.
struct Found {
    bytes: Cow<'static, [u8]>,
    digest: Digest,
    builtin: Option<String>,
}

impl Catalog {
    pub(crate) fn new(
        builtin: Builtin,
        cache: ComponentCache,
        policy: Policy,
        linker: Linker<Guest>,
    ) -> Self {
        Self {
            builtin,
            cache: Arc::new(cache),
            policy,
            linker,
            shelf: Shelf::default(),
        }
    }

    /// Removes components that are not needed, as far as nobody uses them.
    pub(crate) fn sweep(
        &self,
        needed: &HashSet<String>,
        sweep: Sweep,
    ) -> Result<Vec<Garbage>, CacheError> {
        self.cache.sweep(needed, sweep)
    }

    /// The names of the built-in plugins.
    pub(crate) fn builtin(&self) -> impl Iterator<Item = &'static str> {
        self.builtin.iter().map(|(name, _)| *name)
    }

    /// Everything about a plugin, loaded and described, though it may lack grants.
    pub(crate) async fn examine(
        &self,
        engine: &Arc<Engine>,
        reference: &str,
        base: &Path,
    ) -> Result<Arc<Loaded>, CatalogError> {
        let at = |reason| CatalogError {
            reference: reference.to_owned(),
            reason,
        };
        let wanted = Reference::parse(reference, base).map_err(at)?;
        let loaded = match self.shelf.named(&wanted) {
            None => self.follow(engine, reference, wanted).await,
            Some(place) => {
                let follow = || self.follow(engine, reference, wanted);
                place.get_or_try_init(follow).await.cloned()
            }
        };
        loaded.map_err(at)
    }

    /// Goes from a reference to its bytes, and from those to the plugin.
    async fn follow(
        &self,
        engine: &Arc<Engine>,
        reference: &str,
        wanted: Reference,
    ) -> Result<Arc<Loaded>, CatalogReason> {
        let found = self.find(wanted).await?;
        let place = self
            .shelf
            .place((found.digest.clone(), found.builtin.clone()));
        let load = || self.load(engine, reference, found);
        place.get_or_try_init(load).await.cloned()
    }

    async fn find(&self, wanted: Reference) -> Result<Found, CatalogReason> {
        let builtin = self.builtin;
        let cache = Arc::clone(&self.cache);
        let largest = self.policy.largest_component();
        blocking(move || {
            let (bytes, builtin) = match wanted {
                Reference::Builtin(name) => {
                    let known = builtin.iter().find(|(known, _)| *known == name);
                    let (_, bytes) = known.ok_or_else(|| CatalogReason::NoBuiltin {
                        names: builtin
                            .iter()
                            .map(|(name, _)| *name)
                            .collect::<Vec<_>>()
                            .join(", "),
                        name: name.clone(),
                    })?;
                    (Cow::Borrowed(*bytes), Some(name))
                }
                Reference::File(path) => (Cow::Owned(reference::read(&path, largest)?), None),
                Reference::Digest(digest) => {
                    let path = cache.bytes(&digest);
                    let bytes = reference::read(&path, largest)?;
                    if Digest::of(&bytes) != digest {
                        return Err(CatalogReason::Damaged { path });
                    }
                    (Cow::Owned(bytes), cache.builtin_name(&digest))
                }
            };
            Ok(Found {
                digest: Digest::of(&bytes),
                bytes,
                builtin,
            })
        })
        .await
    }

    async fn load(
        &self,
        engine: &Arc<Engine>,
        reference: &str,
        found: Found,
    ) -> Result<Arc<Loaded>, CatalogReason> {
        let Found {
            bytes,
            digest,
            builtin,
        } = found;
        let key = builtin.as_ref().map(|name| format!("builtin:{name}"));
        let keys: Vec<&str> = key
            .as_deref()
            .into_iter()
            .chain([digest.as_str()])
            .collect();
        let limits = self.policy.limits(&keys);
        let granted = self.policy.grants(&keys);
        check_form(&bytes, &limits)?;
        let component = self.compile(&digest, bytes, builtin).await?;
        let face = Face::of(&component)?;
        let roles =
            Roles::find(&self.linker, &component, &face).map_err(|error| CatalogReason::World {
                cause: harmless::line(&format!("{error:#}"), LONGEST_REASON),
            })?;
        let description = self
            .describe(engine, reference, &digest, &roles, limits)
            .await?;
        let imports = face
            .imports
            .iter()
            .map(|(interface, name)| (interface.as_str(), name.as_str()));
        // Standard libraries import files whether or not they are used, so it is asking for
        // the workspace that makes them count.
        let asks = description.needs.iter();
        let asks = asks.filter(|need| face.files && need.capability == "workspace");
        let imports = imports.chain(asks.map(|_| ("workspace", FILES)));
        let lacking = missing(imports, &description.needs, &granted);
        let grants = effective(&granted, &face.interfaces(), &description.needs);
        Ok(Arc::new(Loaded {
            engine: Arc::clone(engine),
            reference: reference.to_owned(),
            digest,
            face,
            roles,
            description,
            granted,
            grants,
            missing: lacking,
            limits,
        }))
    }

    async fn compile(
        &self,
        digest: &Digest,
        bytes: Cow<'static, [u8]>,
        builtin: Option<String>,
    ) -> Result<Component, CatalogReason> {
        let cache = Arc::clone(&self.cache);
        let digest = digest.clone();
        blocking(move || {
            let component = cache.component(&digest, &bytes)?;
            cache.keep_bytes(&digest, &bytes, builtin.as_deref())?;
            Ok(component)
        })
        .await
    }

    /// What the component says about itself: from its first time, else by asking it.
    async fn describe(
        &self,
        engine: &Engine,
        reference: &str,
        digest: &Digest,
        roles: &Roles,
        limits: Limits,
    ) -> Result<Description, CatalogReason> {
        let (cache, known) = (Arc::clone(&self.cache), digest.clone());
        if let Some(description) = blocking(move || Ok(cache.description(&known))).await? {
            return Ok(description);
        }
        let described = describe(engine, reference, roles, limits).await;
        let description = described.map_err(Box::new)?;
        let invalid = |error: &dyn fmt::Display| CatalogReason::Schema {
            cause: harmless::line(&error.to_string(), LONGEST_REASON),
        };
        let schema: serde_json::Value =
            serde_json::from_str(&description.config_schema).map_err(|error| invalid(&error))?;
        jsonschema::validator_for(&schema).map_err(|error| invalid(&error))?;
        let (cache, digest, kept) = (Arc::clone(&self.cache), digest.clone(), description.clone());
        blocking(move || Ok(cache.keep(&digest, &kept)?)).await?;
        Ok(description)
    }
}

/// Refuses what is no component, before anything looks inside.
fn check_form(bytes: &[u8], limits: &Limits) -> Result<(), CatalogReason> {
    if bytes.len() as u64 > limits.component.bytes() {
        return Err(CatalogReason::TooLarge {
            limit: limits.component,
        });
    }
    match Kind::of(bytes) {
        Kind::Component => Ok(()),
        Kind::CoreModule => Err(CatalogReason::CoreModule),
        Kind::Other => Err(CatalogReason::NotWasm),
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, CatalogReason> + Send + 'static,
) -> Result<T, CatalogReason> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(CatalogReason::Host {
            cause: error.to_string(),
        }),
    }
}
