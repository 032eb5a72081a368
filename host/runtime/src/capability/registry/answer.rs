//! What registries answer with, read within bounds: bodies, errors, and how long they want to
//! be left alone.

use std::io;
use std::time::{Duration, SystemTime};

use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Response, StatusCode};
use serde::Deserialize;

use super::RegistryError;

/// Bytes of an error that are read.
const LARGEST_ERROR: u64 = 64 * 1024;
/// Errors of one answer that are shown.
const MOST_ERRORS: usize = 3;
/// How long the rest of an answer may take that has begun.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// Errors as the distribution specification has them (1.1, "Error Codes").
#[derive(Deserialize)]
struct Errors {
    errors: Vec<OneError>,
}

#[derive(Deserialize)]
struct OneError {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    detail: serde_json::Value,
}

/// A request that had no answer.
pub(super) fn lost(registry: &str, error: &reqwest::Error) -> RegistryError {
    use std::error::Error as _;
    // The innermost cause is what the network said; the URL may hold what is signed into it.
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    let reason = match error.source() {
        Some(_) => cause.to_string(),
        None if error.is_timeout() => "it did not answer in time".to_owned(),
        None => "the request failed".to_owned(),
    };
    let registry = registry.to_owned();
    match is_about_tls(error) {
        true => RegistryError::Insecure { registry, reason },
        false => RegistryError::Unreachable { registry, reason },
    }
}

/// Did the other side speak no TLS, or show a certificate that is not trusted? That is invalid
/// data to who reads it from the connection.
fn is_about_tls(error: &reqwest::Error) -> bool {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(cause) = next.filter(|_| error.is_connect()) {
        let mut inner = cause.downcast_ref::<io::Error>();
        while let Some(io) = inner {
            if io.kind() == io::ErrorKind::InvalidData {
                return true;
            }
            // The source of an error of this kind is that of what is in it.
            inner = io.get_ref().and_then(|error| error.downcast_ref());
        }
        next = cause.source();
    }
    false
}

/// Nothing came for too long.
pub(super) fn silent(registry: &str) -> RegistryError {
    RegistryError::Unreachable {
        registry: registry.to_owned(),
        reason: format!("nothing came for {} s", PATIENCE.as_secs()),
    }
}

/// All of a body of at most so many bytes.
pub(super) async fn body(
    registry: &str,
    response: Response,
    largest: u64,
) -> Result<Vec<u8>, RegistryError> {
    let (text, is_whole) = beginning(registry, response, largest).await?;
    if is_whole {
        return Ok(text);
    }
    Err(RegistryError::Unsound {
        registry: registry.to_owned(),
        reason: format!("it answers with more than {largest} bytes where fewer are allowed"),
    })
}

async fn beginning(
    registry: &str,
    mut response: Response,
    largest: u64,
) -> Result<(Vec<u8>, bool), RegistryError> {
    let mut text = Vec::new();
    loop {
        let next = tokio::time::timeout(PATIENCE, response.chunk()).await;
        let next = next.map_err(|_| silent(registry))?;
        let Some(chunk) = next.map_err(|error| lost(registry, &error))? else {
            return Ok((text, true));
        };
        text.extend_from_slice(&chunk);
        if text.len() as u64 > largest {
            return Ok((text, false));
        }
    }
}

/// What an answer that is an error says, in one line.
pub(super) async fn said(response: Response) -> String {
    let text = beginning("", response, LARGEST_ERROR).await;
    let text = text.map(|(text, _)| text).unwrap_or_default();
    let Ok(Errors { errors }) = serde_json::from_slice(&text) else {
        let text = String::from_utf8_lossy(&text);
        return text.split_whitespace().collect::<Vec<_>>().join(" ");
    };
    let errors = errors.into_iter().take(MOST_ERRORS).map(|error| {
        let detail = match &error.detail {
            serde_json::Value::Null => String::new(),
            detail => format!(" ({detail})"),
        };
        match error.message.as_str() {
            "" => format!("{}{detail}", error.code),
            message => format!("{message}{detail}"),
        }
    });
    errors.collect::<Vec<_>>().join("; ")
}

/// What an answer means that is no success.
pub(super) async fn refusal(registry: &str, response: Response, doing: &str) -> RegistryError {
    let (registry, doing) = (registry.to_owned(), doing.to_owned());
    let status = response.status();
    let after = pause(response.headers(), SystemTime::now());
    let said = said(response).await;
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => RegistryError::Denied {
            registry,
            doing,
            said,
        },
        StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => RegistryError::Unavailable {
            registry,
            status: status.as_u16(),
            said,
            after,
        },
        status if status.is_server_error() => RegistryError::Unavailable {
            registry,
            status: status.as_u16(),
            said,
            after,
        },
        status => RegistryError::Rejected {
            registry,
            doing,
            status: status.as_u16(),
            said,
        },
    }
}

/// For how long it wants to be left alone (RFC 9110, section 10.2.3).
fn pause(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    match text.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => {
            let moment = httpdate::parse_http_date(text).ok()?;
            Some(moment.duration_since(now).unwrap_or_default())
        }
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    #[test]
    fn the_pause_is_a_number_of_seconds_or_a_date() {
        let now = httpdate::parse_http_date("Fri, 31 Dec 1999 23:59:00 GMT").unwrap();
        for (text, seconds) in [
            ("120", Some(120)),
            ("Fri, 31 Dec 1999 23:59:59 GMT", Some(59)),
            ("Fri, 31 Dec 1999 23:58:59 GMT", Some(0)),
            ("soon", None),
            ("-1", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, HeaderValue::from_static(text));
            assert_eq!(
                pause(&headers, now),
                seconds.map(Duration::from_secs),
                "{text}"
            );
        }
        assert_eq!(pause(&HeaderMap::new(), now), None);
    }
}
