//! `status`: what runs, what waits for what, and what is asked of an environment next.

use std::sync::Arc;

use anyhow::Result;
use serde::Serialize;
use stagewright_journal::{EnvironmentLock, State as LifeOfDeployment};
use stagewright_pipeline::{Ledger, Record, ServiceId, State};

use super::arguments::{Named, Output};
use super::{Exit, print, target};
use crate::compose::Host;
use crate::description::Description;
use crate::executor::{observe, read_ledger};
use crate::follow::Follower;

/// What is known of one service.
#[derive(Debug, Serialize)]
struct Row {
    service: String,
    #[serde(rename = "type")]
    kind: String,
    stage: String,
    /// As its deployer sees it at this moment, else as it was last recorded.
    condition: String,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deployment: Option<u64>,
    /// What it does, or waits for, in the deployment that runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    now: Option<String>,
}

#[derive(Debug, Serialize)]
struct Report {
    environment: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    running: Option<String>,
    /// Begun, and nobody drives it.
    #[serde(skip_serializing_if = "Option::is_none")]
    interrupted: Option<String>,
    queued: Vec<String>,
    services: Vec<Row>,
}

pub(crate) async fn run(host: &Arc<Host>, named: &Named, output: Output) -> Result<Exit> {
    let environment = target::environment(host, named.environment.as_deref()).await?;
    let ledger = read_ledger(&*host.journal, &environment).await?;
    let mut queued = Vec::new();
    let mut running = None;
    for deployment in host.journal.unfinished(&environment).await? {
        match deployment.state {
            LifeOfDeployment::Queued => queued.push(deployment.id.to_string()),
            _ => running = Some(deployment.id),
        }
    }
    let current = match &running {
        Some(id) => {
            let mut follower =
                Follower::new(Arc::clone(&host.journal), &host.home, id.clone()).await?;
            follower.read().await?;
            Some(follower)
        }
        None => None,
    };
    let description = observe::standing(host, &environment).await?;
    let mut services = Vec::new();
    for subject in &description.subjects {
        let name = subject.service.name.as_str();
        let mut row = row(&description, &ledger, name);
        if let Some(record) = ledger
            .service(name)
            .filter(|record| !record.instances.is_empty())
        {
            observed(host, &description, record, &mut row).await;
        }
        row.now = current
            .as_ref()
            .and_then(|follower| doing(follower.state(), name));
        services.push(row);
    }
    let is_driven = EnvironmentLock::is_held(&host.home.locks(), &environment)?;
    let begun = running.map(|id| id.to_string());
    let (running, interrupted) = if is_driven {
        (begun, None)
    } else {
        (None, begun)
    };
    let report = Report {
        environment,
        running,
        interrupted,
        queued,
        services,
    };
    match output {
        Output::Json => print::json(&report)?,
        Output::Text => text(&report)?,
    }
    Ok(Exit::Success)
}

fn row(description: &Description, ledger: &Ledger, name: &str) -> Row {
    let service = description.subject(name).map(|subject| &subject.service);
    let stage = service.and_then(|service| description.environment.stages.get(service.stage));
    let record = ledger.service(name);
    let deployed = record.and_then(|record| record.deployed.as_ref());
    let is_skipped = service.is_some_and(|service| service.skip);
    let is_orphan = description.environment.service(name).is_none();
    let detail = match (is_skipped, is_orphan) {
        (true, _) => "marked `skip` in the environment file",
        (_, true) => "no longer in the environment file",
        _ => "",
    };
    Row {
        service: name.to_owned(),
        kind: service
            .map(|service| service.kind.to_string())
            .unwrap_or_default(),
        stage: stage.map(|stage| stage.name.clone()).unwrap_or_default(),
        condition: record
            .and_then(|record| record.condition.clone())
            .unwrap_or_else(|| "not deployed".to_owned()),
        detail: detail.to_owned(),
        reference: deployed.and_then(|deployed| deployed.reference.clone()),
        deployment: deployed.map(|deployed| deployed.deployment),
        now: None,
    }
}

/// Replaces what was recorded by what there is.
async fn observed(host: &Arc<Host>, description: &Description, record: &Record, row: &mut Row) {
    match observe::one(host, description, record, &row.service).await {
        Ok((condition, detail)) => {
            row.condition = condition;
            if row.detail.is_empty() {
                row.detail = detail;
            }
        }
        Err(failure) => row.detail = format!("cannot be observed: {failure}"),
    }
}

fn doing(state: &State, name: &str) -> Option<String> {
    let service: ServiceId = state.course().find(name)?;
    if let Some(step) = state.running().find(|step| step.service == service) {
        return Some(format!("{} runs in slot {}", step.step, step.slot));
    }
    let wait = state.waiting(service)?;
    Some(wait.sentence(state.course()).to_string())
}

fn text(report: &Report) -> Result<()> {
    print::line(&format!("environment {}", report.environment))?;
    if let Some(running) = &report.running {
        print::line(&format!("running: {running}"))?;
    }
    if let Some(interrupted) = &report.interrupted {
        print::line(&format!(
            "interrupted: {interrupted}; `stagewright resume` goes on"
        ))?;
    }
    if !report.queued.is_empty() {
        print::line(&format!("queued: {}", report.queued.join(", ")))?;
    }
    let width = report
        .services
        .iter()
        .map(|row| row.service.len())
        .max()
        .unwrap_or(0);
    for row in &report.services {
        let deployment = row
            .deployment
            .map_or_else(|| "-".to_owned(), |number| format!("#{number}"));
        let now = row
            .now
            .as_ref()
            .map(|now| format!("  [{now}]"))
            .unwrap_or_default();
        let line = format!(
            "  {:<width$}  {:<11}  {:<12}  {deployment:>5}  {}{now}",
            row.service, row.kind, row.condition, row.detail,
        );
        print::line(line.trim_end())?;
    }
    Ok(())
}
