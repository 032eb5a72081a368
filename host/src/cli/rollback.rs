//! `rollback`: services as an earlier deployment left them.

use std::sync::Arc;

use anyhow::{Result, anyhow, bail};
use stagewright_journal::DeploymentId;

use super::arguments::{Output, Rollback};
use super::deploy::see_through;
use super::{Exit, print, target};
use crate::compose::Host;
use crate::executor::enqueue;
use crate::resolve::earlier;

pub(crate) async fn run(host: &Arc<Host>, rollback: &Rollback, output: Output) -> Result<Exit> {
    let Rollback { act, to } = rollback;
    let environment = target::environment(host, act.named.environment.as_deref()).await?;
    let to = to
        .as_deref()
        .map(|to| number(&environment, to))
        .transpose()?;
    let (description, later) = earlier(host, &environment, to, &act.only).await?;
    let target = description
        .earlier
        .as_ref()
        .map_or(0, |earlier| earlier.deployment);
    if output == Output::Text {
        print::note(&format!(
            "going back to what {environment}-{target} left; data stays"
        ));
        if !later.is_empty() {
            print::note(&format!(
                "not there at that time, and left as they are: {}",
                later.join(", ")
            ));
        }
    }
    let trigger = format!("command line, to {environment}-{target}");
    let id = enqueue(host, &description, &trigger).await?;
    see_through(host, id, output).await
}

/// The number of a deployment that is given by its id or its number.
fn number(environment: &str, said: &str) -> Result<u64> {
    if let Ok(number) = said.parse() {
        return Ok(number);
    }
    let id: DeploymentId = said.parse().map_err(|_| {
        anyhow!(
            "`{said}` is no deployment: name one as 3 or as {environment}-3; `stagewright \
             history` lists them"
        )
    })?;
    if id.environment() != environment {
        bail!("{id} is a deployment of another environment than `{environment}`");
    }
    Ok(id.number())
}
