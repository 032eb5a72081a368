//! `images` for guests.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;
use wasmtime::component::{HasData, Resource, ResourceTable};

use super::{Draft, Image, ImageError, Scope, Store};
use crate::bindings::offered::images::{Host, HostDraft, HostImage, ImageConfig};
use crate::call::Operations;
use crate::capability::refusal::Refusal;
use crate::capability::registry::{Session, brought_here};
use crate::capability::workspace::Handle;
use crate::record::{Failure, Retry, Service};

/// How often one call may keep an image. The index of the store is read by everybody, so no
/// guest may make it as long as it likes.
const MOST_KEPT: u32 = 100;

/// Marks the data that `images` works on.
pub(crate) struct ImageAccess;

/// The images of one call.
pub(crate) struct ImagesContext {
    store: Store,
    /// Where layers come from that are still in a registry.
    session: Arc<Session>,
    base: PathBuf,
    /// References that the service declares, and those that the step was handed.
    reachable: BTreeSet<String>,
    /// Images are kept under this name, or below it.
    name: String,
    /// How often that was done.
    kept: AtomicU32,
}

/// The images of the call and the handles of the guest.
pub(crate) struct ImagesView<'a> {
    /// `None`: not granted.
    pub(crate) context: Option<&'a ImagesContext>,
    pub(crate) operations: &'a Operations,
    pub(crate) table: &'a mut ResourceTable,
}

impl HasData for ImageAccess {
    type Data<'a> = ImagesView<'a>;
}

impl ImagesContext {
    pub(crate) fn new(store: Store, session: Arc<Session>, service: &Service, base: &Path) -> Self {
        let mut reachable: BTreeSet<String> = service.image.iter().cloned().collect();
        if let Ok(config) = serde_json::from_str(&service.config) {
            collect(&config, &mut reachable);
        }
        Self {
            store,
            session,
            base: base.to_owned(),
            reachable,
            name: format!("{}/{}", service.environment, service.name),
            kept: AtomicU32::new(0),
        }
    }

    /// Makes a reference reachable, because the step was handed it.
    pub(crate) fn hand(&mut self, reference: &str) {
        self.reachable.insert(reference.to_owned());
    }

    /// A plugin may give names to the images of its own service only.
    fn check_name(&self, name: &str) -> Result<(), Refusal> {
        let below = name.strip_prefix(&self.name);
        if below.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', ':'])) {
            return Ok(());
        }
        let message = format!(
            "images of this service are kept under `{}`, not `{}`",
            self.name,
            short(name)
        );
        Err(Failure::new("image.name-not-granted", message).into())
    }

    /// Counts an image that is about to be kept.
    fn count(&self) -> Result<(), Refusal> {
        if self.kept.fetch_add(1, Ordering::Relaxed) < MOST_KEPT {
            return Ok(());
        }
        let message = format!("one call keeps images at most {MOST_KEPT} times");
        Err(Failure::new("image.kept-too-often", message)
            .hint("this is a fault of the plugin, which keeps one image in a call: tell its author")
            .into())
    }

    fn check_reference(&self, reference: &str) -> Result<(), Refusal> {
        if self.reachable.contains(reference) {
            return Ok(());
        }
        let message = format!(
            "the service does not declare the image `{}`",
            short(reference)
        );
        Err(Failure::new("image.not-declared", message)
            .hint("name it as the `image` of the service, or in the plugin's `with`")
            .into())
    }
}

/// Every text of the configuration that names an image.
fn collect(config: &Value, references: &mut BTreeSet<String>) {
    match config {
        Value::String(text) if text.starts_with("oci:") || text.starts_with("layout:") => {
            references.insert(text.clone());
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, references)),
        Value::Object(fields) => fields.values().for_each(|field| collect(field, references)),
        _ => {}
    }
}

fn short(text: &str) -> String {
    text.chars().take(200).collect()
}

impl<'a> ImagesView<'a> {
    fn context(&self) -> Result<&'a ImagesContext, Refusal> {
        self.context
            .ok_or_else(|| Failure::not_granted("images").into())
    }

    /// The image with its layers on this machine.
    async fn here(&mut self, image: &Resource<Image>) -> Result<Image, Refusal> {
        let session = &self.context()?.session;
        brought_here(self.operations, session, self.table.get(image)?).await
    }
}

impl Host for ImagesView<'_> {
    async fn resolve(&mut self, reference: String) -> Result<Resource<Image>, Refusal> {
        self.context()?.check_reference(&reference)?;
        let (store, base) = (self.context()?.store.clone(), self.context()?.base.clone());
        let resolve = self.operations.blocking("looking for an image", move |_| {
            store.resolve(&reference, &base, Scope::Inside)
        });
        let image = resolve.await??;
        Ok(self.table.push(image)?)
    }

    async fn kept(&mut self, name: String, digest: String) -> Result<Option<String>, Refusal> {
        self.context()?.check_name(&name)?;
        let store = self.context()?.store.clone();
        let look = move |_: &_| store.kept(&name, &digest);
        Ok(self
            .operations
            .tidying("looking for an image", look)
            .await??)
    }

    async fn keep(&mut self, image: Resource<Image>, name: String) -> Result<String, Refusal> {
        self.context()?.check_name(&name)?;
        self.context()?.count()?;
        let image = self.here(&image).await?;
        let store = self.context()?.store.clone();
        let keep = self
            .operations
            .blocking("keeping an image", move |interrupt| {
                store.keep(&image, &name, interrupt)
            });
        Ok(keep.await??)
    }
}

impl HostImage for ImagesView<'_> {
    async fn digest(&mut self, image: Resource<Image>) -> wasmtime::Result<String> {
        Ok(self.table.get(&image)?.digest().to_string())
    }

    async fn reference(&mut self, image: Resource<Image>) -> wasmtime::Result<String> {
        Ok(self.table.get(&image)?.reference().to_owned())
    }

    async fn location(&mut self, image: Resource<Image>) -> wasmtime::Result<String> {
        Ok(self.table.get(&image)?.location().to_owned())
    }

    async fn config(&mut self, image: Resource<Image>) -> Result<ImageConfig, Refusal> {
        Ok(self.table.get(&image)?.config().into())
    }

    async fn size(&mut self, image: Resource<Image>) -> wasmtime::Result<u64> {
        Ok(self.table.get(&image)?.size())
    }

    async fn drop(&mut self, image: Resource<Image>) -> wasmtime::Result<()> {
        self.table.delete(image)?;
        Ok(())
    }
}

impl HostDraft for ImagesView<'_> {
    /// The WIT leaves no room for a failure, and a component that may not do this was refused
    /// when it was added.
    async fn new(&mut self) -> wasmtime::Result<Resource<Draft>> {
        let context = self
            .context
            .ok_or_else(|| wasmtime::format_err!("images are not granted"))?;
        Ok(self.table.push(Draft::new(&context.store))?)
    }

    async fn from_base(&mut self, base: Resource<Image>) -> Result<Resource<Draft>, Refusal> {
        let base = self.here(&base).await?;
        let draft = Draft::from_base(&self.context()?.store, &base);
        Ok(self.table.push(draft)?)
    }

    async fn add(
        &mut self,
        draft: Resource<Draft>,
        source: Resource<Handle>,
        path: String,
        target: String,
    ) -> Result<(), Refusal> {
        self.context()?;
        let folder = self.table.get(&source)?.folder(self.operations).await?;
        let mut edited = self.table.get(&draft)?.clone();
        let add = self.operations.blocking("packing files", move |interrupt| {
            edited
                .add(&folder, &path, &target, interrupt)
                .map(|()| edited)
        });
        *self.table.get_mut(&draft)? = add.await??;
        Ok(())
    }

    async fn configure(
        &mut self,
        draft: Resource<Draft>,
        config: ImageConfig,
    ) -> wasmtime::Result<()> {
        self.table.get_mut(&draft)?.configure(config.into());
        Ok(())
    }

    async fn finish(&mut self, draft: Resource<Draft>) -> Result<Resource<Image>, Refusal> {
        let draft = self.table.delete(draft)?;
        self.context()?;
        let finish = self
            .operations
            .blocking("finishing an image", move |interrupt| {
                draft.finish(interrupt)
            });
        let image = finish.await??;
        Ok(self.table.push(image)?)
    }

    async fn drop(&mut self, draft: Resource<Draft>) -> wasmtime::Result<()> {
        self.table.delete(draft)?;
        Ok(())
    }
}

impl From<super::ImageConfig> for ImageConfig {
    fn from(config: super::ImageConfig) -> Self {
        let super::ImageConfig {
            entrypoint,
            command,
            environment,
            working_directory,
            user,
            ports,
            labels,
        } = config;
        Self {
            entrypoint,
            command,
            environment,
            working_directory,
            user,
            ports,
            labels,
        }
    }
}

impl From<ImageConfig> for super::ImageConfig {
    fn from(config: ImageConfig) -> Self {
        let ImageConfig {
            entrypoint,
            command,
            environment,
            working_directory,
            user,
            ports,
            labels,
        } = config;
        Self {
            entrypoint,
            command,
            environment,
            working_directory,
            user,
            ports,
            labels,
        }
    }
}

impl From<ImageError> for Failure {
    fn from(error: ImageError) -> Self {
        if matches!(error, ImageError::Interrupted) {
            return Self::cancelled("work on an image");
        }
        let retry = if error.is_temporary() {
            Retry::Later
        } else {
            Retry::Never
        };
        let failure = Self::new(error.code(), error.to_string()).retry(retry);
        match error.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

impl From<ImageError> for Refusal {
    fn from(error: ImageError) -> Self {
        Self::Failure(error.into())
    }
}

#[cfg(test)]
mod tests;
