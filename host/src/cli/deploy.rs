//! `deploy`: asks for a deployment and sees it through, here or in the process that drives
//! the environment already.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::{Result, bail};
use futures::FutureExt;
use futures::future::{Fuse, FusedFuture};
use stagewright_journal::{DeploymentId, EnvironmentLock, State as LifeOfDeployment};
use stagewright_pipeline::{Action, Ending, Life};
use stagewright_runtime::Declared;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::arguments::{Deploy, Output};
use super::view::{self, watch};
use super::{Exit, act, drive, interrupt, print};
use crate::compose::Host;
use crate::description::Description;
use crate::executor::{Driver, enqueue};
use crate::follow::{Follower, read_description};
use crate::resolve::{Extent, granted_commands, granted_repositories, resolve};

pub(crate) async fn run(host: &Arc<Host>, deploy: &Deploy, output: Output) -> Result<Exit> {
    let action = if deploy.redeploy {
        Action::Redeploy
    } else {
        Action::Deploy
    };
    let resolved = resolve(host, &deploy.file.file, action, &deploy.only, Extent::World).await?;
    if output == Output::Text {
        announce(&resolved.description, &resolved.orphans, deploy.prune);
    }
    let id = enqueue(host, &resolved.description, "command line").await?;
    if deploy.detach {
        drive::detach(host, id.environment())?;
        return detached(&id, output);
    }
    let exit = see_through(host, id, output).await?;
    if exit == Exit::Success && deploy.prune && !resolved.orphans.is_empty() {
        return act::prune(host, &resolved, output).await;
    }
    Ok(exit)
}

fn announce(description: &Description, orphans: &[String], prune: bool) {
    let programs: BTreeSet<String> = description.parts().flat_map(granted_commands).collect();
    if !programs.is_empty() {
        let programs: Vec<String> = programs.into_iter().collect();
        print::note(&format!(
            "builds may run these programs of this machine, which the environment file declares: {}",
            programs.join(", ")
        ));
    }
    let name = &description.environment.name;
    let repositories = description.parts().flat_map(|subject| {
        let Declared { pull, push } = granted_repositories(name, subject);
        pull.into_iter().chain(push)
    });
    let repositories: BTreeSet<String> = repositories.collect();
    if !repositories.is_empty() {
        let repositories: Vec<String> = repositories.into_iter().collect();
        print::note(&format!(
            "plugins may use these repositories, which the environment file declares: {}",
            repositories.join(", ")
        ));
    }
    if !orphans.is_empty() && !prune {
        print::note(&format!(
            "deployed and no longer in the file: {} (--prune removes them)",
            orphans.join(", ")
        ));
    }
}

fn detached(id: &DeploymentId, output: Output) -> Result<Exit> {
    match output {
        Output::Json => print::json(&serde_json::json!({ "deployment": id }))?,
        Output::Text => print::line(&format!(
            "{id} goes on in the background; `stagewright logs --follow {id}` shows it"
        ))?,
    }
    Ok(Exit::Success)
}

/// Shows a deployment until it ends, and drives it unless another process does.
///
/// # Errors
/// When it cannot be followed, or this process cannot drive it on.
pub(crate) async fn see_through(
    host: &Arc<Host>,
    id: DeploymentId,
    output: Output,
) -> Result<Exit> {
    let mut id = id;
    let mut failed = false;
    tell_holder(host, &id, output)?;
    loop {
        let mut follower = Follower::new(Arc::clone(&host.journal), &host.home, id.clone()).await?;
        let (over, seen) = oneshot::channel();
        let mut driving = tokio::spawn(drive_or_wait(Arc::clone(host), id.clone(), seen)).fuse();
        let listening = tokio::spawn(interrupt::listen(Arc::clone(host), id.clone()));
        let mut view = view::choose(output);
        let name = id.to_string();
        let shown = tokio::select! {
            shown = watch(&mut follower, &name, &*host.clock, &mut *view) => shown,
            failed = failure_of(&mut driving) => {
                print::note(&format!("stagewright: {failed:#}"));
                return Ok(Exit::Lost);
            }
        };
        if let Err(error) = shown {
            // Nobody sees it any more, which is no reason to leave it half done.
            print::note(&format!("stagewright: {id} goes on unseen: {error:#}"));
            rest_of(driving).await?;
            follower.read().await?;
        } else {
            // The driver has its lock and its socket to put away. It has said all it had to say.
            drop(over);
            if let Err(error) = rest_of(driving).await {
                print::note(&format!("stagewright: after the end of {id}: {error:#}"));
            }
        }
        listening.abort();
        if let Some(other) = merged_into(host, &id).await? {
            id = other;
            continue;
        }
        match follower.state().life() {
            // What it brought back does not make the deployment before it a success.
            Life::Ended(Ending::Succeeded) if failed => return Ok(Exit::Failed),
            Life::Ended(Ending::Succeeded) => return Ok(Exit::Success),
            Life::Ended(Ending::Cancelled) => return Ok(Exit::Cancelled),
            Life::Ended(_) => match undone_by(host, &id).await? {
                None => return Ok(Exit::Failed),
                Some(rollback) => {
                    failed = true;
                    id = rollback;
                }
            },
            Life::New | Life::Running => {
                bail!("{id} ended without a result; `stagewright history` tells more")
            }
        }
    }
}

/// The rollback that was recorded together with the failure of a deployment.
async fn undone_by(host: &Host, failed: &DeploymentId) -> Result<Option<DeploymentId>> {
    let waiting = host.journal.unfinished(failed.environment()).await?;
    for deployment in waiting {
        let description = read_description(&*host.journal, &deployment.id).await?;
        if description.undoes() == Some(failed.number()) {
            return Ok(Some(deployment.id));
        }
    }
    Ok(None)
}

/// Says which other process drives the environment, so that a wait for it can be understood.
fn tell_holder(host: &Host, id: &DeploymentId, output: Output) -> Result<()> {
    let environment = id.environment();
    let Some(holder) = EnvironmentLock::held_by(&host.home.locks(), environment)? else {
        return Ok(());
    };
    let (pid, since) = (holder.pid, &holder.since);
    let held = format!(
        "environment `{environment}` is held by pid {pid} since {since}, which {}",
        holder.command
    );
    match output {
        Output::Text => print::note(&format!("{held}; {id} takes its turn")),
        // No event of the journal, so it has no `seq`.
        Output::Json => print::json(&serde_json::json!({
            "event": "environment.held", "deployment": id, "reason": held,
            "pid": pid, "since": since,
        }))?,
    }
    Ok(())
}

async fn merged_into(host: &Host, id: &DeploymentId) -> Result<Option<DeploymentId>> {
    let deployment = host.journal.deployment(id).await?;
    Ok(deployment.and_then(|deployment| deployment.merged_into))
}

/// Completes only when driving fails: its success is seen in the journal.
async fn failure_of(driving: &mut Fuse<JoinHandle<Result<()>>>) -> anyhow::Error {
    match driving.await {
        Ok(Ok(())) => std::future::pending().await,
        Ok(Err(error)) => error.context("the deployment stopped; `stagewright resume` goes on"),
        Err(panic) => anyhow::Error::new(panic).context("the driver broke off"),
    }
}

/// Waits until driving has come to its end.
async fn rest_of(driving: Fuse<JoinHandle<Result<()>>>) -> Result<()> {
    if driving.is_terminated() {
        return Ok(());
    }
    driving.await?
}

/// Drives the environment up to this deployment, once nobody else does. Waits no longer for
/// that when the other end of `over` is dropped.
async fn drive_or_wait(
    host: Arc<Host>,
    id: DeploymentId,
    mut over: oneshot::Receiver<()>,
) -> Result<()> {
    loop {
        let deployment = host.journal.deployment(&id).await?;
        if deployment.is_none_or(|deployment| deployment.state == LifeOfDeployment::Ended) {
            return Ok(());
        }
        if let Some(driver) = Driver::try_new(&host, id.environment()).await? {
            return driver.run(Some(&id)).await;
        }
        tokio::select! {
            waited = drive::wait_for_driver(&host, id.environment()) => waited?,
            _ = &mut over => return Ok(()),
        }
    }
}
