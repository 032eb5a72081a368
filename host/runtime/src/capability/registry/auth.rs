//! Answers to a registry that asks who is there: basic authentication (RFC 7617), and bearer
//! tokens of a token server as registries use them (RFC 6750 and the distribution project's
//! "Token Authentication Specification").

use std::fmt;
use std::time::Duration;

use http_auth::ChallengeParser;
use reqwest::header::{HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use reqwest::{Client, Response, StatusCode, Url};
use serde::Deserialize;

use super::credentials::Login;
use super::{RegistryError, Repository, answer};
use crate::capability::secrets::SecretText;
use crate::redactor::Redactor;

/// How long a token server may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// Bytes of its answer.
const LARGEST_TOKEN: u64 = 256 * 1024;
/// How this program calls itself to token servers.
const CLIENT: &str = "stagewright";

/// What is to be done with a repository.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Access {
    /// To read it.
    Pull,
    /// To write it.
    Push,
    /// To write it, with blobs of another repository of the registry.
    Mount(String),
}

impl Access {
    /// As token servers are asked for it.
    fn scopes(&self, repository: &Repository) -> Vec<String> {
        let path = repository.path();
        match self {
            Self::Pull => vec![format!("repository:{path}:pull")],
            Self::Push => vec![format!("repository:{path}:pull,push")],
            Self::Mount(from) => vec![
                format!("repository:{path}:pull,push"),
                format!("repository:{from}:pull"),
            ],
        }
    }
}

/// What a registry wants to see.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Challenge {
    Basic,
    Bearer {
        realm: String,
        service: Option<String>,
        /// The token that was sent is good, and does not allow it.
        is_insufficient: bool,
    },
}

/// What goes into the `authorization` header.
#[derive(Clone)]
pub(super) enum Authorization {
    Basic {
        username: String,
        password: SecretText,
    },
    Bearer(SecretText),
}

impl fmt::Debug for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authorization(***)")
    }
}

/// What a token server answers with.
#[derive(Deserialize)]
struct Token {
    token: Option<String>,
    access_token: Option<String>,
}

impl Challenge {
    /// The first one of an answer that can be met.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let texts = headers.get_all(WWW_AUTHENTICATE).into_iter();
        let texts = texts.filter_map(|value| value.to_str().ok());
        texts
            .flat_map(|text| ChallengeParser::new(text).flatten())
            .find_map(|challenge| {
                let parameter = |name: &str| {
                    let mut all = challenge.params.iter();
                    let (_, value) = all.find(|(known, _)| known.eq_ignore_ascii_case(name))?;
                    Some(value.to_unescaped())
                };
                if challenge.scheme.eq_ignore_ascii_case("basic") {
                    return Some(Self::Basic);
                }
                challenge
                    .scheme
                    .eq_ignore_ascii_case("bearer")
                    .then_some(())?;
                Some(Self::Bearer {
                    realm: parameter("realm")?,
                    service: parameter("service"),
                    is_insufficient: parameter("error").as_deref() == Some("insufficient_scope"),
                })
            })
    }
}

/// Meets a challenge. `None`: there is nothing to meet it with.
///
/// # Errors
/// When the token server cannot be reached or refuses.
pub(super) async fn meet(
    challenge: Challenge,
    login: &Login,
    client: &Client,
    repository: &Repository,
    access: &Access,
    redactor: &Redactor,
) -> Result<Option<Authorization>, RegistryError> {
    let (realm, service) = match (challenge, login) {
        (_, Login::Token(token)) => return Ok(Some(Authorization::Bearer(token.clone()))),
        (Challenge::Basic, Login::Password { username, password }) => {
            return Ok(Some(Authorization::Basic {
                username: username.clone(),
                password: password.clone(),
            }));
        }
        (Challenge::Basic, _) => return Ok(None),
        (Challenge::Bearer { realm, service, .. }, _) => (realm, service),
    };
    let registry = repository.registry();
    let realm = Url::parse(&realm).map_err(|_| RegistryError::Unsound {
        registry: registry.to_owned(),
        reason: "it names a token server by what is no URL".to_owned(),
    })?;
    let mut fields: Vec<(&str, String)> = Vec::new();
    fields.extend(service.map(|service| ("service", service)));
    for scope in access.scopes(repository) {
        fields.push(("scope", scope));
    }
    let request = match login {
        Login::Identity(token) => {
            fields.push(("grant_type", "refresh_token".to_owned()));
            fields.push(("client_id", CLIENT.to_owned()));
            fields.push(("refresh_token", token.expose().to_owned()));
            let form = form(&fields);
            client
                .post(realm)
                .header("content-type", "application/x-www-form-urlencoded")
                .body(form)
        }
        Login::Password { username, password } => {
            fields.push(("account", username.clone()));
            client
                .get(realm)
                .query(&fields)
                .basic_auth(username, Some(password.expose()))
        }
        Login::Anonymous | Login::Token(_) => client.get(realm).query(&fields),
    };
    let response = request.timeout(PATIENCE).send().await;
    let response = response.map_err(|error| answer::lost(registry, &error))?;
    let token = token(registry, login, response).await?;
    redactor.add(token.expose());
    Ok(Some(Authorization::Bearer(token)))
}

async fn token(
    registry: &str,
    login: &Login,
    response: Response,
) -> Result<SecretText, RegistryError> {
    let status = response.status();
    if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
        return Err(RegistryError::Unauthorized {
            registry: registry.to_owned(),
            who: login.who(),
            said: answer::said(response).await,
        });
    }
    if !status.is_success() {
        return Err(answer::refusal(registry, response, "give a token").await);
    }
    let text = answer::body(registry, response, LARGEST_TOKEN).await?;
    // The text may hold the token, so no error quotes it.
    let answer: Option<Token> = serde_json::from_slice(&text).ok();
    let token = answer.and_then(|answer| answer.token.or(answer.access_token));
    let token = token.filter(|token| HeaderValue::from_str(token).is_ok());
    token
        .map(SecretText::new)
        .ok_or_else(|| RegistryError::Unsound {
            registry: registry.to_owned(),
            reason: "its token server answers without a token".to_owned(),
        })
}

/// The fields as a form is sent (WHATWG URL, "application/x-www-form-urlencoded").
fn form(fields: &[(&str, String)]) -> String {
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
    let pairs = fields
        .iter()
        .map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC)));
    pairs.collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn challenge(values: &[&'static str]) -> Option<Challenge> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(WWW_AUTHENTICATE, HeaderValue::from_static(value));
        }
        Challenge::of(&headers)
    }

    #[test]
    fn challenges_are_read_as_registries_write_them() {
        let bearer = challenge(&[
            r#"Bearer realm="https://auth.example/token",service="registry.example",scope="repository:a:pull""#,
        ]);
        let expected = Challenge::Bearer {
            realm: "https://auth.example/token".to_owned(),
            service: Some("registry.example".to_owned()),
            is_insufficient: false,
        };
        assert_eq!(bearer, Some(expected));
        assert_eq!(challenge(&[r#"Basic realm="x""#]), Some(Challenge::Basic));
        assert_eq!(
            challenge(&["Negotiate", r#"basic realm="x""#]),
            Some(Challenge::Basic)
        );
        let refused =
            challenge(&[r#"Bearer realm="https://a.example/t",error="insufficient_scope""#]);
        assert!(matches!(
            refused,
            Some(Challenge::Bearer {
                is_insufficient: true,
                ..
            })
        ));
        for nothing in [&[][..], &["Bearer"], &["Digest realm=\"x\""]] {
            assert_eq!(challenge(nothing), None, "{nothing:?}");
        }
    }

    #[test]
    fn a_mount_asks_to_read_the_other_repository() {
        let repository: Repository = "example.org/team/app".parse().unwrap();
        let scopes = Access::Mount("team/base".to_owned()).scopes(&repository);
        assert_eq!(
            scopes,
            ["repository:team/app:pull,push", "repository:team/base:pull"]
        );
    }

    #[test]
    fn forms_are_encoded() {
        let fields = [("a", "1&2=3 ".to_owned()), ("b", "x".to_owned())];
        assert_eq!(form(&fields), "a=1%262%3D3%20&b=x");
    }
}
