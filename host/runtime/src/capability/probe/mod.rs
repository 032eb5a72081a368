//! Is a release ready? Checks of its declared ports, and programs run beside it.
//!
//! A check counts only when the listener belongs to the release, so that a foreign program on
//! the same port is never taken for a healthy service. Nothing but the loopback of this
//! machine and the declared ports of the release is ever connected to; others who know where
//! their services are use the same checks through [`at`].

pub(crate) mod at;
mod error;
mod exec;
#[cfg(test)]
mod fuzz;
mod grpc;
mod host;
mod http;
mod reach;
mod tcp;

pub use error::Error;
pub use exec::exec;
pub use grpc::grpc;
pub use http::http;
pub use tcp::tcp;

pub(crate) use host::{ProbeAccess, ProbeContext, ProbeView};
