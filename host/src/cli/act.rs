//! `stop`, `start`, `restart`, `destroy`: what is done with services that are deployed.

use std::io::{IsTerminal, stdin};
use std::sync::Arc;

use anyhow::{Result, bail};
use stagewright_pipeline::Action;

use super::arguments::{Act, Destroy, Output};
use super::deploy::see_through;
use super::{Exit, print, target};
use crate::compose::Host;
use crate::executor::enqueue;
use crate::resolve::{Resolved, check_secrets, standing};

pub(crate) async fn stop(host: &Arc<Host>, act: &Act, output: Output) -> Result<Exit> {
    run(host, act, Action::Stop, output).await
}

pub(crate) async fn start(host: &Arc<Host>, act: &Act, output: Output) -> Result<Exit> {
    run(host, act, Action::Start, output).await
}

pub(crate) async fn restart(host: &Arc<Host>, act: &Act, output: Output) -> Result<Exit> {
    run(host, act, Action::Restart, output).await
}

async fn run(host: &Arc<Host>, act: &Act, action: Action, output: Output) -> Result<Exit> {
    let environment = target::environment(host, act.named.environment.as_deref()).await?;
    let description = standing(host, &environment, action, &act.only, false).await?;
    // What is taken down needs none, and a missing one of a job on the way is no reason not to.
    if action != Action::Stop {
        check_secrets(host, &description).await?;
    }
    let id = enqueue(host, &description, "command line").await?;
    see_through(host, id, output).await
}

pub(crate) async fn destroy(host: &Arc<Host>, destroy: &Destroy, output: Output) -> Result<Exit> {
    let Destroy { act, data, yes } = destroy;
    let environment = target::environment(host, act.named.environment.as_deref()).await?;
    let description = standing(host, &environment, Action::Destroy, &act.only, *data).await?;
    let names: Vec<&str> = description
        .parts()
        .map(|part| part.service.name.as_str())
        .collect();
    if names.is_empty() {
        print::note(&format!("nothing of `{environment}` is deployed"));
        return Ok(Exit::Success);
    }
    if !yes && !confirmed(&environment, &names, *data)? {
        print::note("nothing was removed");
        return Ok(Exit::Cancelled);
    }
    let id = enqueue(host, &description, "command line").await?;
    see_through(host, id, output).await
}

/// Removes services that are no longer in the file, after a deployment that succeeded.
pub(crate) async fn prune(host: &Arc<Host>, resolved: &Resolved, output: Output) -> Result<Exit> {
    let environment = &resolved.description.environment.name;
    let description =
        standing(host, environment, Action::Destroy, &resolved.orphans, false).await?;
    let id = enqueue(host, &description, "command line, --prune").await?;
    see_through(host, id, output).await
}

fn confirmed(environment: &str, names: &[&str], data: bool) -> Result<bool> {
    if !stdin().is_terminal() {
        bail!("destroy asks first, and there is no terminal to ask on; say --yes");
    }
    let with = if data {
        ", with all their data"
    } else {
        "; their data stays"
    };
    print::note(&format!(
        "this removes {} of `{environment}`{with}. Type the name of the environment to go on:",
        names.join(", ")
    ));
    let mut answer = String::new();
    stdin().read_line(&mut answer)?;
    Ok(answer.trim() == environment)
}
