//! Does the port answer a `GET`?

use bytes::Bytes;
use http_body_util::Empty;
use hyper::header::{HOST, USER_AGENT};
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::super::process::Release;
use super::Error;
use super::reach::within;
use super::tcp::connect;

/// The longest path, in bytes.
const MAX_PATH: usize = 8 * 1024;

/// `GET path` over HTTP/1.1; answers with the status code, whatever it is. Redirects are not
/// followed, and the body is not read.
///
/// # Errors
/// As [`Error`] lists them; [`Error::Unreachable`] means "not yet".
pub async fn http(release: &Release, port: u16, path: &str, timeout_ms: u32) -> Result<u16, Error> {
    let uri = check_path(path)?;
    within(timeout_ms, port, async {
        ask(connect(release, port).await?, port, uri).await
    })
    .await
}

/// Asks whoever is at the other end, and drives the connection for as long as that takes.
pub(super) async fn ask(stream: TcpStream, port: u16, uri: Uri) -> Result<u16, Error> {
    let stream = TokioIo::new(stream);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(stream)
        .await
        .map_err(|error| failed(port, &error))?;
    let request = Request::get(uri)
        .header(HOST, format!("localhost:{port}"))
        .header(USER_AGENT, "stagewright-probe")
        .body(Empty::<Bytes>::new())
        .map_err(|error| Error::Invalid(error.to_string()))?;
    let answer = async {
        sender.ready().await?;
        sender.send_request(request).await
    };
    tokio::pin!(answer, connection);
    let answer = tokio::select! {
        answer = &mut answer => answer,
        ended = &mut connection => match ended {
            Ok(()) => answer.await,
            Err(error) => Err(error),
        },
    };
    answer
        .map(|response| response.status().as_u16())
        .map_err(|error| failed(port, &error))
}

pub(super) fn check_path(path: &str) -> Result<Uri, Error> {
    if !path.starts_with('/') || path.len() > MAX_PATH {
        return Err(Error::Invalid(format!(
            "the path of a probe begins with `/` and has at most {MAX_PATH} bytes"
        )));
    }
    path.parse()
        .map_err(|error| Error::Invalid(format!("the path of the probe is not one: {error}")))
}

/// Who speaks another protocol is told from who closes the connection.
fn failed(port: u16, error: &hyper::Error) -> Error {
    if error.is_parse() {
        Error::Answer {
            port,
            wanted: "HTTP",
            cause: error.to_string(),
        }
    } else {
        Error::unreachable(port, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_cannot_name_another_host_or_add_a_header() {
        assert_eq!(check_path("/healthz?deep=1").unwrap(), "/healthz?deep=1");
        for path in ["", "healthz", "http://example.com/", "/a b", "/a\r\nX: y"] {
            assert_eq!(
                check_path(path).unwrap_err().code(),
                "probe.invalid",
                "{path:?}"
            );
        }
        assert!(check_path(&format!("/{}", "x".repeat(MAX_PATH))).is_err());
    }
}
