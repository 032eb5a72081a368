//! Removes what the kept history does not need: images, components, clones, releases, logs,
//! folders of builds, and the facts of old deployments.
//!
//! Safe beside running deployments. What those are made of is needed like everything that is
//! in the journal; what they make before it is written there is younger than they are, and
//! whatever is that young stays. Where an environment is being driven, its releases and
//! folders are left for the next time. Data folders are never garbage.

mod folders;
mod needed;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Result;
use stagewright_journal::{EnvironmentLock, LockError};
use stagewright_runtime::{Garbage, Sweep};

use crate::compose::Host;
use crate::executor::left_by;
use needed::{History, Needed};

/// How many deployments of an environment that left a state, and how many others, are kept
/// where nothing is said.
pub(crate) const HISTORY: usize = 20;

/// What was made or used so recently stays: somebody may be about to ask for a deployment.
const YOUNG: Duration = Duration::from_secs(3_600);

/// What kind of thing is removed.
pub(crate) type Kind = &'static str;

/// Removes what is not needed, and tells of each piece as it goes.
///
/// # Errors
/// When something cannot be read or removed; what was told of is gone, and another run goes on.
pub(crate) async fn collect(
    host: &Arc<Host>,
    history: usize,
    dry_run: bool,
    mut tell: impl FnMut(Kind, Garbage) -> Result<()>,
) -> Result<()> {
    let mut needed = Needed::default();
    let mut histories = Vec::new();
    for environment in host.journal.environments().await? {
        histories.push(needed.add(host, &environment, history).await?);
    }
    let sweep = Sweep {
        before: threshold(host, needed.oldest_unfinished),
        dry_run,
    };
    for history in &histories {
        for garbage in folders::logs(host, history, sweep)? {
            tell("logs", garbage)?;
        }
        // Alone, so that nobody begins to build or to install there meanwhile.
        match EnvironmentLock::acquire(&host.home.locks(), &history.environment, "collects garbage")
        {
            Ok(alone) => {
                alone.verify()?;
                // What began since is not known to be needed; the next run knows it.
                let newest = host
                    .journal
                    .deployments(Some(&history.environment), 1)
                    .await?;
                if newest.iter().any(|one| one.id.number() > history.newest) {
                    continue;
                }
                for (kind, garbage) in folders::of_services(host, history, sweep).await? {
                    tell(kind, garbage)?;
                }
            }
            Err(LockError::Held { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let (host_, swept) = (Arc::clone(host), sweep);
    let shared = tokio::task::spawn_blocking(move || everywhere(&host_, &needed, swept));
    for (kind, garbage) in shared.await?? {
        tell(kind, garbage)?;
    }
    // The facts last: until they are gone another run knows what they needed.
    for history in &histories {
        for garbage in forget(host, history, dry_run).await? {
            tell("deployment", garbage)?;
        }
    }
    Ok(())
}

/// What all environments share.
fn everywhere(host: &Host, needed: &Needed, sweep: Sweep) -> Result<Vec<(Kind, Garbage)>> {
    let runtime = host.runtime()?;
    let images = runtime.images().sweep(&needed.images, sweep)?;
    let components = runtime.sweep_components(&needed.plugins, sweep)?;
    let sources = host.sources.sweep(&needed.commits, sweep)?;
    let kinds = [
        ("image", images),
        ("component", components),
        ("source", sources),
    ];
    Ok(kinds
        .into_iter()
        .flat_map(|(kind, all)| all.into_iter().map(move |garbage| (kind, garbage)))
        .collect())
}

async fn forget(host: &Host, history: &History, dry_run: bool) -> Result<Vec<Garbage>> {
    let mut garbage = Vec::new();
    for id in &history.forgotten {
        if !dry_run {
            // First, so that nobody is led to what is forgotten.
            let left = left_by(id.number());
            host.journal
                .delete_document(&history.environment, &left)
                .await?;
            host.journal.forget(id).await?;
        }
        garbage.push(Garbage {
            name: id.to_string(),
            bytes: 0,
        });
    }
    Ok(garbage)
}

/// What was made or used since then stays.
fn threshold(host: &Host, oldest_unfinished: Option<u64>) -> SystemTime {
    let at = |millis: u64| UNIX_EPOCH + Duration::from_millis(millis);
    let young = at(host.clock.now().0) - YOUNG;
    oldest_unfinished.map_or(young, |created| young.min(at(created)))
}

/// What a folder is called below the state folder.
fn below(host: &Host, path: &Path) -> String {
    let path = path.strip_prefix(host.home.root()).unwrap_or(path);
    path.display().to_string()
}
