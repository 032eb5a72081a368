//! The description of an action on what is deployed: services as their last deployment left
//! them, each with the very plugin and configuration that deployed it.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail};
use stagewright_journal::DeploymentId;
use stagewright_pipeline::{Action, Ledger};

use crate::compose::Host;
use crate::description::{Description, Subject};
use crate::executor::read_ledger;
use crate::follow::read_description;

/// What an action on an environment's deployed services is made of.
///
/// # Errors
/// When nothing is deployed, or a selected service is not.
pub(crate) async fn standing(
    host: &Host,
    environment: &str,
    action: Action,
    only: &[String],
    with_data: bool,
) -> Result<Description> {
    let ledger = read_ledger(&*host.journal, environment).await?;
    let deployed: BTreeSet<&str> = ledger
        .services()
        .filter(|(_, record)| !record.instances.is_empty())
        .map(|(name, _)| name)
        .collect();
    let unknown: Vec<&str> = only
        .iter()
        .map(String::as_str)
        .filter(|name| !deployed.contains(name))
        .collect();
    if !unknown.is_empty() {
        bail!("{} is not deployed in `{environment}`", unknown.join(", "));
    }
    let mut description = last_deploy(host, environment).await?;
    let last_stage = description.environment.stages.len().saturating_sub(1);
    for name in &deployed {
        if description.subject(name).is_none() {
            let mut orphan = as_deployed(host, environment, &ledger, name).await?;
            orphan.service.stage = last_stage;
            orphan.service.needs.clear();
            description.subjects.push(orphan);
        }
    }
    for subject in &mut description.subjects {
        let name = subject.service.name.as_str();
        let selected = only.is_empty() || only.iter().any(|selected| selected == name);
        subject.takes_part = selected && deployed.contains(name);
        let record = ledger.service(name);
        if let Some(instance) = record.and_then(|record| record.instances.last()) {
            subject.deploy = instance.plugin.clone();
        }
    }
    description.action = action;
    description.only = only.to_vec();
    description.with_data = with_data;
    description.cancel_grace = host.config.cancel_grace.millis();
    Ok(description)
}

/// The description of the last deployment that built and deployed.
async fn last_deploy(host: &Host, environment: &str) -> Result<Description> {
    for deployment in host.journal.deployments(Some(environment), MOST).await? {
        let description = read_description(&*host.journal, &deployment.id).await?;
        if description.action.has_builds() {
            return Ok(description);
        }
    }
    bail!("nothing of environment `{environment}` was ever deployed")
}

/// How many deployments are looked through for one that deployed.
const MOST: usize = 1_000;

/// A service that is no longer in the file, as the deployment that made it described it.
async fn as_deployed(
    host: &Host,
    environment: &str,
    ledger: &Ledger,
    name: &str,
) -> Result<Subject> {
    let instance = ledger
        .service(name)
        .and_then(|record| record.instances.last());
    let instance = instance.with_context(|| format!("{name} is not deployed"))?;
    let id = DeploymentId::new(environment, instance.deployment);
    let description = read_description(&*host.journal, &id).await?;
    let subject = description.subject(name);
    subject
        .cloned()
        .with_context(|| format!("{id} does not describe {name}"))
}
