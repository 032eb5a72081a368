//! The same checks of an address that the caller vouches for: a port of a container.

use std::net::SocketAddr;

use tokio::net::TcpStream;

use super::Error;
use super::grpc::check;
use super::http::{ask, check_path};
use super::reach::within;

/// Connects, and closes the connection again.
///
/// # Errors
/// As [`Error`] lists them; [`Error::Unreachable`] means "not yet".
pub(crate) async fn tcp(address: SocketAddr, timeout_ms: u32) -> Result<(), Error> {
    within(timeout_ms, address.port(), async {
        connect(address).await.map(drop)
    })
    .await
}

/// `GET path`; answers with the status code, whatever it is.
///
/// # Errors
/// As [`Error`] lists them; [`Error::Unreachable`] means "not yet".
pub(crate) async fn http(address: SocketAddr, path: &str, timeout_ms: u32) -> Result<u16, Error> {
    let uri = check_path(path)?;
    let port = address.port();
    within(timeout_ms, port, async {
        ask(connect(address).await?, port, uri).await
    })
    .await
}

/// `grpc.health.v1.Health/Check`; answers with the status.
///
/// # Errors
/// As [`Error`] lists them; [`Error::Unreachable`] means "not yet".
pub(crate) async fn grpc(
    address: SocketAddr,
    service: &str,
    timeout_ms: u32,
) -> Result<String, Error> {
    within(timeout_ms, address.port(), check(address, service)).await
}

async fn connect(address: SocketAddr) -> Result<TcpStream, Error> {
    let connected = TcpStream::connect(address).await;
    connected.map_err(|error| Error::unreachable(address.port(), error))
}
