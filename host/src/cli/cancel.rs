//! `cancel`: ends a deployment before its time, from any terminal.

use std::sync::Arc;

use anyhow::{Result, bail};
use stagewright_journal::State;

use super::arguments::{Cancel, Output};
use super::{Exit, print, target};
use crate::compose::Host;
use crate::control::{self, Reply, Request};
use crate::executor;

pub(crate) async fn run(host: &Arc<Host>, cancel: &Cancel, output: Output) -> Result<Exit> {
    let deployment = target::unfinished(host, cancel.target.as_deref()).await?;
    let id = deployment.id;
    if deployment.state == State::Ended {
        bail!("{id} has ended already; there is nothing to cancel");
    }
    let request = Request::Cancel {
        deployment: id.clone(),
        force: cancel.force,
    };
    let socket = host.home.control(id.environment());
    let how = match control::ask(&socket, &request).await? {
        Some(Reply::Accepted) => "cancelling",
        Some(Reply::Refused(why)) => bail!("{id} cannot be cancelled: {why}"),
        // Nobody drives it, so this process ends it.
        None => match executor::cancel_alone(host, &id, cancel.force).await? {
            true => "cancelled",
            false => bail!("{id} has ended already; there is nothing to cancel"),
        },
    };
    match output {
        Output::Json => {
            print::json(&serde_json::json!({ "deployment": id.to_string(), "result": how }))?;
        }
        Output::Text => print::line(&format!("{id}: {how}"))?,
    }
    Ok(Exit::Success)
}
