//! Why a probe has no good answer. [`Error::Unreachable`] alone means "not yet".

use std::net::SocketAddr;

use super::super::process::{self, Holder};

/// What can go wrong with a probe.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody listens, nobody answers, or not in time: asking again is worth it.
    #[error("port {port} is not ready: {cause}")]
    Unreachable {
        /// Its number.
        port: u16,
        /// What was seen.
        cause: String,
    },
    /// Somebody else listens there.
    #[error("on port {port} listens {holder}, which is not of this release")]
    ForeignListener {
        /// Its number.
        port: u16,
        /// Who it is.
        holder: Holder,
    },
    /// The release listens, but not where this machine's loopback leads.
    #[error("the release listens on {address}, which the loopback of this machine does not reach")]
    NotOnLoopback {
        /// Where it listens.
        address: SocketAddr,
    },
    /// The service does not declare the port.
    #[error("port {port} is not a declared tcp port of the service")]
    NotDeclared {
        /// Its number.
        port: u16,
    },
    /// Its process is gone, so nothing will become ready.
    #[error("the release is not running: it is {condition}{detail}")]
    NotRunning {
        /// Word of its condition.
        condition: &'static str,
        /// Starts with `: ` when there is more to say.
        detail: String,
    },
    /// The probe itself is wrong: a path, a service name.
    #[error("{0}")]
    Invalid(String),
    /// Somebody answered, in another language.
    #[error("the answer on port {port} is not {wanted}: {cause}")]
    Answer {
        /// Its number.
        port: u16,
        /// `HTTP`, `gRPC health`.
        wanted: &'static str,
        /// What was seen.
        cause: String,
    },
    /// A program was not done in time; nothing of it is left.
    #[error("`{program}` did not end within {timeout_ms} ms")]
    TimedOut {
        /// The first word of the command.
        program: String,
        /// What it was given.
        timeout_ms: u32,
    },
    /// About the process of the release.
    #[error(transparent)]
    Process(#[from] process::Error),
}

impl Error {
    /// Stable, dotted, lower case.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "probe.unreachable",
            Self::ForeignListener { .. } => "probe.foreign-listener",
            Self::NotOnLoopback { .. } => "probe.not-on-loopback",
            Self::NotDeclared { .. } => "probe.not-declared",
            Self::NotRunning { .. } => "probe.not-running",
            Self::Invalid(_) => "probe.invalid",
            Self::Answer { .. } => "probe.answer",
            Self::TimedOut { .. } => "probe.timed-out",
            Self::Process(error) => error.code(),
        }
    }

    /// What a person can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::ForeignListener { .. } => "stop that program, or declare another port",
            Self::NotOnLoopback { .. } => {
                "let the service listen on 127.0.0.1, on [::1] or on all addresses"
            }
            Self::NotDeclared { .. } => "add the port to `ports` of the service",
            Self::Answer { .. } => "probe the port with the protocol that the service speaks there",
            Self::Process(error) => return error.hint(),
            _ => return None,
        })
    }

    /// May the same probe succeed later without anybody changing anything?
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::TimedOut { .. } => true,
            Self::Process(error) => error.is_transient(),
            _ => false,
        }
    }

    pub(crate) fn unreachable(port: u16, cause: impl ToString) -> Self {
        Self::Unreachable {
            port,
            cause: cause.to_string(),
        }
    }
}
