//! The secrets that services need to be started as they were deployed, checked before that is
//! written down. (Those of an environment file are checked with their place in it, in `world`.)
//!
//! Whoever only reads must never ask here: what runs can be looked at without its secrets.

use anyhow::{Result, bail};
use stagewright_pipeline::Action;
use stagewright_pipeline::environment::{Service, ServiceType, Variable};

use crate::compose::Host;
use crate::description::Description;

/// Asks for every secret of what is going to run.
///
/// # Errors
/// All that are missing, each with who needs it and what to do.
pub(crate) async fn check_secrets(host: &Host, description: &Description) -> Result<()> {
    let mut missing = Vec::new();
    let services = description.parts().map(|part| &part.service);
    for service in services.filter(|service| is_run(service, description.action)) {
        for (variable, value) in &service.variables {
            let Variable::Secret(secret) = value else {
                continue;
            };
            if let Err(failure) = host.secrets.value(secret).await {
                let hint = failure.hint.map(|hint| format!("; {hint}"));
                missing.push(format!(
                    "{}: variable {variable}: {}{}",
                    service.name,
                    failure.message,
                    hint.unwrap_or_default()
                ));
            }
        }
    }
    if !missing.is_empty() {
        bail!("nothing was started:\n  {}", missing.join("\n  "));
    }
    Ok(())
}

/// Does the action start it? Jobs are left alone but on their occasions.
fn is_run(service: &Service, action: Action) -> bool {
    !service.skip && (service.kind != ServiceType::Job || action.runs(&service.run))
}
