//! `docker` for guests: whose objects are meant is decided here, from the call; what the guest
//! says is held against what the service declares.

mod container;
mod convert;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use wasmtime::component::{HasData, Resource, ResourceTable};

use super::labels::{Owner, Tag};
use super::{Container, Engine, Error};
use crate::bindings::offered::docker::{self, Host};
use crate::call::Operations;
use crate::capability::images::{Image, Store};
use crate::capability::log::{Origin, StepLog};
use crate::capability::refusal::Refusal;
use crate::capability::registry::{Session, brought_here};
use crate::capability::secrets::SecretsContext;
use crate::capability::workspace::Handle;
use crate::folder::Interrupt;
use crate::grant::DockerGrant;
use crate::record::{Failure, Level, Service};

/// Marks the data that `docker` works on.
pub(crate) struct DockerAccess;

/// What one call may do with the engine.
pub(crate) struct DockerContext {
    pub(crate) engine: Engine,
    pub(crate) grant: DockerGrant,
    pub(crate) owner: Owner,
    /// The service that the call is about.
    pub(crate) service: Service,
    pub(crate) deployment: String,
    /// Why the step is done, for the programs that it starts.
    pub(crate) reason: String,
    pub(crate) store: Store,
    /// Where layers come from that are still in a registry.
    pub(crate) session: Arc<Session>,
    pub(crate) secrets: Arc<SecretsContext>,
    pub(crate) log: Arc<StepLog>,
}

/// The engine of the call and the handles of the guest.
pub(crate) struct DockerView<'a> {
    /// `None`: not granted.
    pub(crate) context: Option<&'a DockerContext>,
    pub(crate) operations: &'a Operations,
    pub(crate) table: &'a mut ResourceTable,
}

impl HasData for DockerAccess {
    type Data<'a> = DockerView<'a>;
}

impl<'a> DockerView<'a> {
    fn context(&self) -> Result<&'a DockerContext, Refusal> {
        self.context
            .ok_or_else(|| Failure::not_granted("docker").into())
    }

    /// The context of a call that may run containers.
    fn running(&self) -> Result<&'a DockerContext, Refusal> {
        let context = self.context()?;
        match context.grant.run {
            true => Ok(context),
            false => Err(Failure::not_granted("docker (run)").into()),
        }
    }

    /// Asks the engine something; the question ends when the step is cancelled.
    async fn ask<T: Send + 'static, E: Into<Failure> + Send + 'static>(
        &mut self,
        what: &'static str,
        question: impl Future<Output = Result<T, E>> + Send + 'static,
    ) -> Result<T, Refusal> {
        let answer = self.operations.run(what, |token| async move {
            tokio::select! {
                answer = question => answer.map_err(Into::into),
                () = token.cancelled() => Err(Failure::cancelled(what)),
            }
        });
        Ok(answer.await??)
    }

    /// Has something done that must be done although the step is cancelled.
    async fn settle<T: Send + 'static>(
        &mut self,
        what: &'static str,
        work: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Refusal> {
        let done = self.operations.settle(what, |_| work);
        Ok(done.await??)
    }
}

/// An interrupt that is raised when the token fires.
fn interrupt(token: &CancellationToken) -> Interrupt {
    let interrupt = Interrupt::new();
    let (raised, token) = (interrupt.clone(), token.clone());
    tokio::spawn(async move {
        token.cancelled().await;
        raised.raise();
    });
    interrupt
}

impl Host for DockerView<'_> {
    async fn info(&mut self) -> Result<docker::Engine, Refusal> {
        let engine = self.context()?.engine.clone();
        let info = self
            .ask("a question", async move { engine.info().await })
            .await?;
        Ok(docker::Engine {
            version: info.version,
            api: info.api,
            platform: info.platform,
            buildkit: info.buildkit,
        })
    }

    async fn build(
        &mut self,
        folder: Resource<Handle>,
        path: String,
        recipe: docker::Recipe,
    ) -> Result<Resource<Image>, Refusal> {
        let context = self.context()?;
        if !context.grant.build {
            return Err(Failure::not_granted("docker (build)").into());
        }
        self.operations.refuse_when_cancelled("the build")?;
        let folder = self.table.get(&folder)?.folder(self.operations).await?;
        let entered = self
            .operations
            .tidying("opening a folder", move |_| folder.enter(&path))
            .await??;
        let recipe = convert::recipe(recipe)?;
        let (engine, store) = (context.engine.clone(), context.store.clone());
        let log = Arc::clone(&context.log);
        let build = self.operations.run("a build", |token| async move {
            let mut print = |line: &str| log.write(Origin::Program, Level::Info, line, &[]);
            let id = engine.build(entered, recipe, &token, &mut print).await?;
            log.write(Origin::Host, Level::Info, &format!("built {id}"), &[]);
            engine.export(&id, &store, &interrupt(&token)).await
        });
        let image = build.await??;
        Ok(self.table.push(image)?)
    }

    async fn provide(&mut self, image: Resource<Image>) -> Result<(), Refusal> {
        let context = self.running()?;
        let (engine, session) = (context.engine.clone(), &context.session);
        let image = self.table.get(&image)?.clone();
        let (asked, wanted) = (engine.clone(), image.clone());
        let ask = self
            .operations
            .run("a question about an image", |_| async move {
                asked.provided(&wanted).await.is_ok()
            });
        let image = match ask.await? {
            true => image,
            false => brought_here(self.operations, session, &image).await?,
        };
        let provided = self
            .operations
            .run("bringing an image", |token| async move {
                engine.provide(&image, &token).await
            });
        Ok(provided.await??)
    }

    async fn create(
        &mut self,
        step_id: String,
        image: Resource<Image>,
        options: docker::ContainerOptions,
    ) -> Result<Resource<Container>, Refusal> {
        let context = self.running()?;
        let image = self.table.get(&image)?.clone();
        let is_job = !options.keep_running;
        let options = convert::options(context, options).await?;
        let tag = Tag {
            deployment: context.deployment.clone(),
            step: step_id,
            reference: image.reference().to_owned(),
            number: 0,
        };
        let (engine, owner) = (context.engine.clone(), context.owner.clone());
        let container = self
            .settle("making a container", async move {
                let has_place = is_job && !options.read_only_root;
                let container = engine.create(&owner, tag, &image, options).await?;
                if has_place && container.state().await?.condition == "created" {
                    container.make_place().await?;
                }
                Ok(container)
            })
            .await?;
        Ok(self.table.push(container)?)
    }

    async fn containers(&mut self) -> Result<Vec<Resource<Container>>, Refusal> {
        let context = self.running()?;
        let (engine, owner) = (context.engine.clone(), context.owner.clone());
        // Also of a step that is being cancelled, which puts things right.
        let containers = self
            .settle("listing containers", async move {
                engine.containers(&owner).await
            })
            .await?;
        let mut handles = Vec::with_capacity(containers.len());
        for container in containers {
            handles.push(self.table.push(container)?);
        }
        Ok(handles)
    }

    async fn remove_data(&mut self) -> Result<(), Refusal> {
        let context = self.running()?;
        let (engine, owner) = (context.engine.clone(), context.owner.clone());
        self.settle("removing data", async move {
            engine.remove_volumes(&owner).await
        })
        .await
    }
}
