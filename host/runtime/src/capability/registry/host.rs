//! `registry` for guests: which repository may be used is decided here, how it is spoken to
//! elsewhere.

use std::sync::Arc;

use wasmtime::component::{HasData, Resource, ResourceTable};

use super::{RegistryContext, RegistryError, Session, brought_here, until};
use crate::bindings::offered::registry::Host;
use crate::call::Operations;
use crate::capability::images::Image;
use crate::capability::refusal::Refusal;
use crate::record::Failure;

/// Marks the data that `registry` works on.
pub(crate) struct RegistryAccess;

/// The registries of the call and the handles of the guest.
pub(crate) struct RegistryView<'a> {
    /// `None`: not granted.
    pub(crate) context: Option<&'a RegistryContext>,
    pub(crate) operations: &'a Operations,
    pub(crate) table: &'a mut ResourceTable,
}

impl HasData for RegistryAccess {
    type Data<'a> = RegistryView<'a>;
}

impl<'a> RegistryView<'a> {
    fn context(&self) -> Result<&'a RegistryContext, Refusal> {
        self.context
            .ok_or_else(|| Failure::not_granted("registry").into())
    }

    /// Speaks to a registry until that is done or the step is asked to end.
    async fn speak<T, F>(
        &mut self,
        what: &'static str,
        work: impl FnOnce(Arc<Session>) -> F,
    ) -> Result<T, Refusal>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, RegistryError>> + Send + 'static,
    {
        self.operations.refuse_when_cancelled(what)?;
        let work = work(Arc::clone(&self.context()?.session));
        let spoken = self
            .operations
            .run(what, |token| async move { until(&token, work).await });
        Ok(spoken.await??)
    }
}

impl Host for RegistryView<'_> {
    async fn exists(&mut self, reference: String) -> Result<Option<String>, Refusal> {
        let address = self.context()?.readable(&reference)?;
        let found = self.speak("looking for an image", |session| async move {
            let digest = session.exists(&address).await?;
            Ok(digest.map(|digest| address.repository.at(digest)))
        });
        found.await
    }

    async fn resolve(&mut self, reference: String) -> Result<Resource<Image>, Refusal> {
        let address = self.context()?.readable(&reference)?;
        let image = self.speak("looking for an image", |session| async move {
            session.resolve(&address).await
        });
        let image = image.await?;
        Ok(self.table.push(image)?)
    }

    async fn pull(&mut self, image: Resource<Image>) -> Result<Resource<Image>, Refusal> {
        let session = &self.context()?.session;
        let image = self.table.get(&image)?.clone();
        let image = brought_here(self.operations, session, &image).await?;
        Ok(self.table.push(image)?)
    }

    async fn push(
        &mut self,
        image: Resource<Image>,
        repository: String,
    ) -> Result<String, Refusal> {
        let repository = self.context()?.writable(&repository)?;
        let image = self.table.get(&image)?.clone();
        let pushed = self.speak("pushing an image", |session| async move {
            let digest = session.push(&image, &repository).await?;
            Ok(repository.at(digest))
        });
        pushed.await
    }

    async fn tag(&mut self, reference: String, tag: String) -> Result<String, Refusal> {
        let context = self.context()?;
        let address = context.readable(&reference)?;
        context.writable(&address.repository.to_string())?;
        let tagged = self.speak("tagging an image", |session| async move {
            Ok(session.tag(&address, &tag).await?.to_string())
        });
        tagged.await
    }

    async fn tags(
        &mut self,
        repository: String,
        after: Option<String>,
    ) -> Result<Vec<String>, Refusal> {
        let repository = self.context()?.readable(&repository)?.repository;
        let tags = self.speak("listing tags", |session| async move {
            session.tags(&repository, after.as_deref()).await
        });
        tags.await
    }
}
