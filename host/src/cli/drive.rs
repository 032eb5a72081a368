//! `resume`, and the hidden `drive`: go on with what is recorded and has not ended.

use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::Arc;

use anyhow::{Context, Result};

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
    // Already the leader of a session when it was started by hand in a shell; that is fine.
    let _ = rustix::process::setsid();
    match Driver::try_new(host, environment)? {
        Some(driver) => driver.run(None).await?,
        // Whoever drives finds what was recorded.
        None => tracing::info!(environment, "another process drives"),
    }
    Ok(Exit::Success)
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
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .context("cannot start the process that goes on in the background")?;
    Ok(())
}
