//! What does the port say to `grpc.health.v1.Health/Check`?

use std::net::SocketAddr;

use tonic::Code;
use tonic::transport::Endpoint;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::super::process::Release;
use super::Error;
use super::reach::{reach, within};

/// The largest answer, in bytes; a good one has two.
const MAX_ANSWER: usize = 4096;

/// Asks for the status of a service (empty: of the server): `SERVING`, `NOT_SERVING`,
/// `UNKNOWN`, and `SERVICE_UNKNOWN` where the server does not know it.
///
/// # Errors
/// As [`Error`] lists them; [`Error::Unreachable`] means "not yet".
pub async fn grpc(
    release: &Release,
    port: u16,
    service: &str,
    timeout_ms: u32,
) -> Result<String, Error> {
    within(timeout_ms, port, async {
        check(reach(release, port).await?, service).await
    })
    .await
}

pub(super) async fn check(address: SocketAddr, service: &str) -> Result<String, Error> {
    let port = address.port();
    let channel = Endpoint::from_shared(format!("http://{address}"))
        .map_err(|error| Error::Invalid(error.to_string()))?
        .connect()
        .await
        .map_err(|error| Error::unreachable(port, causes(&error)))?;
    let request = HealthCheckRequest {
        service: service.to_owned(),
    };
    let answer = HealthClient::new(channel)
        .max_decoding_message_size(MAX_ANSWER)
        .check(request)
        .await;
    match answer {
        Ok(response) => {
            let status = response.into_inner().status;
            Ok(ServingStatus::try_from(status).map_or_else(
                |_| status.to_string(),
                |known| known.as_str_name().to_owned(),
            ))
        }
        Err(status) => match status.code() {
            Code::NotFound => Ok(ServingStatus::ServiceUnknown.as_str_name().to_owned()),
            Code::Unavailable | Code::Cancelled | Code::DeadlineExceeded => {
                Err(Error::unreachable(port, status.message()))
            }
            code => Err(Error::Answer {
                port,
                wanted: "gRPC health",
                cause: format!("{code:?}: {}", causes(&status)),
            }),
        },
    }
}

/// An error with all that is behind it; the outermost alone says "transport error".
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}
