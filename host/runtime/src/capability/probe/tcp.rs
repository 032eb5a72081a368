//! Does the port take connections?

use tokio::net::TcpStream;

use super::super::process::Release;
use super::Error;
use super::reach::{reach, within};

/// Connects, and closes the connection again.
///
/// # Errors
/// As [`Error`] lists them; [`Error::Unreachable`] means "not yet".
pub async fn tcp(release: &Release, port: u16, timeout_ms: u32) -> Result<(), Error> {
    within(timeout_ms, port, async {
        connect(release, port).await.map(drop)
    })
    .await
}

pub(super) async fn connect(release: &Release, port: u16) -> Result<TcpStream, Error> {
    let address = reach(release, port).await?;
    TcpStream::connect(address)
        .await
        .map_err(|error| Error::unreachable(port, error))
}
