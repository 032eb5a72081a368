//! What the operator says about registries.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::capability::secrets::{NoSecrets, Secrets};

/// How one registry is spoken to, and as whom.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RegistrySettings {
    /// Who asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// Of that user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<SecretName>,
    /// A token that is sent as it is, in place of a user and a password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<SecretName>,
    /// Where else credentials come from, when none are given here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credentials: Option<CredentialSource>,
    /// A file of certificates in PEM that are trusted beside those of the machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca: Option<PathBuf>,
    /// It is spoken to without TLS: everybody on the way can read and change everything.
    pub plain_http: bool,
}

impl RegistrySettings {
    /// What is wrong with what is said of one registry, as a sentence.
    #[must_use]
    pub fn contradiction(&self) -> Option<&'static str> {
        let Self {
            username,
            password,
            token,
            credentials,
            ..
        } = self;
        let has_password = password.is_some();
        if username.is_some() != has_password {
            return Some("`username` and `password` are given together");
        }
        let ways = [has_password, token.is_some(), credentials.is_some()];
        (ways.iter().filter(|&&is_given| is_given).count() > 1)
            .then_some("it takes either `username` and `password`, or `token`, or `credentials`")
    }
}

/// One of the operator's secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretName {
    /// Its name.
    pub secret: String,
}

/// Where credentials come from that are not in the operator's configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CredentialSource {
    /// The configuration file of Docker's command line, with the credential helpers that it
    /// names, which are programs that run as this user.
    Docker,
}

/// Everything that is needed to speak to registries.
#[derive(Clone)]
pub struct Settings {
    /// By host, with the port if any: `registry.example:5000`.
    pub hosts: BTreeMap<String, RegistrySettings>,
    /// Where passwords and tokens come from.
    pub secrets: Arc<dyn Secrets>,
}

/// Every registry by https, as nobody.
impl Default for Settings {
    fn default() -> Self {
        Self {
            hosts: BTreeMap::new(),
            secrets: Arc::new(NoSecrets),
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("hosts", &self.hosts)
            .finish_non_exhaustive()
    }
}
