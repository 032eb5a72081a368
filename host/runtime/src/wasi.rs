//! WASI 0.2 for guests that import it: deny by default.
//!
//! It gives nothing that the workspace capability does not give: the source, for reading, at
//! `/source` and the folder to build in at `/output`, and neither without the grant. Standard
//! output goes into the log of the step. There is no network, no environment and no
//! argument; clocks run, random numbers are limited in size.

mod stdio;

use std::sync::Arc;

use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxBuilder};

use crate::call::Source;
use crate::capability::log::StepLog;
use crate::capability::workspace::WorkspaceContext;
use crate::limits::Limits;
use crate::record::Level;
use stdio::Lines;

/// The WASI side of one call.
///
/// # Errors
/// When one of the folders cannot be opened.
pub(crate) fn context(
    log: &Arc<StepLog>,
    limits: &Limits,
    workspace: Option<&WorkspaceContext>,
) -> wasmtime::Result<WasiCtx> {
    let mut builder = WasiCtxBuilder::new();
    builder
        .stdout(Lines::new(Arc::clone(log), Level::Info))
        .stderr(Lines::new(Arc::clone(log), Level::Warn))
        .max_random_size(limits.random.bytes())
        .allow_tcp(false)
        .allow_udp(false)
        .allow_ip_name_lookup(false);
    if let Some(workspace) = workspace {
        if let Some(source) = workspace.source() {
            open_source(&mut builder, source)?;
        }
        if let Some(output) = workspace.output() {
            builder.preopened_dir(output, "/output", FsPerms::ReadWrite)?;
        }
    }
    Ok(builder.build())
}

/// The visible parts of the source, each at its place below `/source`.
fn open_source(builder: &mut WasiCtxBuilder, source: &Source) -> wasmtime::Result<()> {
    if source.visible.is_empty() || source.visible.iter().any(|part| part == ".") {
        builder.preopened_dir(&source.root, "/source", FsPerms::ReadOnly)?;
        return Ok(());
    }
    for part in &source.visible {
        let part = part.trim_matches('/');
        builder.preopened_dir(source.root.join(part), format!("/source/{part}"), FsPerms::ReadOnly)?;
    }
    Ok(())
}
