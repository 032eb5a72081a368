//! `history`: deployments of an environment, newest first.

use anyhow::Result;
use stagewright_journal::{Deployment, State};
use stagewright_pipeline::Timestamp;

use super::arguments::{History, Output};
use super::view::colour::shade;
use super::view::duration;
use super::{Exit, print, target};
use crate::compose::Host;

pub(crate) async fn run(host: &Host, history: &History, output: Output) -> Result<Exit> {
    let environment = target::environment(host, history.named.environment.as_deref()).await?;
    for deployment in host
        .journal
        .deployments(Some(&environment), history.limit)
        .await?
    {
        match output {
            Output::Json => print::json(&deployment)?,
            Output::Text => print::line(&row(&deployment))?,
        }
    }
    Ok(Exit::Success)
}

fn row(deployment: &Deployment) -> String {
    let result = match (
        &deployment.merged_into,
        &deployment.result,
        deployment.state,
    ) {
        (Some(other), _, _) => format!("merged into {other}"),
        (None, Some(result), _) => result.clone(),
        (None, None, State::Queued) => "queued".to_owned(),
        (None, None, _) => "running".to_owned(),
    };
    let took = match (deployment.started_ms, deployment.ended_ms) {
        (Some(started), Some(ended)) => duration(ended.saturating_sub(started)),
        _ => "-".to_owned(),
    };
    let kept = match deployment.forgotten {
        true => "; its facts and logs are not kept any more",
        false => "",
    };
    let cell = shade(&result, &format!("{result:<22}"));
    format!(
        "{:<20} {:<10} {} {:>8}  {}  {}{kept}",
        deployment.id.to_string(),
        deployment.action,
        cell,
        took,
        Timestamp(deployment.created_ms),
        deployment.trigger,
    )
}
