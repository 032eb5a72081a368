//! The description of an action on what is deployed: services as their last deployment left
//! them, each with the very plugin and configuration that deployed it.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail};
use stagewright_journal::{DeploymentId, MAX_PAGE, Selection};
use stagewright_pipeline::environment::ServiceType;
use stagewright_pipeline::{Action, Ledger};

use super::past::named;
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
    let mut description = last_deploy(host, environment).await?;
    let runs: BTreeSet<String> = description
        .subjects
        .iter()
        .filter(|subject| runs(&ledger, subject, action))
        .map(|subject| subject.service.name.clone())
        .collect();
    let unknown: Vec<&str> = only
        .iter()
        .map(String::as_str)
        .filter(|name| match action {
            Action::Run => !runs.contains(*name),
            _ => !deployed.contains(name) && !runs.contains(*name) && !with_data,
        })
        .collect();
    match (unknown.as_slice(), action) {
        ([], _) => {}
        (unknown, Action::Run) => bail!(
            "{} is no job of `{environment}` that was ever built; jobs: {}",
            unknown.join(", "),
            Vec::from_iter(runs).join(", ")
        ),
        (unknown, _) => bail!("{} is not deployed in `{environment}`", unknown.join(", ")),
    }
    for subject in &mut description.subjects {
        let name = &subject.service.name;
        let selected = only.is_empty() || only.contains(name);
        subject.takes_part = selected && runs.contains(name);
    }
    if with_data {
        // Data outlives what used it, so also what is not deployed any more may have some.
        for subject in &mut description.subjects {
            let name = &subject.service.name;
            subject.takes_part = only.is_empty() || only.contains(name);
        }
    }
    for name in deployed {
        if runs.contains(name) || action == Action::Run {
            continue;
        }
        let mut subject = as_deployed(host, environment, &ledger, name).await?;
        subject.takes_part = only.is_empty() || only.iter().any(|selected| selected == name);
        place(&mut description, subject);
    }
    description.action = action;
    description.only = only.to_vec();
    description.with_data = with_data;
    description.cancel_grace = host.config.cancel_grace.millis();
    Ok(description)
}

/// Is it a job that the action runs, and was it ever built? It runs as it was described last,
/// whatever it was when it ran before.
fn runs(ledger: &Ledger, subject: &Subject, action: Action) -> bool {
    let service = &subject.service;
    let built = ledger
        .service(&service.name)
        .and_then(|record| record.reference());
    let runs = service.kind == ServiceType::Job && action.runs(&service.run);
    runs && !service.skip && built.is_some()
}

/// The description of the last deployment that built and deployed.
async fn last_deploy(host: &Host, environment: &str) -> Result<Description> {
    let selection = Selection {
        actions: &named(Action::has_builds),
        forgotten: false,
    };
    let found = host.journal.selected(environment, selection, MAX_PAGE);
    let begun = found
        .await?
        .into_iter()
        .find(|one| one.started_ms.is_some());
    match begun {
        Some(deployment) => read_description(&*host.journal, &deployment.id).await,
        None => bail!("nothing of environment `{environment}` was ever deployed"),
    }
}

/// Puts a service into a description of its environment as it is now: its stage and its needs
/// are indices into that; an orphan goes to the last stage.
fn place(description: &mut Description, mut subject: Subject) {
    let mut subjects = description.subjects.iter_mut();
    match subjects.find(|known| known.service.name == subject.service.name) {
        Some(known) => {
            subject.service.stage = known.service.stage;
            subject.service.needs.clone_from(&known.service.needs);
            subject.service.skip = known.service.skip;
            *known = subject;
        }
        None => {
            subject.service.stage = description.environment.stages.len().saturating_sub(1);
            subject.service.needs.clear();
            description.subjects.push(subject);
        }
    }
}

/// A service as the deployment that made its instance described it.
pub(super) async fn as_deployed(
    host: &Host,
    environment: &str,
    ledger: &Ledger,
    name: &str,
) -> Result<Subject> {
    let known = ledger
        .service(name)
        .map(|record| record.instances.as_slice());
    let known = known.unwrap_or_default();
    // After an attempt that failed, what was confirmed before it still serves.
    let instance = known
        .iter()
        .rfind(|instance| instance.confirmed)
        .or(known.last());
    let instance = instance.with_context(|| format!("{name} is not deployed"))?;
    let id = DeploymentId::new(environment, instance.deployment);
    let description = read_description(&*host.journal, &id).await?;
    let subject = description.subject(name).cloned();
    let mut subject = subject.with_context(|| format!("{id} does not describe {name}"))?;
    subject.deploy = instance.plugin.clone();
    Ok(subject)
}
