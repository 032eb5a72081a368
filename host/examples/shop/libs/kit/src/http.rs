//! The part of HTTP/1.1 (RFC 9112) that the shop speaks: a server and a client.
//!
//! One request travels on one connection, bodies have a `Content-Length`, and nothing else is
//! understood: chunked bodies are answered with 501. Heads, bodies and the time that one
//! exchange may take are bounded on both sides. Not for the open internet: there is no TLS.

mod client;
mod deadline;
mod message;
mod request;
mod response;
mod server;
mod target;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub use client::{CallError, Client};
pub use message::{MessageError, header};
pub use request::Request;
pub use response::Response;
pub use server::{Server, ServerError};
pub use target::{form, target};

/// How many bytes the first line and the headers of a message may have.
pub const HEAD_LIMIT: u64 = 8 * 1024;

/// How many bytes the body of a request may have.
pub const REQUEST_LIMIT: u64 = 64 * 1024;

/// How many bytes the body of an answer may have.
pub const RESPONSE_LIMIT: u64 = 4 * 1024 * 1024;

/// How long one exchange may take, from the connection to the last byte.
pub const EXCHANGE: Duration = Duration::from_secs(5);
