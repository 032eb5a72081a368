//! What the host keeps for one guest: its handles, its limits, and the context of each
//! capability.
//!
//! Each interface sees only its own part of it, through a view; that is decided here, once.

use std::sync::Arc;
use std::time::Instant;

use wasmtime::component::{Linker, ResourceTable};
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

use crate::bindings::offered;
use crate::call::Operations;
use crate::capability::cancel::Cancelled;
use crate::capability::clock::{ClockView, Time};
use crate::capability::docker::{DockerAccess, DockerContext, DockerView};
use crate::capability::images::{ImageAccess, ImagesContext, ImagesView};
use crate::capability::log::{Log, StepLog};
use crate::capability::probe::{ProbeAccess, ProbeContext, ProbeView};
use crate::capability::process::{ProcessAccess, ProcessContext, ProcessView};
use crate::capability::progress::ProgressReport;
use crate::capability::registry::{RegistryAccess, RegistryContext, RegistryView};
use crate::capability::secrets::{SecretAccess, SecretsContext, SecretsView};
use crate::capability::workspace::{WorkspaceAccess, WorkspaceContext, WorkspaceView};
use crate::limits::{Limiter, Limits};
use crate::wasi::{self, Copied};

/// The data of one store.
pub(crate) struct Guest {
    pub(super) table: ResourceTable,
    pub(super) limiter: Limiter,
    pub(super) log: Arc<StepLog>,
    began: Instant,
    deadline: Instant,
    operations: Operations,
    secrets: Arc<SecretsContext>,
    workspace: WorkspaceContext,
    images: Option<ImagesContext>,
    process: Option<ProcessContext>,
    registry: Option<RegistryContext>,
    docker: Option<DockerContext>,
    probe: ProbeContext,
    wasi: Option<WasiCtx>,
    /// Of the source, for as long as the guest is there.
    _copied: Option<Copied>,
}

/// The contexts of the capabilities, as one call has them.
pub(crate) struct Contexts {
    pub(crate) log: Arc<StepLog>,
    pub(crate) operations: Operations,
    pub(crate) secrets: Arc<SecretsContext>,
    pub(crate) workspace: WorkspaceContext,
    /// `None`: not granted.
    pub(crate) images: Option<ImagesContext>,
    /// `None`: not granted.
    pub(crate) process: Option<ProcessContext>,
    /// `None`: not granted.
    pub(crate) registry: Option<RegistryContext>,
    /// `None`: not granted.
    pub(crate) docker: Option<DockerContext>,
    pub(crate) probe: ProbeContext,
    /// For guests that import WASI.
    pub(crate) wasi: Option<WasiCtx>,
    /// What they see in place of the source.
    pub(crate) copied: Option<Copied>,
}

impl Guest {
    pub(crate) fn new(contexts: Contexts, limits: Limits, deadline: Instant) -> Self {
        let Contexts {
            log,
            operations,
            secrets,
            workspace,
            images,
            process,
            registry,
            docker,
            probe,
            wasi,
            copied,
        } = contexts;
        let mut table = ResourceTable::new();
        table.set_max_capacity(limits.handles as usize);
        Self {
            table,
            limiter: Limiter::new(limits),
            log,
            began: Instant::now(),
            deadline,
            operations,
            secrets,
            workspace,
            images,
            process,
            registry,
            docker,
            probe,
            wasi,
            _copied: copied,
        }
    }

    /// The handles that the guest holds, to hand something in or to take something back.
    pub(crate) fn table(&mut self) -> &mut ResourceTable {
        &mut self.table
    }

    fn clock(&mut self) -> ClockView<'_> {
        ClockView {
            began: self.began,
            deadline: self.deadline,
            operations: &mut self.operations,
        }
    }

    fn secrets(&mut self) -> SecretsView<'_> {
        SecretsView {
            context: &self.secrets,
            table: &mut self.table,
        }
    }

    fn workspace(&mut self) -> WorkspaceView<'_> {
        WorkspaceView {
            context: &self.workspace,
            operations: &self.operations,
            table: &mut self.table,
        }
    }
}

impl Guest {
    fn images(&mut self) -> ImagesView<'_> {
        ImagesView {
            context: self.images.as_ref(),
            operations: &self.operations,
            table: &mut self.table,
        }
    }

    fn process(&mut self) -> ProcessView<'_> {
        ProcessView {
            context: self.process.as_ref(),
            operations: &self.operations,
            table: &mut self.table,
        }
    }

    fn registry(&mut self) -> RegistryView<'_> {
        RegistryView {
            context: self.registry.as_ref(),
            operations: &self.operations,
            table: &mut self.table,
        }
    }

    fn docker(&mut self) -> DockerView<'_> {
        DockerView {
            context: self.docker.as_ref(),
            operations: &self.operations,
            table: &mut self.table,
        }
    }

    fn probe(&mut self) -> ProbeView<'_> {
        ProbeView {
            context: &self.probe,
            operations: &self.operations,
            table: &mut self.table,
        }
    }
}

/// A guest that does not import WASI never gets here; it would be given an empty one.
impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let ctx = self
            .wasi
            .get_or_insert_with(|| WasiCtxBuilder::new().build());
        WasiCtxView {
            ctx,
            table: &mut self.table,
        }
    }
}

/// Everything that this host offers, for components to be linked with.
pub(crate) fn link(engine: &wasmtime::Engine) -> wasmtime::Result<Linker<Guest>> {
    let mut linker = Linker::new(engine);
    let offer = &mut linker;
    offered::log::add_to_linker::<_, Log>(offer, |guest: &mut Guest| &mut guest.log)?;
    offered::progress::add_to_linker::<_, ProgressReport>(offer, |guest: &mut Guest| {
        &mut guest.log
    })?;
    offered::cancel::add_to_linker::<_, Cancelled>(offer, |guest: &mut Guest| {
        &mut guest.operations
    })?;
    offered::clock::add_to_linker::<_, Time>(offer, Guest::clock)?;
    offered::workspace::add_to_linker::<_, WorkspaceAccess>(offer, Guest::workspace)?;
    offered::images::add_to_linker::<_, ImageAccess>(offer, Guest::images)?;
    offered::process::add_to_linker::<_, ProcessAccess>(offer, Guest::process)?;
    offered::docker::add_to_linker::<_, DockerAccess>(offer, Guest::docker)?;
    offered::probe::add_to_linker::<_, ProbeAccess>(offer, Guest::probe)?;
    offered::registry::add_to_linker::<_, RegistryAccess>(offer, Guest::registry)?;
    offered::secrets::add_to_linker::<_, SecretAccess>(offer, Guest::secrets)?;
    wasmtime_wasi::p2::add_to_linker_async(offer)?;
    wasi::guard(offer)?;
    Ok(linker)
}
