//! Between the records of the WIT and those of the client.

use std::time::Duration;

use stagewright_pipeline::environment;

use super::super::{Error, ImageDefaults, InstallError, Launch, Secret, State, Value, Variable};
use super::ProcessContext;
use crate::bindings::offered::process;
use crate::capability::images::{ImageConfig, ImageError};
use crate::capability::refusal::Refusal;
use crate::capability::secrets::SecretsContext;
use crate::record::{self, Failure, Retry};

/// What an image says about starting it.
pub(super) fn defaults(config: ImageConfig) -> ImageDefaults {
    let mut argv = config.entrypoint;
    argv.extend(config.command);
    ImageDefaults {
        argv,
        environment: config.environment,
        working_directory: config.working_directory,
    }
}

/// A launch with its secrets in place.
pub(super) async fn launch(
    context: &ProcessContext,
    wanted: process::Launch,
) -> Result<Launch, Failure> {
    let stop_grace = Duration::from_millis(u64::from(wanted.stop_grace_ms));
    if stop_grace > context.stop_grace.0 {
        let (wanted, most) = (environment::Duration(stop_grace), context.stop_grace);
        let message = format!(
            "the program is to have {wanted} to stop, beyond the limit `stop_grace` of {most}"
        );
        let hint = "choose a shorter time, or raise `stop_grace` under `limits` in the \
                    operator's configuration";
        return Err(Failure::new("process.stop-grace-too-long", message).hint(hint));
    }
    refuse_secrets(&context.secrets, &wanted)?;
    let mut variables = Vec::with_capacity(wanted.variables.len());
    for record::Variable { name, value } in wanted.variables {
        let value = match value {
            record::Value::Text(text) => Value::Text(text),
            record::Value::Secret(secret) => {
                let value = reveal(context, &secret).await?;
                Value::Secret {
                    name: secret,
                    value,
                }
            }
        };
        variables.push(Variable { name, value });
    }
    Ok(Launch {
        argv: wanted.argv,
        working_directory: wanted.working_directory,
        variables,
        ports: wanted.ports.into_iter().map(Into::into).collect(),
        socket_activation: wanted.socket_activation,
        keep_running: wanted.keep_running,
        stop_grace,
        reason: context.reason.clone(),
    })
}

/// Refuses secrets where a launch is written down, or where every user of the machine sees them.
fn refuse_secrets(secrets: &SecretsContext, wanted: &process::Launch) -> Result<(), Failure> {
    for word in &wanted.argv {
        secrets.refuse_revealed(word, "a word of the program's command")?;
    }
    secrets.refuse_revealed(&wanted.working_directory, "the program's working directory")?;
    for record::Variable { name, value } in &wanted.variables {
        secrets.refuse_revealed(name, "the name of a variable")?;
        if let record::Value::Text(text) = value {
            secrets.refuse_revealed(text, &format!("the text of the variable `{name}`"))?;
        }
    }
    Ok(())
}

/// A secret for a program, with those that its value is made of.
pub(super) async fn reveal(context: &ProcessContext, name: &str) -> Result<Secret, Failure> {
    let value = context.secrets.value(name).await?;
    let parts = context.log.redactor().within(value.expose());
    Ok(Secret::new(value.expose().to_owned()).with_parts(parts))
}

/// What is known of a release.
pub(super) fn state(state: State) -> process::ReleaseState {
    process::ReleaseState {
        condition: state.condition.as_str().to_owned(),
        pid: state.pid,
        exit: state.exit.map(Into::into),
        restarts: state.restarts,
        detail: state.detail,
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        if matches!(error, Error::Cancelled { .. }) {
            return Self::cancelled("the command");
        }
        let retry = if error.is_transient() {
            Retry::Later
        } else {
            Retry::Never
        };
        let failure = Self::new(error.code(), error.to_string()).retry(retry);
        match error.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Failure(error.into())
    }
}

impl From<InstallError<ImageError>> for Refusal {
    fn from(error: InstallError<ImageError>) -> Self {
        match error {
            InstallError::Unpack(error) => error.into(),
            InstallError::Release(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests;
