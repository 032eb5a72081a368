//! What is needed from services that take no part must be there already: seen running, or
//! having answered. Told before anything starts.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::{Result, bail};
use stagewright_pipeline::Ledger;
use stagewright_pipeline::environment::Service;

use crate::compose::Host;
use crate::description::Description;
use crate::executor::observe;

/// # Errors
/// Everything that is needed and not there.
pub(super) async fn check(
    host: &Arc<Host>,
    description: &Description,
    ledger: &Ledger,
) -> Result<()> {
    let parts = || description.parts().filter(|subject| !subject.service.skip);
    let part: BTreeSet<&str> = parts()
        .map(|subject| subject.service.name.as_str())
        .collect();
    let mut missing = Vec::new();
    for subject in parts() {
        let service = &subject.service;
        let needs = service.needs.iter();
        let needs = needs.filter_map(|&need| description.environment.services.get(need));
        for need in needs.filter(|need| !part.contains(need.name.as_str())) {
            let condition = seen(host, description, ledger, &need.name).await;
            if !matches!(condition.as_str(), "ready" | "completed") {
                let (name, need) = (&service.name, &need.name);
                missing.push(format!(
                    "{name} needs {need}, which takes no part and is {condition}"
                ));
            }
        }
        missing.extend(outputs(description, ledger, &part, service));
    }
    if missing.is_empty() {
        return Ok(());
    }
    bail!(
        "{}; deploy them first, or select them, too",
        missing.join("; ")
    )
}

/// The condition of a service, as its deployer sees it now.
async fn seen(host: &Arc<Host>, description: &Description, ledger: &Ledger, name: &str) -> String {
    let Some(record) = ledger
        .service(name)
        .filter(|record| !record.instances.is_empty())
    else {
        return "not deployed".to_owned();
    };
    match observe::one(host, description, record, name).await {
        Ok((condition, _)) => condition,
        Err(failure) => format!("cannot be observed: {failure}"),
    }
}

/// Outputs that the service uses of jobs that take no part and have not answered with them.
fn outputs(
    description: &Description,
    ledger: &Ledger,
    part: &BTreeSet<&str>,
    service: &Service,
) -> Vec<String> {
    let is_there = |job: &str, output: &str| {
        let known = ledger.service(job).map(|known| known.outputs.as_slice());
        known
            .unwrap_or_default()
            .iter()
            .any(|known| known.name == output)
    };
    description
        .output_references(service)
        .filter(|reference| !part.contains(reference.service.as_str()))
        .filter(|reference| !is_there(&reference.service, &reference.attribute))
        .map(|reference| {
            let (name, job) = (&service.name, &reference.service);
            format!("{name} uses {reference}, but {job} takes no part and has not answered with it")
        })
        .collect()
}
