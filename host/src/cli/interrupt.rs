//! Interrupts from the keyboard: the first one cancels softly, the second one by force.

use std::sync::Arc;

use anyhow::Result;
use stagewright_journal::DeploymentId;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::print;
use crate::compose::Host;
use crate::control::{self, Reply, Request};
use crate::executor::cancel_alone;

/// Cancels the deployment when it is asked for by a signal. Goes on until it is aborted.
///
/// # Errors
/// When signals cannot be listened to.
pub(crate) async fn listen(host: Arc<Host>, id: DeploymentId) -> Result<()> {
    let mut interrupts = signal(SignalKind::interrupt())?;
    let mut terminations = signal(SignalKind::terminate())?;
    let mut force = false;
    loop {
        either(&mut interrupts, &mut terminations).await;
        print::note(match force {
            false => "cancelling; once more to cancel by force",
            true => "cancelling by force",
        });
        let request = Request::Cancel {
            deployment: id.clone(),
            force,
        };
        match control::ask(&host.home.control(id.environment()), &request).await {
            Ok(Some(Reply::Accepted)) => force = true,
            Ok(Some(Reply::Refused(why))) => print::note(&format!("not cancelled: {why}")),
            Ok(None) => match cancel_alone(&host, &id, force).await {
                Ok(_) => return Ok(()),
                Err(error) => print::note(&format!("not cancelled: {error:#}")),
            },
            Err(error) => print::note(&format!("not cancelled: {error:#}")),
        }
    }
}

async fn either(one: &mut Signal, other: &mut Signal) {
    tokio::select! {
        _ = one.recv() => {}
        _ = other.recv() => {}
    }
}
