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
use crate::capability::log::{Log, StepLog};
use crate::capability::progress::ProgressReport;
use crate::capability::secrets::{SecretAccess, SecretsContext, SecretsView};
use crate::capability::workspace::{WorkspaceAccess, WorkspaceContext, WorkspaceView};
use crate::limits::{Limiter, Limits};

/// The data of one store.
pub(crate) struct Guest {
    pub(super) table: ResourceTable,
    pub(super) limiter: Limiter,
    pub(super) log: Arc<StepLog>,
    began: Instant,
    operations: Operations,
    secrets: SecretsContext,
    workspace: WorkspaceContext,
    wasi: Option<WasiCtx>,
}

/// The contexts of the capabilities, as one call has them.
pub(crate) struct Contexts {
    pub(crate) log: Arc<StepLog>,
    pub(crate) operations: Operations,
    pub(crate) secrets: SecretsContext,
    pub(crate) workspace: WorkspaceContext,
    /// For guests that import WASI.
    pub(crate) wasi: Option<WasiCtx>,
}
