//! Secrets as handles: a guest passes them on by name, and reads them only where that was
//! granted to it.
//!
//! Only secrets that the service's own variables name can be reached. A value that leaves the
//! host's hands is known to the redactor before anybody else has it.

mod host;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use futures::future::BoxFuture;

use crate::grant::Grants;
use crate::record::{Failure, Service, Value, Variable};
use crate::redactor::Redactor;

pub(crate) use host::{SecretAccess, SecretsView};

/// Where the values of secrets come from: the operator's file, the environment, a command.
pub trait Secrets: Send + Sync {
    /// The value of the secret of that name.
    ///
    /// # Errors
    /// When there is none of that name, or it cannot be read now. The failure must not
    /// contain the value.
    fn value<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<SecretText, Failure>>;
}

/// A value that is not to be shown.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretText(Arc<str>);

impl SecretText {
    /// Wraps a value.
    pub fn new(value: impl Into<Arc<str>>) -> Self {
        Self(value.into())
    }

    /// The value. Whoever asks for it is responsible for where it goes.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(***)")
    }
}

/// For services without any secret.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoSecrets;

impl Secrets for NoSecrets {
    fn value<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<SecretText, Failure>> {
        Box::pin(async move { Err(unknown(name)) })
    }
}

/// A secret that a guest holds: its name, never its value.
pub struct Secret {
    name: String,
}

/// The secrets of one call.
pub(crate) struct SecretsContext {
    names: BTreeSet<String>,
    source: Arc<dyn Secrets>,
    redactor: Arc<Redactor>,
    granted: bool,
    reveal: bool,
    /// What the guest has read itself in this call.
    revealed: Mutex<BTreeMap<String, SecretText>>,
}

impl SecretsContext {
    pub(crate) fn new(
        service: &Service,
        source: Arc<dyn Secrets>,
        redactor: Arc<Redactor>,
        grants: &Grants,
    ) -> Self {
        let names = service
            .variables
            .iter()
            .filter_map(|variable| match &variable.value {
                Value::Secret(name) => Some(name.clone()),
                Value::Text(_) => None,
            });
        Self {
            names: names.collect(),
            source,
            redactor,
            granted: grants.secrets.is_some(),
            reveal: grants.secrets.as_ref().is_some_and(|grant| grant.reveal),
            revealed: Mutex::default(),
        }
    }

    /// For a call that may use none.
    pub(crate) fn none() -> Self {
        Self {
            names: BTreeSet::new(),
            source: Arc::new(NoSecrets),
            redactor: Arc::default(),
            granted: false,
            reveal: false,
            revealed: Mutex::default(),
        }
    }

    /// The variables with their values in place, for a program that the host starts.
    ///
    /// # Errors
    /// When a secret is not one of the service's, or has no value.
    pub(crate) async fn resolve(
        &self,
        variables: Vec<Variable>,
    ) -> Result<Vec<(String, SecretText)>, Failure> {
        let mut resolved = Vec::with_capacity(variables.len());
        for Variable { name, value } in variables {
            let value = match value {
                Value::Text(text) => SecretText::new(text),
                Value::Secret(secret) => self.value(&secret).await?,
            };
            resolved.push((name, value));
        }
        Ok(resolved)
    }

    /// The value of one of the service's secrets, which is redacted from now on.
    ///
    /// # Errors
    /// When it is not one of the service's, or has no value.
    pub(crate) async fn value(&self, name: &str) -> Result<SecretText, Failure> {
        if !self.names.contains(name) {
            return Err(unknown(name));
        }
        let value = self.source.value(name).await?;
        self.redactor.add(value.expose());
        Ok(value)
    }

    /// The value of one of the service's secrets, for the guest itself.
    pub(crate) async fn reveal(&self, name: &str) -> Result<SecretText, Failure> {
        let value = self.value(name).await?;
        let mut revealed = self.revealed.lock().unwrap_or_else(PoisonError::into_inner);
        revealed.insert(name.to_owned(), value.clone());
        Ok(value)
    }

    /// Refuses a secret that the guest has read in this call in text that is kept or seen by
    /// others; `place` says where. Text that only happens to be the same as a secret that the
    /// guest has not read is none of its doing.
    ///
    /// # Errors
    /// When the text contains one.
    pub(crate) fn refuse_revealed(&self, text: &str, place: &str) -> Result<(), Failure> {
        let revealed = self.revealed.lock().unwrap_or_else(PoisonError::into_inner);
        let found = revealed
            .iter()
            .find(|(_, value)| text.contains(value.expose()));
        match found {
            None => Ok(()),
            Some((name, _)) => {
                let message = format!("{place} contains the value of the secret `{name}`");
                Err(Failure::new("secrets.in-the-open", message)
                    .hint("give a program the secret in a variable, by its name"))
            }
        }
    }
}

fn unknown(name: &str) -> Failure {
    let name: String = name.chars().take(100).collect();
    Failure::new(
        "secrets.unknown",
        format!("there is no secret `{name}` for this service"),
    )
    .hint("name it in the service's variables, and give the operator's configuration its value")
}
