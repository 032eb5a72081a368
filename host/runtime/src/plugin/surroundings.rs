//! What is put around a guest for one call: from the call itself, the plugin's grants and
//! what the host has.
//!
//! A capability that is not granted is not put there.

use std::sync::Arc;
use std::time::Instant;

use futures::future::BoxFuture;
use wasmtime::Store;
use wasmtime::component::Resource;

use super::{Loaded, Unheard, shortly};
use crate::call::{Call, HostFault, Operations, StepError};
use crate::capability::docker::{self, DockerContext};
use crate::capability::images::{ImagesContext, Store as Images, UnpackLimits};
use crate::capability::log::{Sink, StepLog};
use crate::capability::probe::ProbeContext;
use crate::capability::process::{ProcessContext, Runner, Supervisor, commands};
use crate::capability::registry::{Registries, RegistryContext, Session};
use crate::capability::secrets::SecretsContext;
use crate::capability::workspace::{Fetch, Handle, Supply, Workspace, WorkspaceContext};
use crate::engine::Engine;
use crate::instance::{Answer, Contexts, Entry, Guest};
use crate::limits::Limits;
use crate::record::Failure;
use crate::redactor::Redactor;
use crate::wasi::{self, Copied, Views};

/// The functions that change what is deployed; the others may be called beside them.
const CHANGES: [&str; 5] = ["deploy", "start", "stop", "restart", "destroy"];

/// The functions that only answer.
const QUESTIONS: [&str; 5] = ["inputs", "exists", "address", "plan", "observe"];

/// What the host itself has, of which calls are given a part.
pub(crate) struct Host {
    pub(crate) images: Images,
    pub(crate) supervisor: Supervisor,
    pub(crate) runner: Runner,
    pub(crate) registries: Arc<Registries>,
    pub(crate) docker: docker::Engine,
    pub(crate) views: Views,
}

impl Host {
    /// Registries, for one call or one question.
    pub(crate) fn session(&self, redactor: &Arc<Redactor>, log: Option<&Arc<StepLog>>) -> Session {
        let registries = Arc::clone(&self.registries);
        let (redactor, log) = (Arc::clone(redactor), log.map(Arc::clone));
        Session::new(registries, self.images.clone(), redactor, log)
    }
}

/// Everything around one call.
pub(crate) struct Surroundings<'a> {
    entry: Entry<'a>,
    contexts: Contexts,
    origin: Option<Arc<dyn Fetch>>,
}

/// The folders of a call, for builders.
pub(crate) struct Folders {
    plugin: String,
    workspace: Option<Arc<Workspace>>,
    /// The source, when it is to be fetched first.
    origin: Option<Arc<dyn Fetch>>,
}

impl<'a> Surroundings<'a> {
    /// For a call of a role.
    pub(crate) async fn open(
        loaded: &'a Loaded,
        name: &'a str,
        host: &Host,
        call: Call,
        function: &'static str,
    ) -> Result<Self, StepError> {
        let limits = &loaded.limits;
        // An answer is short work, but not when a source may have to be brought here for it.
        let is_short =
            QUESTIONS.contains(&function) && !matches!(call.source, Some(Supply::OnDemand(_)));
        let (limit, longest) = match is_short {
            true if limits.question < limits.call => ("question", limits.question),
            _ => ("call", limits.call),
        };
        let latest = Instant::now() + longest.0;
        let bound_by = (latest < call.deadline).then(|| (limit, longest.to_string()));
        let entry = Entry {
            engine: &loaded.engine,
            plugin: name,
            function,
            limits: loaded.limits,
            deadline: call.deadline.min(latest),
            bound_by,
            cancel: call.cancel.clone(),
        };
        let mut contexts = bare(&entry, call.sink.clone(), call.redactor.clone());
        let grants = &loaded.grants;
        let (source, redactor) = (call.secrets.clone(), call.redactor.clone());
        contexts.secrets = Arc::new(SecretsContext::new(&call.service, source, redactor, grants));
        let session = Arc::new(host.session(&call.redactor, Some(&contexts.log)));
        if grants.images {
            let (store, session) = (host.images.clone(), Arc::clone(&session));
            let images = ImagesContext::new(store, session, &call.service, &call.base);
            contexts.images = Some(images);
        }
        contexts.registry = grants
            .registry
            .as_ref()
            .map(|grant| RegistryContext::new(Arc::clone(&session), grant, &call.repositories));
        contexts.process = process(loaded, host, &call, &entry, &contexts, &session)?;
        if let Some(process) = contexts
            .process
            .as_ref()
            .filter(|_| CHANGES.contains(&function))
        {
            process.sweep().await;
        }
        contexts.docker = docker(loaded, host, &call, &contexts, session)?;
        contexts.probe = ProbeContext {
            granted: grants.probe,
        };
        contexts.workspace = WorkspaceContext {
            workspace: workspace(&call).await?,
            granted: grants.workspace,
        };
        // After the workspace, which makes the folders that it opens.
        if loaded.face.wasi {
            let folders = grants.workspace.then_some(&call);
            let copied = copied(host, folders, &contexts.operations).await?;
            let wasi = wasi::context(&contexts.log, &loaded.limits, folders, copied.as_ref());
            contexts.wasi = Some(wasi.map_err(|error| {
                StepError::Host(format!(
                    "the folders of the step cannot be opened: {error:#}"
                ))
            })?);
            contexts.copied = copied;
        }
        let origin = match call.source {
            Some(Supply::OnDemand(origin)) => Some(origin),
            _ => None,
        };
        Ok(Self {
            entry,
            contexts,
            origin,
        })
    }

    /// For `validate`: no capability, and little time.
    pub(crate) fn bare(loaded: &'a Loaded, function: &'static str) -> Self {
        Self::nothing(&loaded.engine, &loaded.reference, loaded.limits, function)
    }

    /// For a component that is not known yet: no capability, and little time.
    pub(crate) fn nothing(
        engine: &'a Engine,
        plugin: &'a str,
        limits: Limits,
        function: &'static str,
    ) -> Self {
        let (deadline, cancel) = shortly(&limits);
        let entry = Entry {
            engine,
            plugin,
            function,
            limits,
            deadline,
            bound_by: Some(("describe", limits.describe.to_string())),
            cancel,
        };
        let contexts = bare(&entry, Arc::new(Unheard), Arc::default());
        Self {
            entry,
            contexts,
            origin: None,
        }
    }

    /// Makes an image reachable, because the step is handed its reference.
    pub(crate) fn hand(&mut self, reference: &str) {
        if let Some(images) = &mut self.contexts.images {
            images.hand(reference);
        }
        if let Some(registry) = &mut self.contexts.registry {
            registry.hand(reference);
        }
    }

    /// Runs the call to its end.
    pub(crate) async fn run<T: Send + 'static>(
        self,
        body: impl for<'s> FnOnce(&'s mut Store<Guest>, Folders) -> BoxFuture<'s, Answer<T>>
        + Send
        + 'static,
    ) -> Result<T, StepError> {
        let Self {
            entry,
            contexts,
            origin,
        } = self;
        let permit = entry.permit(&contexts.log).await?;
        let workspace = contexts.workspace.workspace.clone();
        let folders = Folders {
            plugin: entry.plugin.to_owned(),
            workspace,
            origin,
        };
        entry
            .run(permit, contexts, move |store| body(store, folders))
            .await
    }
}

impl Folders {
    /// A handle to the source, when the service has one.
    pub(crate) fn source(
        &self,
        store: &mut Store<Guest>,
    ) -> wasmtime::Result<Option<Resource<Handle>>> {
        let folder = self.workspace.as_deref().and_then(Workspace::source);
        let open = folder.map(|folder| Handle::from(folder.clone()));
        let handle = open.or_else(|| self.origin.as_ref().map(Handle::on_demand));
        handle.map(|handle| lend(store, handle)).transpose()
    }

    /// A handle to the folder to build in.
    pub(crate) fn output(&self, store: &mut Store<Guest>) -> wasmtime::Result<Resource<Handle>> {
        let folder = self
            .workspace
            .as_deref()
            .and_then(Workspace::output)
            .ok_or_else(|| {
                wasmtime::Error::new(HostFault {
                    what: format!("a build of {}", self.plugin),
                    cause: "it gave no folder to build in".to_owned(),
                })
            })?;
        lend(store, Handle::from(folder.clone()))
    }
}

/// Puts something into the guest's table that stays the host's.
pub(crate) fn lend<T: Send + 'static>(
    store: &mut Store<Guest>,
    thing: T,
) -> wasmtime::Result<Resource<T>> {
    let owned = store.data_mut().table().push(thing)?;
    Ok(Resource::new_borrow(owned.rep()))
}

/// What every call has: log, cancel, clock.
fn bare(entry: &Entry<'_>, sink: Arc<dyn Sink>, redactor: Arc<Redactor>) -> Contexts {
    Contexts {
        log: Arc::new(StepLog::new(sink, redactor, entry.limits)),
        operations: Operations::new(&entry.cancel),
        secrets: Arc::new(SecretsContext::none()),
        images: None,
        process: None,
        registry: None,
        docker: None,
        probe: ProbeContext { granted: false },
        workspace: WorkspaceContext {
            workspace: None,
            granted: false,
        },
        wasi: None,
        copied: None,
    }
}

/// The source of the call without what is hidden, where it has to be copied for that.
async fn copied(
    host: &Host,
    folders: Option<&Call>,
    operations: &Operations,
) -> Result<Option<Copied>, StepError> {
    let source = folders.and_then(|call| call.source.as_ref()?.here());
    let Some(source) = source.cloned() else {
        return Ok(None);
    };
    let views = host.views.clone();
    let copy = operations.blocking("copying the source", move |interrupt| {
        views.of(&source, interrupt)
    });
    match copy.await {
        Ok(copied) => Ok(copied.map_err(Failure::from)?),
        Err(error) => Err(StepError::Host(format!("{error:#}"))),
    }
}

fn process(
    loaded: &Loaded,
    host: &Host,
    call: &Call,
    entry: &Entry<'_>,
    contexts: &Contexts,
    session: &Arc<Session>,
) -> Result<Option<ProcessContext>, StepError> {
    let Some(grant) = &loaded.grants.process else {
        return Ok(None);
    };
    let (environment, name) = (&call.service.environment, &call.service.name);
    let service = host.supervisor.service(environment, name);
    let service = service.map_err(|error| StepError::Host(error.to_string()))?;
    Ok(Some(ProcessContext {
        runner: host.runner.clone(),
        versions: Arc::clone(&call.versions),
        service: grant.supervise.then_some(service),
        commands: commands(grant, &call.commands),
        unpack: UnpackLimits {
            bytes: loaded.limits.unpacked.bytes(),
            entries: loaded.limits.unpacked_entries.into(),
        },
        session: Arc::clone(session),
        stop_grace: loaded.limits.stop_grace,
        reason: call.step.reason.clone(),
        deadline: entry.deadline,
        secrets: Arc::clone(&contexts.secrets),
        log: Arc::clone(&contexts.log),
    }))
}

fn docker(
    loaded: &Loaded,
    host: &Host,
    call: &Call,
    contexts: &Contexts,
    session: Arc<Session>,
) -> Result<Option<DockerContext>, StepError> {
    let Some(grant) = &loaded.grants.docker else {
        return Ok(None);
    };
    let service = &call.service;
    let owner = host.docker.owner(&service.environment, &service.name);
    let owner = owner.map_err(|error| {
        StepError::Host(format!(
            "the name of this installation cannot be read: {error}"
        ))
    })?;
    Ok(Some(DockerContext {
        engine: host.docker.clone(),
        grant: grant.clone(),
        owner,
        service: service.clone(),
        deployment: call.step.deployment.clone(),
        reason: call.step.reason.clone(),
        store: host.images.clone(),
        session,
        secrets: Arc::clone(&contexts.secrets),
        log: Arc::clone(&contexts.log),
    }))
}

/// Opens the folders of the call, away from the threads that guests run on.
async fn workspace(call: &Call) -> Result<Option<Arc<Workspace>>, StepError> {
    let (source, output, caches) = (
        call.source.as_ref().and_then(Supply::here).cloned(),
        call.output.clone(),
        call.caches.clone(),
    );
    if source.is_none() && output.is_none() {
        return Ok(None);
    }
    let opened = tokio::task::spawn_blocking(move || {
        Workspace::open(source.as_ref(), output.as_deref(), caches.as_deref())
    });
    match opened.await {
        Ok(Ok(workspace)) => Ok(Some(Arc::new(workspace))),
        Ok(Err(error)) => Err(Failure::from(error).into()),
        Err(error) => Err(StepError::Host(error.to_string())),
    }
}
