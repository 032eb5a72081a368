//! The folders of deployments and services.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use stagewright_journal::DeploymentId;
use stagewright_runtime::{Garbage, Sweep};

use super::needed::History;
use super::{Kind, below};
use crate::compose::Host;
use crate::discard::{self, discard, size_of};

/// Logs of deployments that are forgotten.
pub(super) fn logs(host: &Host, history: &History, sweep: Sweep) -> Result<Vec<Garbage>> {
    let mut garbage = Vec::new();
    clear(&host.home.logs(""), sweep)?;
    for id in &history.forgotten {
        let folder = host.home.logs(&id.to_string());
        if folder.is_dir() {
            garbage.push(remove(host, &folder, sweep)?);
        }
    }
    Ok(garbage)
}

/// Releases of deployments that are not kept and do not run, and what builds left of services
/// that nobody describes any more. The caller has the environment's lock.
pub(super) async fn of_services(
    host: &Host,
    history: &History,
    sweep: Sweep,
) -> Result<Vec<(Kind, Garbage)>> {
    let environment = &history.environment;
    let mut garbage = Vec::new();
    for (kind, parent) in [
        ("build", host.home.build(environment, "")),
        ("cache", host.home.caches(environment, "")),
    ] {
        clear(&parent, sweep)?;
        for folder in folders(&parent)? {
            if !history.services.contains(name(&folder)) {
                garbage.push((kind, remove(host, &folder, sweep)?));
            }
        }
    }
    let runtime = host.runtime()?;
    for folder in folders(&host.home.releases(environment))? {
        let service = runtime.supervisor().service(environment, name(&folder))?;
        for (at, release) in service.releases()?.iter().enumerate() {
            let id = release.step_id().split('/').next().unwrap_or_default();
            let id: Option<DeploymentId> = id.parse().ok();
            let kept = id.is_none_or(|id| {
                id.number() > history.newest || history.kept.contains(&id.number())
            });
            // The newest is what is deployed, however long ago that was.
            let newest = at == 0 && history.services.contains(name(&folder));
            if kept || newest || release.state()?.condition.is_live() {
                continue;
            }
            let bytes = size_of(&release.root());
            if !sweep.dry_run {
                release.remove().await?;
            }
            let name = release.step_id().to_owned();
            garbage.push(("release", Garbage { name, bytes }));
        }
    }
    Ok(garbage)
}

/// Removes what a collection that was killed had begun to remove.
fn clear(parent: &Path, sweep: Sweep) -> Result<()> {
    if sweep.dry_run {
        return Ok(());
    }
    discard::clear(parent).with_context(|| format!("cannot clear up {}", parent.display()))
}

fn remove(host: &Host, folder: &Path, sweep: Sweep) -> Result<Garbage> {
    let garbage = Garbage {
        name: below(host, folder),
        bytes: size_of(folder),
    };
    if !sweep.dry_run {
        discard(folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    Ok(garbage)
}

/// The complete folders in a folder that may not be there.
fn folders(parent: &Path) -> Result<Vec<PathBuf>> {
    discard::folders(parent).with_context(|| format!("cannot read {}", parent.display()))
}

fn name(path: &Path) -> &str {
    path.file_name().and_then(OsStr::to_str).unwrap_or_default()
}
