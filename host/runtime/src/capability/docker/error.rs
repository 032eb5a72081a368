//! Why the engine did not do what was asked.

use std::io;

use bollard::errors::Error as Answer;

use crate::capability::images::ImageError;
use crate::capability::process::OutputsError;
use crate::folder::FolderError;
use crate::record::{Failure, Retry};

/// What can go wrong between this host and a Docker engine.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Nobody answers there.
    #[error("the Docker engine at {host} is not reached: {cause}")]
    Unreachable {
        /// As the operator wrote it.
        host: String,
        /// What was seen.
        cause: String,
    },
    /// The socket is another user's.
    #[error("this user may not use the Docker engine at {host}")]
    PermissionDenied {
        /// As the operator wrote it.
        host: String,
    },
    /// The settings cannot be used.
    #[error("the setting `docker` is wrong: {0}")]
    Settings(String),
    /// Something of that name is there, and is not the service's.
    #[error(
        "there is a {what} `{name}` in the Docker engine already, which is not of this service: it has {holder}"
    )]
    NameTaken {
        /// `container`, `network`, `volume`.
        what: &'static str,
        /// Its name.
        name: String,
        /// Whose it is, as far as can be told.
        holder: String,
    },
    /// A port of the machine is somebody else's.
    #[error("a port that the container is to be published at is taken: {cause}")]
    PortTaken {
        /// What the engine says.
        cause: String,
    },
    /// The engine's classic builder cannot do it.
    #[error("{what} can only be built by an engine that has BuildKit")]
    NeedsBuildkit {
        /// With its article: "a secret mount".
        what: String,
    },
    /// The Dockerfile cannot be read by the engine.
    #[error("the Dockerfile is not understood: {0}")]
    Dockerfile(String),
    /// A step of the Dockerfile failed.
    #[error("the build failed at `{step}`: {cause}")]
    BuildFailed {
        /// The instruction, with its number.
        step: String,
        /// What the engine says.
        cause: String,
        /// The last lines that it printed.
        output: Vec<String>,
    },
    /// The image is not in the engine.
    #[error("the Docker engine has no image {0}")]
    NoImage(String),
    /// It is gone, or was never there.
    #[error("{what} is not in the Docker engine any more")]
    Gone {
        /// What was asked for, with its article.
        what: String,
    },
    /// The engine says no.
    #[error("the Docker engine refused {what}: {message}")]
    Refused {
        /// What was asked for.
        what: String,
        /// The status of the answer (RFC 9110).
        status: u16,
        /// Its own words.
        message: String,
    },
    /// The answer did not come, or not whole.
    #[error("the Docker engine did not answer to {what}: {cause}")]
    Broken {
        /// What was asked for.
        what: String,
        /// What was seen.
        cause: String,
    },
    /// What a guest asked for cannot be.
    #[error("{0}")]
    Invalid(String),
    /// About the context of a build.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// About an image in the host's store.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// About the outputs of a job.
    #[error(transparent)]
    Outputs(#[from] OutputsError),
    /// The step was cancelled.
    #[error("{0} was ended, because the step was cancelled")]
    Cancelled(&'static str),
}

impl Error {
    /// Stable, dotted, lower case.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "docker.unreachable",
            Self::PermissionDenied { .. } => "docker.permission-denied",
            Self::Settings(_) => "docker.settings",
            Self::NameTaken { .. } => "docker.name-taken",
            Self::PortTaken { .. } => "docker.port-taken",
            Self::NeedsBuildkit { .. } => "docker.needs-buildkit",
            Self::Dockerfile(_) => "docker.dockerfile-invalid",
            Self::BuildFailed { .. } => "docker.build-failed",
            Self::NoImage(_) => "docker.image-not-found",
            Self::Gone { .. } => "docker.gone",
            Self::Refused { .. } => "docker.refused",
            Self::Broken { .. } => "docker.no-answer",
            Self::Invalid(_) => "docker.invalid",
            Self::Folder(error) => error.code(),
            Self::Image(error) => error.code(),
            Self::Outputs(_) => "job.outputs-invalid",
            Self::Cancelled(_) => crate::record::CANCELLED,
        }
    }

    /// What a person can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Unreachable { .. } => {
                "start it (`systemctl start docker`), or name another one as `docker: { host: … }` in the operator's configuration"
            }
            Self::PermissionDenied { .. } => {
                "add this user to the group `docker` and log in again; who is in it is root on that machine"
            }
            Self::Settings(_) => "write `docker: { host: unix:///…` or `tcp://HOST:PORT }`",
            Self::NameTaken { .. } => {
                "remove or rename what has the name, or give the service or environment another one; nothing was touched"
            }
            Self::PortTaken { .. } => "stop what has the port, or publish another one",
            Self::NeedsBuildkit { .. } => {
                "use an engine with BuildKit, or do without it in the Dockerfile and in `with`"
            }
            Self::BuildFailed { .. } => "what it printed is in the log of the build",
            Self::Folder(error) => return error.hint(),
            Self::Image(error) => return error.hint(),
            _ => return None,
        })
    }

    /// May it go well later without anybody changing anything?
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Broken { .. } => true,
            Self::Refused { status, .. } => *status >= 500 || *status == 409,
            Self::Folder(error) => error.is_temporary(),
            Self::Image(error) => error.is_temporary(),
            _ => false,
        }
    }

    /// What an answer of the engine at `host` means to who asked for `what`.
    pub(super) fn of(host: &str, what: &str, answer: Answer) -> Self {
        let what = what.to_owned();
        match answer {
            Answer::DockerResponseServerError {
                status_code: 404, ..
            } => Self::Gone { what },
            Answer::DockerResponseServerError {
                status_code: status,
                message,
            } => Self::Refused {
                what,
                status,
                message,
            },
            Answer::DockerStreamError { error } => Self::Refused {
                what,
                status: 500,
                message: error,
            },
            Answer::SocketNotFoundError(_) => Self::Unreachable {
                host: host.to_owned(),
                cause: "there is no such socket".to_owned(),
            },
            Answer::HyperLegacyError { err } if err.is_connect() => Self::unconnected(host, &err),
            other => Self::Broken {
                what,
                cause: causes(&other),
            },
        }
    }

    fn unconnected(host: &str, error: &(dyn std::error::Error + 'static)) -> Self {
        let host = host.to_owned();
        let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
        while let Some(cause) = next {
            if let Some(io) = cause.downcast_ref::<io::Error>()
                && io.kind() == io::ErrorKind::PermissionDenied
            {
                return Self::PermissionDenied { host };
            }
            next = cause.source();
        }
        Self::Unreachable {
            host,
            cause: causes(error),
        }
    }
}

/// An error with all that is behind it; the outermost alone says "client error".
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let more = cause.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        next = cause.source();
    }
    text
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Cancelled(what) => return Self::cancelled(what),
            Error::Folder(error) => return error.into(),
            Error::Image(error) => return error.into(),
            _ => {}
        }
        let retry = match error.is_transient() {
            true => Retry::Later,
            false => Retry::Never,
        };
        let mut failure = Self::new(error.code(), error.to_string()).retry(retry);
        failure.hint = error.hint().map(str::to_owned);
        match error {
            Error::BuildFailed { output, .. } if !output.is_empty() => {
                failure.detail("last-lines", output.join("\n"))
            }
            _ => failure,
        }
    }
}

impl From<Error> for crate::capability::refusal::Refusal {
    fn from(error: Error) -> Self {
        Self::Failure(error.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_of_others_is_told_from_one_where_nobody_listens() {
        let told = |kind| Error::unconnected("unix:///x", &io::Error::from(kind));
        let denied = told(io::ErrorKind::PermissionDenied);
        assert_eq!(denied.code(), "docker.permission-denied");
        assert!(denied.hint().unwrap().contains("group `docker`") && !denied.is_transient());
        let absent = told(io::ErrorKind::ConnectionRefused);
        assert_eq!(absent.code(), "docker.unreachable");
        assert!(absent.is_transient());
    }
}
