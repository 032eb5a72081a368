//! As whom a registry is asked: what the operator configured for it; where that says so,
//! Docker's own configuration file and the helpers that it names; else nobody.
//!
//! Nothing of it is kept for longer than a call, and every value is known to the redactor
//! before it goes anywhere.

use std::time::Duration;

use docker_credential::{CredentialRetrievalError, DockerCredential};

use super::RegistryError;
use super::settings::{CredentialSource, RegistrySettings};
use crate::capability::secrets::{SecretText, Secrets};
use crate::redactor::Redactor;

/// How long a credential helper may take.
const HELPER: Duration = Duration::from_secs(30);
/// What helpers print when they know nothing of a registry.
const UNKNOWN_TO_HELPER: &str = "credentials not found";

/// As whom a registry is asked.
#[derive(Clone, Debug)]
pub(super) enum Login {
    /// As nobody.
    Anonymous,
    /// A user and a password.
    Password {
        username: String,
        password: SecretText,
    },
    /// What is sent as it is.
    Token(SecretText),
    /// What a token server gives tokens for (the refresh token of its OAuth 2 interface).
    Identity(SecretText),
}

impl Login {
    /// In words, for messages.
    pub(super) fn who(&self) -> String {
        match self {
            Self::Anonymous => "nobody (no credentials are configured)".to_owned(),
            Self::Password { username, .. } => format!("the user `{username}`"),
            Self::Token(_) => "the holder of the configured token".to_owned(),
            Self::Identity(_) => "the holder of Docker's identity token".to_owned(),
        }
    }
}

/// The login for a registry.
///
/// # Errors
/// When what is configured cannot be had; never because nothing is configured.
pub(super) async fn login(
    registry: &str,
    settings: &RegistrySettings,
    secrets: &dyn Secrets,
    redactor: &Redactor,
) -> Result<Login, RegistryError> {
    let RegistrySettings {
        username,
        password,
        token,
        credentials,
        ..
    } = settings;
    let value = async |name: &str| {
        let value = secrets.value(name).await;
        let value = value.map_err(|failure| RegistryError::Secret(Box::new(failure)))?;
        redactor.add(value.expose());
        Ok::<_, RegistryError>(value)
    };
    match (username, password, token, credentials) {
        (None, None, None, None) => Ok(Login::Anonymous),
        (Some(username), Some(password), None, None) => {
            let password = value(&password.secret).await?;
            redactor.add(&pair(username, password.expose()));
            Ok(Login::Password {
                username: username.clone(),
                password,
            })
        }
        (None, None, Some(token), None) => Ok(Login::Token(value(&token.secret).await?)),
        (None, None, None, Some(CredentialSource::Docker)) => docker(registry, redactor).await,
        _ => Err(RegistryError::Configuration {
            registry: registry.to_owned(),
            reason: settings.contradiction().unwrap_or_default().to_owned(),
        }),
    }
}

/// A user and a password as basic authentication (RFC 7617) writes them before it encodes them.
pub(super) fn pair(username: &str, password: &str) -> String {
    format!("{username}:{password}")
}

/// What Docker's configuration knows of a registry. Asking a helper runs a program, which
/// blocks.
async fn docker(registry: &str, redactor: &Redactor) -> Result<Login, RegistryError> {
    let server = match registry {
        "docker.io" => "https://index.docker.io/v1/".to_owned(),
        registry => registry.to_owned(),
    };
    let asked = tokio::task::spawn_blocking(move || docker_credential::get_credential(&server));
    let broken = |reason: String| RegistryError::Configuration {
        registry: registry.to_owned(),
        reason,
    };
    let found = match tokio::time::timeout(HELPER, asked).await {
        Ok(Ok(found)) => found,
        Ok(Err(error)) => return Err(broken(format!("reading it broke off: {error}"))),
        Err(_) => return Err(broken("the credential helper does not answer".to_owned())),
    };
    let login = match found {
        Ok(DockerCredential::UsernamePassword(username, password)) => {
            redactor.add(&password);
            redactor.add(&pair(&username, &password));
            Login::Password {
                username,
                password: SecretText::new(password),
            }
        }
        Ok(DockerCredential::IdentityToken(token)) => {
            redactor.add(&token);
            Login::Identity(SecretText::new(token))
        }
        Err(CredentialRetrievalError::NoCredentialConfigured) => Login::Anonymous,
        Err(CredentialRetrievalError::HelperFailure { stdout, .. })
            if stdout.contains(UNKNOWN_TO_HELPER) =>
        {
            Login::Anonymous
        }
        // What a helper prints may be a secret, so it is not passed on.
        Err(CredentialRetrievalError::HelperFailure { helper, .. }) => {
            return Err(broken(format!("the credential helper `{helper}` failed")));
        }
        Err(error) => {
            return Err(broken(format!("Docker's configuration file: {error}")));
        }
    };
    Ok(login)
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use futures::future::BoxFuture;

    use super::super::settings::SecretName;
    use super::*;
    use crate::record::Failure;

    struct Known;

    impl Secrets for Known {
        fn value<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<SecretText, Failure>> {
            async move {
                match name {
                    "password" => Ok(SecretText::new("open-sesame")),
                    _ => Err(Failure::new("secrets.unknown", "there is none")),
                }
            }
            .boxed()
        }
    }

    fn settings(username: Option<&str>, password: Option<&str>) -> RegistrySettings {
        RegistrySettings {
            username: username.map(str::to_owned),
            password: password.map(|name| SecretName {
                secret: name.to_owned(),
            }),
            ..RegistrySettings::default()
        }
    }

    #[tokio::test]
    async fn a_password_is_redacted_before_anybody_has_it() {
        let redactor = Redactor::new();
        let settings = settings(Some("me"), Some("password"));
        let login = login("example.org", &settings, &Known, &redactor)
            .await
            .unwrap();
        assert!(matches!(&login, Login::Password { username, .. } if username == "me"));
        assert!(!format!("{login:?}").contains("sesame"));
        assert_eq!(redactor.redact("is it open-sesame?"), "is it ***?");
        // As basic authentication sends it.
        let header = "Basic bWU6b3Blbi1zZXNhbWU=";
        assert!(!redactor.redact(header).contains("bWU6b3Blbi1zZXNhbW"));
    }

    #[tokio::test]
    async fn nobody_asks_where_nothing_is_configured() {
        let nothing = RegistrySettings::default();
        let login = login("example.org", &nothing, &Known, &Redactor::new()).await;
        assert!(matches!(login, Ok(Login::Anonymous)));
    }

    #[tokio::test]
    async fn half_of_a_login_or_a_secret_that_is_not_there_is_told() {
        let redactor = Redactor::new();
        let half = settings(Some("me"), None);
        let error = login("example.org", &half, &Known, &redactor)
            .await
            .unwrap_err();
        assert_eq!(error.code(), "registry.configuration");
        let unknown = settings(Some("me"), Some("other"));
        let error = login("example.org", &unknown, &Known, &redactor)
            .await
            .unwrap_err();
        assert_eq!(error.code(), "registry.secret");
    }
}
