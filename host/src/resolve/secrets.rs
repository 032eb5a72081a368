//! The secrets that services need to be started as they were deployed, checked before anything
//! starts. (Those of an environment file are checked with their place in it, in `world`.)

use anyhow::{Result, bail};
use stagewright_pipeline::environment::Variable;

use crate::compose::Host;
use crate::description::Description;

/// Asks for every secret of what takes part.
///
/// # Errors
/// All that are missing, each with who needs it and what to do.
pub(super) async fn check(host: &Host, description: &Description) -> Result<()> {
    let mut missing = Vec::new();
    let parts = description.parts().filter(|part| !part.service.skip);
    for service in parts.map(|part| &part.service) {
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
