//! WASI 0.2 for guests that import it: deny by default.
//!
//! It gives nothing that the workspace capability does not give: the source, for reading and
//! without `.git`, at `/source` and the folder to build in at `/output`, and neither without
//! the grant. Standard
//! output goes into the log of the step. There is no network, no environment and no
//! argument; clocks run, random numbers are limited in size.

mod opening;
mod stdio;
#[cfg(test)]
mod tests;
mod view;

use std::path::Path;
use std::sync::Arc;

use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxBuilder};

use crate::call::Call;
use crate::capability::log::StepLog;
use crate::capability::workspace::Source;
use crate::limits::Limits;
use crate::record::Level;
use stdio::Lines;

pub(crate) use opening::guard;
pub(crate) use view::{Copied, Views};

/// The WASI side of one call.
///
/// `folders`: the call whose folders it may use, when it may use them; `copied`: in place of
/// its source.
///
/// # Errors
/// When one of the folders cannot be opened.
pub(crate) fn context(
    log: &Arc<StepLog>,
    limits: &Limits,
    folders: Option<&Call>,
    copied: Option<&Copied>,
) -> wasmtime::Result<WasiCtx> {
    let mut builder = WasiCtxBuilder::new();
    builder
        .stdout(Lines::new(Arc::clone(log), Level::Info))
        .stderr(Lines::new(Arc::clone(log), Level::Warn))
        .max_random_size(limits.random.bytes())
        .allow_tcp(false)
        .allow_udp(false)
        .allow_ip_name_lookup(false);
    if let Some(source) = folders.and_then(|call| call.source.as_ref()?.here()) {
        let root = copied.map_or(source.root.as_path(), Copied::path);
        open_source(&mut builder, source, root)?;
    }
    if let Some(output) = folders.and_then(|call| call.output.as_ref()) {
        builder.preopened_dir(output, "/output", FsPerms::ReadWrite)?;
    }
    Ok(builder.build())
}

/// The parts of the source, each at its place below `/source`.
fn open_source(builder: &mut WasiCtxBuilder, source: &Source, root: &Path) -> wasmtime::Result<()> {
    let parts = [&source.path].into_iter().chain(&source.include);
    for part in parts.map(|part| part.trim_matches('/')) {
        let place = match part {
            "" | "." => "/source".to_owned(),
            part => format!("/source/{part}"),
        };
        builder.preopened_dir(root.join(part), place, FsPerms::ReadOnly)?;
    }
    Ok(())
}
