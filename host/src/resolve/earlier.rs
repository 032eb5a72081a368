//! The description of a rollback: services as an earlier deployment left them, each with the
//! plugin, the configuration and the image that it had then.
//!
//! All of it is looked up when the rollback is asked for, so that what is gone is said before
//! anything starts. Data is never rolled back.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use stagewright_journal::DeploymentId;
use stagewright_pipeline::environment::Service;
use stagewright_pipeline::{Action, Ledger, Output, Record};

use super::past::{Past, changes};
use super::secrets::check_secrets;
use super::standing::as_deployed;
use crate::compose::Host;
use crate::description::{Description, Earlier};
use crate::executor::{read_ledger, read_left_by};
use crate::follow::read_description;

/// What a rollback is made of: to that deployment, or to the one that [`Past`] tells. Services
/// that did not exist then are answered, too; they are left alone.
///
/// # Errors
/// When there is nothing to go back to, or something that it takes is gone.
pub(crate) async fn earlier(
    host: &Host,
    environment: &str,
    to: Option<u64>,
    only: &[String],
) -> Result<(Description, Vec<String>)> {
    let now = read_ledger(&*host.journal, environment).await?;
    let to = match to {
        Some(number) => number,
        None => {
            Past::read(host, environment, only)
                .await?
                .target(&now)
                .await?
        }
    };
    let id = DeploymentId::new(environment, to);
    if to == 0 || host.journal.deployment(&id).await?.is_none() {
        bail!("`{environment}` has no deployment {to}; `stagewright history` lists them");
    }
    let ledger = left(host, environment, to).await?;
    let mut description = described(host, environment, to, &ledger, only).await?;
    description.only = only.to_vec();
    check_secrets(host, &description).await?;
    check(host, &description).await?;
    let later = now.orphans(|name| description.subject(name).is_some());
    let later = later.map(str::to_owned).collect();
    Ok((description, later))
}

/// What undoes a deployment that failed: the services that it replaced, as they were before
/// it. `None`: it replaced none that was there before. What had been removed was not there.
///
/// # Errors
/// When the journal cannot be read.
pub(crate) async fn undoing(
    host: &Host,
    failed: &DeploymentId,
    replaced: &BTreeSet<String>,
) -> Result<Option<Description>> {
    let environment = failed.environment();
    let mut replaced = replaced.clone();
    for deployment in changes(host, environment).await? {
        let number = deployment.id.number();
        if number >= failed.number() {
            continue;
        }
        if deployment.action == Action::Destroy.as_str() {
            if deployment.forgotten {
                return Ok(None);
            }
            let removal = read_description(&*host.journal, &deployment.id).await?;
            for part in removal.parts() {
                replaced.remove(&part.service.name);
            }
        }
        let Some(ledger) = read_left_by(&*host.journal, environment, number).await? else {
            continue;
        };
        let was_there = |name: &&String| {
            let record = ledger.service(name);
            record.is_some_and(|record| record.deployed.is_some())
        };
        let only: Vec<String> = replaced.iter().filter(was_there).cloned().collect();
        if only.is_empty() {
            return Ok(None);
        }
        let mut description = described(host, environment, number, &ledger, &only).await?;
        description.only = only;
        if let Some(earlier) = &mut description.earlier {
            earlier.undoes = Some(failed.number());
        }
        return Ok(Some(description));
    }
    Ok(None)
}

async fn left(host: &Host, environment: &str, to: u64) -> Result<Ledger> {
    let left = read_left_by(&*host.journal, environment, to).await?;
    left.with_context(|| {
        format!(
            "what deployment {environment}-{to} left is not known: it deployed nothing, has not \
             ended, or is not kept any more"
        )
    })
}

async fn described(
    host: &Host,
    environment: &str,
    to: u64,
    ledger: &Ledger,
    only: &[String],
) -> Result<Description> {
    let id = DeploymentId::new(environment, to);
    let mut description = read_description(&*host.journal, &id).await?;
    description.subjects.clear();
    let mut images = BTreeMap::new();
    let mut outputs = BTreeMap::new();
    for (name, record) in ledger.services() {
        let Some(deployed) = &record.deployed else {
            continue;
        };
        let mut subject = as_deployed(host, environment, ledger, name).await?;
        let Some((_, service)) = description.environment.service(name) else {
            // An orphan of that time is no part of what was described then.
            continue;
        };
        subject.service.stage = service.stage;
        subject.service.needs.clone_from(&service.needs);
        subject.service.skip = service.skip;
        subject.takes_part = only.is_empty() || only.iter().any(|selected| selected == name);
        images.extend(
            deployed
                .reference
                .clone()
                .map(|image| (name.to_owned(), image)),
        );
        let given = given(&description, ledger, &subject.service, record);
        outputs.insert(name.to_owned(), given);
        description.subjects.push(subject);
    }
    let unknown: Vec<&str> = only
        .iter()
        .map(String::as_str)
        .filter(|name| description.subject(name).is_none())
        .collect();
    if !unknown.is_empty() {
        bail!("{} was not deployed in {id}", unknown.join(", "));
    }
    let place = |name: &str| description.environment.service(name).map(|(at, _)| at);
    description
        .subjects
        .sort_by_key(|subject| place(&subject.service.name));
    description.action = Action::Rollback;
    description.with_data = false;
    description.cancel_grace = host.config.cancel_grace.millis();
    description.earlier = Some(Earlier {
        deployment: to,
        undoes: None,
        images,
        given: outputs,
    });
    Ok(description)
}

/// What a service had been given as the outputs of the jobs that its variables refer to: what
/// they had answered, or what they had answered long before when it was brought back itself.
fn given(
    description: &Description,
    ledger: &Ledger,
    service: &Service,
    record: &Record,
) -> BTreeMap<String, Vec<Output>> {
    let jobs = description.output_references(service);
    let jobs = jobs.map(|reference| reference.service.as_str());
    let outputs = |job: &str| match record.given.get(job) {
        Some(given) => Some(given.clone()),
        None => Some(ledger.service(job)?.outputs.clone()),
    };
    jobs.filter_map(|job| Some((job.to_owned(), outputs(job)?)))
        .collect()
}

/// Are all the plugins and images still here? From then on they count as just used, so that
/// nobody removes them before the rollback is written down.
async fn check(host: &Host, description: &Description) -> Result<()> {
    let runtime = host.runtime()?;
    let redactor = Arc::default();
    let mut gone = Vec::new();
    for subject in description.parts() {
        let name = &subject.service.name;
        let plugin = &subject.deploy;
        if let Err(error) = runtime.load(&plugin.digest, &description.folder).await {
            gone.push(format!("{name}: the plugin {}: {error}", plugin.name));
        }
        let images = description.earlier.as_ref().map(|earlier| &earlier.images);
        let Some(image) = images.and_then(|images| images.get(name)) else {
            continue;
        };
        let found = runtime.hold(image, &description.folder, &redactor).await;
        if let Err(failure) = found {
            gone.push(format!("{name}: {}", failure.message));
        }
    }
    if !gone.is_empty() {
        bail!("this cannot be brought back:\n  {}", gone.join("\n  "));
    }
    Ok(())
}
