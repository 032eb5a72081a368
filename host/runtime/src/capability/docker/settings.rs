//! Where the engine is, as the operator says it.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Where engines listen that nobody has moved.
const USUAL: &str = "unix:///var/run/docker.sock";

/// The operator's choice of an engine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// `unix:///…` or `tcp://HOST:PORT`. Left out: what `DOCKER_HOST` says, else the usual
    /// socket.
    pub host: Option<String>,
    /// The certificates for a `tcp` engine that wants them.
    pub tls: Option<Tls>,
    /// The address of the engine's machine at which ports are published. Left out: loopback.
    pub publish_address: Option<IpAddr>,
}

/// Certificates, as PEM files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// Of the authority that has signed the engine's certificate.
    pub ca: PathBuf,
    /// Of this client.
    pub cert: PathBuf,
    /// Of this client.
    pub key: PathBuf,
}

impl Settings {
    /// Where the engine is.
    #[must_use]
    pub fn host(&self) -> &str {
        self.host.as_deref().unwrap_or(USUAL)
    }

    /// Where ports are published.
    pub(super) fn publish_address(&self) -> IpAddr {
        let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
        self.publish_address.unwrap_or(loopback)
    }

    /// Whether the containers of the engine are on this machine.
    pub(super) fn is_local(&self) -> bool {
        self.host().starts_with("unix://")
    }
}
