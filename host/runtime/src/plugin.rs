//! A plugin that may be called: one function for everything that the roles export.
//!
//! Each call is a call of its own: a fresh sandbox, with the effective grants and the limits
//! of this plugin, that is gone when the answer is there.

mod deploying;
mod roles;
mod surroundings;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use futures::FutureExt;

use crate::call::{Call, Cancel, StepError};
use crate::capability::images::Image;
use crate::capability::log::{LogLine, Progress, Sink};
use crate::catalog::{CatalogError, CatalogReason, Inspection};
use crate::component::{Digest, Face, Role};
use crate::engine::Engine;
use crate::grant::{Grants, Missing};
use crate::harmless;
use crate::limits::Limits;
use crate::record::{Description, Problem};

pub(crate) use roles::Roles;
pub(crate) use surroundings::Host;
use surroundings::Surroundings;

/// What is known of a loaded component.
pub(crate) struct Loaded {
    pub(crate) engine: Arc<Engine>,
    pub(crate) reference: String,
    pub(crate) digest: Digest,
    pub(crate) face: Face,
    pub(crate) roles: Roles,
    pub(crate) description: Description,
    /// What the operator grants.
    pub(crate) granted: Grants,
    /// What of it takes effect.
    pub(crate) grants: Grants,
    pub(crate) missing: Vec<Missing>,
    pub(crate) limits: Limits,
}

impl Loaded {
    pub(crate) fn inspection(&self, reference: &str) -> Inspection {
        let imports = self.face.imports.iter();
        Inspection {
            reference: reference.to_owned(),
            digest: self.digest.clone(),
            roles: self.face.roles.iter().copied().collect(),
            description: self.description.clone(),
            imports: imports
                .map(|(interface, function)| {
                    let function = function.rsplit(']').next().unwrap_or(function);
                    format!("{interface}.{function}")
                })
                .collect(),
            wasi: self.face.wasi,
            granted: self.granted.clone(),
            effective: self.grants.clone(),
            missing: self.missing.clone(),
            limits: self.limits,
        }
    }
}

/// An image that a build has made, or that was found: what publishers are handed.
#[derive(Clone, Debug)]
pub struct BuiltImage {
    /// `sha256:…` of its manifest.
    pub digest: String,
    /// By digest; from which it can be found again after a restart.
    pub reference: String,
    /// `layout`, `docker`, `registry`.
    pub location: String,
    image: Image,
}

impl BuiltImage {
    pub(crate) fn new(image: Image) -> Self {
        Self {
            digest: image.digest().to_string(),
            reference: image.reference().to_owned(),
            location: image.location().to_owned(),
            image,
        }
    }

    pub(crate) fn image(&self) -> &Image {
        &self.image
    }
}

/// A plugin that has all the grants it needs.
#[derive(Clone)]
pub struct Plugin {
    loaded: Arc<Loaded>,
    host: Arc<Host>,
    /// What it is called in errors.
    name: Arc<str>,
}

/// Its reference and its digest.
impl fmt::Debug for Plugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.loaded.reference, self.loaded.digest)
    }
}

impl Plugin {
    /// # Errors
    /// When it lacks a grant.
    pub(crate) fn admit(loaded: Arc<Loaded>, host: Arc<Host>) -> Result<Self, CatalogError> {
        if loaded.missing.is_empty() {
            let name = loaded.reference.as_str().into();
            return Ok(Self { loaded, host, name });
        }
        let builtin = loaded.reference.starts_with("builtin:");
        let key = if builtin {
            &loaded.reference
        } else {
            loaded.digest.as_str()
        };
        Err(CatalogError {
            reference: loaded.reference.clone(),
            reason: CatalogReason::NotGranted {
                digest: key.to_owned(),
                missing: loaded.missing.clone(),
            },
        })
    }

    /// The same, called by this name in errors: people know a plugin by the name that they gave
    /// it, not by the digest under which it is found again.
    #[must_use]
    pub fn called(mut self, name: &str) -> Self {
        self.name = name.into();
        self
    }

    /// As it was first asked for.
    pub fn reference(&self) -> &str {
        &self.loaded.reference
    }

    /// Of the component's bytes: `Runtime::load` finds it again by it.
    pub fn digest(&self) -> &Digest {
        &self.loaded.digest
    }

    /// What it can be.
    pub fn roles(&self) -> &BTreeSet<Role> {
        &self.loaded.face.roles
    }

    /// What it says about itself.
    pub fn description(&self) -> &Description {
        &self.loaded.description
    }

    /// What it may use.
    pub fn grants(&self) -> &Grants {
        &self.loaded.grants
    }

    /// Whether it sees files through WASI, which shows folders as they are when a call begins:
    /// then a call is to be given a source that is there.
    pub fn sees_files(&self) -> bool {
        self.loaded.face.files && self.loaded.grants.workspace
    }

    /// What the schema of the configuration cannot say. Empty: fine.
    ///
    /// # Errors
    /// When the plugin breaks off or takes too long.
    pub async fn validate(&self, config: &str) -> Result<Vec<Problem>, StepError> {
        let described = self.loaded.roles.described();
        let config = config.to_owned();
        let surroundings = Surroundings::bare(&self.loaded, "validate");
        let mut problems = surroundings
            .run(move |store, _| {
                async move {
                    let plugin = described.instantiate_async(&mut *store).await?;
                    let plugin = plugin.stagewright_plugin_plugin();
                    Ok(Ok(plugin.call_validate(store, &config).await?))
                }
                .boxed()
            })
            .await?;
        harmless::problems(&mut problems);
        Ok(problems)
    }

    /// What the image depends on beyond source, configuration and plugin.
    ///
    /// # Errors
    /// As every call: see [`StepError`].
    pub async fn inputs(&self, call: Call) -> Result<Vec<(String, String)>, StepError> {
        let builder = self.loaded.roles.builder(&self.name)?;
        let service = call.service.clone();
        let surroundings =
            Surroundings::open(&self.loaded, &self.name, &self.host, call, "inputs").await?;
        let inputs = surroundings
            .run(move |store, folders| {
                async move {
                    let builder = builder.instantiate_async(&mut *store).await?;
                    let source = folders.source(store)?;
                    let builder = builder.stagewright_plugin_builder();
                    builder.call_inputs(store, &service, source).await
                }
                .boxed()
            })
            .await?;
        harmless::inputs(&inputs)?;
        Ok(inputs)
    }

    /// Makes the image.
    ///
    /// # Errors
    /// As every call: see [`StepError`]. A call without an output folder is refused.
    pub async fn build(&self, call: Call) -> Result<BuiltImage, StepError> {
        let builder = self.loaded.roles.builder(&self.name)?;
        let (step, service) = (call.step.clone(), call.service.clone());
        let surroundings =
            Surroundings::open(&self.loaded, &self.name, &self.host, call, "build").await?;
        surroundings
            .run(move |store, folders| {
                async move {
                    let builder = builder.instantiate_async(&mut *store).await?;
                    let (source, output) = (folders.source(store)?, folders.output(store)?);
                    let builder = builder.stagewright_plugin_builder();
                    let answer = builder
                        .call_build(&mut *store, &step, &service, source, output)
                        .await?;
                    let image = match answer {
                        Ok(handle) => store.data_mut().table().delete(handle)?,
                        Err(failure) => return Ok(Err(failure)),
                    };
                    Ok(Ok(BuiltImage::new(image)))
                }
                .boxed()
            })
            .await
    }

    /// The reference by digest of the image, when it is already where this publisher brings
    /// images to.
    ///
    /// # Errors
    /// As every call: see [`StepError`].
    pub async fn exists(&self, call: Call, digest: &str) -> Result<Option<String>, StepError> {
        let publisher = self.loaded.roles.publisher(&self.name)?;
        let (service, digest) = (call.service.clone(), digest.to_owned());
        let surroundings =
            Surroundings::open(&self.loaded, &self.name, &self.host, call, "exists").await?;
        let known = surroundings.run(move |store, _| {
            async move {
                let publisher = publisher.instantiate_async(&mut *store).await?;
                let publisher = publisher.stagewright_plugin_publisher();
                publisher.call_exists(store, &service, &digest).await
            }
            .boxed()
        });
        let known = known
            .await?
            .map(|known| harmless::word("a reference", known));
        Ok(known.transpose()?)
    }

    /// Brings the image to where deployers find it; the answer is its reference by digest.
    ///
    /// # Errors
    /// As every call: see [`StepError`].
    pub async fn publish(&self, call: Call, built: &BuiltImage) -> Result<String, StepError> {
        let publisher = self.loaded.roles.publisher(&self.name)?;
        let (step, service, image) = (call.step.clone(), call.service.clone(), built.image.clone());
        let mut surroundings =
            Surroundings::open(&self.loaded, &self.name, &self.host, call, "publish").await?;
        surroundings.hand(&built.reference);
        let reference = surroundings.run(move |store, _| {
            async move {
                let publisher = publisher.instantiate_async(&mut *store).await?;
                let image = surroundings::lend(store, image)?;
                let publisher = publisher.stagewright_plugin_publisher();
                publisher.call_publish(store, &step, &service, image).await
            }
            .boxed()
        });
        Ok(harmless::word("a reference", reference.await?)?)
    }
}

/// Asks a component what it is, in a sandbox without any capability.
pub(crate) async fn describe(
    engine: &Engine,
    reference: &str,
    roles: &Roles,
    limits: Limits,
) -> Result<Description, StepError> {
    let described = roles.described();
    let surroundings = Surroundings::nothing(engine, reference, limits, "describe");
    let mut description = surroundings
        .run(move |store, _| {
            async move {
                let plugin = described.instantiate_async(&mut *store).await?;
                let plugin = plugin.stagewright_plugin_plugin();
                Ok(Ok(plugin.call_describe(store).await?))
            }
            .boxed()
        })
        .await?;
    harmless::description(&mut description);
    Ok(description)
}

/// Where what a plugin says goes while it only describes or validates.
struct Unheard;

impl Sink for Unheard {
    fn line(&self, line: LogLine) {
        tracing::debug!(origin = line.origin.as_str(), "{}", line.message);
    }

    fn progress(&self, _: Progress) {}
}

/// The end of a call that has nothing to wait for.
fn shortly(limits: &Limits) -> (Instant, Cancel) {
    (Instant::now() + limits.describe.0, Cancel::default())
}
