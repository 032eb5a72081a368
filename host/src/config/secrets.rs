//! Where the values of secrets come from: a file that only the operator can read, then the
//! environment of the host, then a program of the operator's.

mod command;

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use stagewright_pipeline::environment::document::Document;
use stagewright_runtime::record::Failure;
use stagewright_runtime::{SecretText, Secrets};

use command::SecretCommand;

/// Shorter values are in every text: they could neither be kept secret nor be redacted.
const SHORTEST: usize = 4;

/// Where secrets come from, as it is configured.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SecretsConfig {
    /// A file of `name: value` lines in YAML, which only its owner may read.
    pub(crate) file: Option<PathBuf>,
    /// Variables with this prefix hold secrets: `api-token` is asked for as
    /// `STAGEWRIGHT_SECRET_API_TOKEN`.
    pub(crate) environment_prefix: String,
    /// A program and its arguments, run by the host with its own environment for what is
    /// found nowhere else. `{name}` stands for the name of the secret, which it prints.
    pub(crate) command: Vec<String>,
}

impl Default for SecretsConfig {
    fn default() -> Self {
        Self {
            file: None,
            environment_prefix: "STAGEWRIGHT_SECRET_".into(),
            command: Vec::new(),
        }
    }
}

/// The operator's secrets. Files and variables are read each time they are asked for, so that
/// a change counts at once and nothing is kept in memory.
pub(crate) struct OperatorSecrets {
    config: SecretsConfig,
    command: Option<SecretCommand>,
}

impl OperatorSecrets {
    /// Secrets from where the configuration says.
    pub(crate) fn new(config: SecretsConfig) -> Self {
        let words = Some(config.command.clone()).filter(|words| !words.is_empty());
        Self {
            command: words.map(SecretCommand::new),
            config,
        }
    }

    async fn look_up(&self, name: &str) -> Result<SecretText, Failure> {
        if let Some(file) = &self.config.file
            && let Some(value) = in_file(file, name)?
        {
            return long_enough(name, SecretText::new(value));
        }
        let variable = self.variable(name);
        if let Ok(value) = std::env::var(&variable) {
            return long_enough(name, SecretText::new(value));
        }
        if let Some(command) = &self.command {
            return long_enough(name, command.ask(name).await?);
        }
        let hint = format!(
            "set {variable}, or name a file or a command under `secrets` in the operator's \
             configuration"
        );
        let message = format!("there is no secret `{name}`");
        Err(Failure::new("secrets.unknown", message).hint(hint))
    }

    fn variable(&self, name: &str) -> String {
        let upper = name.chars().map(|c| match c {
            c if c.is_ascii_alphanumeric() => c.to_ascii_uppercase(),
            _ => '_',
        });
        format!(
            "{}{}",
            self.config.environment_prefix,
            upper.collect::<String>()
        )
    }
}

impl Secrets for OperatorSecrets {
    fn value<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<SecretText, Failure>> {
        Box::pin(self.look_up(name))
    }
}

fn long_enough(name: &str, value: SecretText) -> Result<SecretText, Failure> {
    if value.expose().is_empty() {
        return Err(
            Failure::new("secrets.empty", format!("the secret `{name}` is empty"))
                .hint("give it a value where it comes from, or remove it there"),
        );
    }
    if value.expose().chars().count() >= SHORTEST {
        return Ok(value);
    }
    Err(Failure::new(
        "secrets.too-short",
        format!("the secret `{name}` has fewer than {SHORTEST} characters, so it cannot be kept out of logs"),
    )
    .hint("choose a longer one"))
}

fn in_file(path: &Path, name: &str) -> Result<Option<String>, Failure> {
    let unreadable = |why: &dyn std::fmt::Display| {
        Failure::new(
            "secrets.unreadable",
            format!(
                "the file of secrets {} cannot be used: {why}",
                path.display()
            ),
        )
    };
    let metadata = std::fs::metadata(path).map_err(|error| unreadable(&error))?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(
            unreadable(&format_args!("others can read it (mode {mode:o})"))
                .hint(format!("chmod 600 {}", path.display())),
        );
    }
    let text = std::fs::read_to_string(path).map_err(|error| unreadable(&error))?;
    // Errors of the reader could quote the file, so they are not passed on.
    let secrets: BTreeMap<String, String> = Some(Document::parse(&text))
        .filter(|(_, findings)| findings.is_empty())
        .and_then(|(document, _)| serde_json::from_value(document?.value()).ok())
        .ok_or_else(|| {
            unreadable(&"it is not a list of `name: value` lines with text as values")
        })?;
    Ok(secrets.get(name).cloned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(text: &str, mode: u32) -> (tempfile::TempDir, OperatorSecrets) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secrets.yaml");
        std::fs::write(&file, text).unwrap();
        std::fs::set_permissions(&file, PermissionsExt::from_mode(mode)).unwrap();
        let config = SecretsConfig {
            file: Some(file),
            ..SecretsConfig::default()
        };
        (folder, OperatorSecrets::new(config))
    }

    #[tokio::test]
    async fn a_secret_comes_from_the_file() {
        let (_folder, secrets) = secrets("api-token: \"t0ken\"\n", 0o600);
        assert_eq!(secrets.value("api-token").await.unwrap().expose(), "t0ken");
        let failure = secrets.value("other").await.unwrap_err();
        assert_eq!(failure.code, "secrets.unknown");
        assert!(failure.hint.unwrap().contains("STAGEWRIGHT_SECRET_OTHER"));
    }

    #[tokio::test]
    async fn a_file_that_others_can_read_is_refused() {
        let (_folder, secrets) = secrets("api-token: t0ken\n", 0o644);
        let failure = secrets.value("api-token").await.unwrap_err();
        assert!(failure.message.contains("mode 644"), "{}", failure.message);
        assert!(!failure.message.contains("t0ken"));
    }

    #[tokio::test]
    async fn a_secret_that_is_too_short_is_refused() {
        let (_folder, secrets) = secrets("pin: \"123\"\n", 0o600);
        let failure = secrets.value("pin").await.unwrap_err();
        assert_eq!(failure.code, "secrets.too-short");
        assert!(!failure.message.contains("123"));
    }

    #[tokio::test]
    async fn a_secret_without_a_value_is_refused() {
        let (_folder, secrets) = secrets("pin: \"\"\n", 0o600);
        let failure = secrets.value("pin").await.unwrap_err();
        assert_eq!(failure.code, "secrets.empty");
        assert_eq!(failure.message, "the secret `pin` is empty");
    }

    #[tokio::test]
    async fn an_unreadable_file_is_not_quoted() {
        let (_folder, secrets) = secrets("api-token: [t0ken\n", 0o600);
        let failure = secrets.value("api-token").await.unwrap_err();
        assert!(!failure.message.contains("t0ken"), "{}", failure.message);
    }
}
