//! Asks deployers what there is, outside any deployment. Changes nothing and needs no lock.

use std::sync::Arc;

use anyhow::Result;
use stagewright_journal::DeploymentId;
use stagewright_pipeline::{Action, Failure, Record};
use stagewright_runtime::Cancel;

use super::ledger::Book;
use super::workshop::{Workshop, failure};
use crate::compose::Host;
use crate::description::Description;
use crate::resolve;

/// The services of an environment as they were last deployed.
///
/// # Errors
/// When nothing was deployed, or the journal cannot be read.
pub(crate) async fn standing(host: &Host, environment: &str) -> Result<Description> {
    resolve::standing(host, environment, Action::Restart, &[], false).await
}

/// The condition of a service, and one sentence about it.
///
/// # Errors
/// When the plugin that deployed it cannot be asked.
pub(crate) async fn one(
    host: &Arc<Host>,
    description: &Description,
    record: &Record,
    service: &str,
) -> Result<(String, String), Failure> {
    let Some(instance) = record.instances.last() else {
        return Ok(("absent".to_owned(), String::new()));
    };
    let id = DeploymentId::new(&description.environment.name, instance.deployment);
    let book = Book::of_nothing(&id);
    let workshop = Workshop::new(Arc::clone(host), &id, description.clone(), book);
    let subject = workshop.subject(service)?;
    let rendered = workshop.bare(subject, &instance.plugin)?;
    // No longer than a deployment would wait.
    let left = subject.service.timeouts.deploy.millis();
    let call = workshop.question(rendered, Cancel::default(), left);
    let plugin = workshop.plugin(&instance.plugin).await?;
    let state = plugin
        .observe(call)
        .await
        .map_err(|error| failure(error.failure()))?;
    Ok((state.condition, state.detail))
}
