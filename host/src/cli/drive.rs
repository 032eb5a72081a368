//! `resume`, and the hidden `drive`: go on with what is recorded and has not ended.

use std::fs::File;
use std::process::{Command, Stdio};
use std::sync::Arc;

use anyhow::{Context, Result};
use stagewright_journal::EnvironmentLock;

use super::arguments::{Named, Output};
use super::deploy::see_through;
use super::{Exit, print, target};
use crate::compose::Host;
use crate::executor::Driver;

/// Goes on with the deployments of an environment, and shows them.
pub(crate) async fn resume(host: &Arc<Host>, named: &Named, output: Output) -> Result<Exit> {
    let environment = target::environment(host, named.environment.as_deref()).await?;
    let unfinished = host.journal.unfinished(&environment).await?;
    if unfinished.is_empty() {
        if output == Output::Text {
            print::line(&format!("nothing of `{environment}` was interrupted"))?;
        }
        return Ok(Exit::Success);
    }
    let mut worst = Exit::Success;
    for deployment in unfinished {
        let exit = see_through(host, deployment.id, output).await?;
        if worst == Exit::Success {
            worst = exit;
        }
    }
    Ok(worst)
}

/// Drives everything that is recorded for an environment, unseen.
pub(crate) async fn run(host: &Arc<Host>, environment: &str) -> Result<Exit> {
    rustix::process::setsid().context("cannot leave the terminal")?;
    // Who drives now may do so only up to its own deployment, so the queue is looked at again
    // each time the lock is free.
    while !host.journal.unfinished(environment).await?.is_empty() {
        match Driver::try_new(host, environment).await? {
            Some(driver) => driver.run(None).await?,
            None => wait_for_driver(host, environment).await?,
        }
    }
    Ok(Exit::Success)
}

/// Waits until nobody drives the environment.
///
/// # Errors
/// When the lock cannot be waited for.
pub(crate) async fn wait_for_driver(host: &Host, environment: &str) -> Result<()> {
    let (locks, environment) = (host.home.locks(), environment.to_owned());
    let waited = tokio::task::spawn_blocking(move || EnvironmentLock::wait(&locks, &environment));
    Ok(waited.await??)
}

/// Starts a process that drives an environment after this one has gone.
///
/// # Errors
/// When it cannot be started.
pub(crate) fn detach(host: &Host, environment: &str) -> Result<()> {
    let program = std::env::current_exe().context("cannot tell where this program is")?;
    let mut command = Command::new(program);
    command.arg("--state-dir").arg(host.home.root());
    if let Some(file) = &host.config_file {
        command.arg("--config").arg(file);
    }
    command
        .args(["drive", environment])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(File::create(
            host.home.root().join(format!("{environment}.driver.log")),
        )?)
        .spawn()
        .context("cannot start the process that goes on in the background")?;
    Ok(())
}
