//! When a service counts as ready, as the environment file declares it.

use std::time::Duration;

use serde::Deserialize;

use crate::{Failure, OrFail, Span};

/// One check, how often it is made, and how long the service has.
///
/// ```
/// use std::time::Duration;
/// use stagewright_sdk::health::{Check, Health};
///
/// let text = r#"{"http": {"port": "web", "path": "/healthz"}, "timeout": "2s"}"#;
/// let health: Health = serde_json::from_str(text).unwrap();
/// assert_eq!(health.check().unwrap(), Check::Http { port: "web", path: "/healthz" });
/// assert_eq!(health.interval(), Duration::from_secs(1));
/// assert_eq!(health.timeout(), Duration::from_secs(2));
/// ```
#[derive(Clone, Debug, Deserialize)]
pub struct Health {
    tcp: Option<Tcp>,
    http: Option<Http>,
    exec: Option<Exec>,
    grpc: Option<Grpc>,
    interval: Option<Span>,
    timeout: Option<Span>,
    within: Option<Span>,
}

/// How readiness is checked. Ports are named as the service declares them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check<'a> {
    /// Something accepts connections.
    Tcp {
        /// The port.
        port: &'a str,
    },
    /// `GET path` answers with a status from 200 to 399.
    Http {
        /// The port.
        port: &'a str,
        /// Starts with `/`.
        path: &'a str,
    },
    /// A program in the release ends with exit code 0.
    Exec {
        /// The program and its arguments.
        command: &'a [String],
    },
    /// `grpc.health.v1.Health/Check` answers `SERVING`.
    Grpc {
        /// The port.
        port: &'a str,
        /// As the server calls it; empty: the server as a whole.
        service: &'a str,
    },
}

#[derive(Clone, Debug, Deserialize)]
struct Tcp {
    port: String,
}

#[derive(Clone, Debug, Deserialize)]
struct Http {
    port: String,
    path: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
struct Exec {
    command: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
struct Grpc {
    port: String,
    service: Option<String>,
}

impl Health {
    /// The check.
    ///
    /// # Errors
    /// `service.health-invalid` when none is declared, which the host does not let through.
    pub fn check(&self) -> Result<Check<'_>, Failure> {
        let tcp = self.tcp.as_ref().map(|tcp| Check::Tcp { port: &tcp.port });
        let http = self.http.as_ref().map(|http| Check::Http {
            port: &http.port,
            path: http.path.as_deref().unwrap_or("/"),
        });
        let exec = self.exec.as_ref().map(|exec| Check::Exec {
            command: &exec.command,
        });
        let grpc = self.grpc.as_ref().map(|grpc| Check::Grpc {
            port: &grpc.port,
            service: grpc.service.as_deref().unwrap_or_default(),
        });
        tcp.or(http).or(exec).or(grpc).or_fail(
            "service.health-invalid",
            "The `health` block declares none of tcp, http, exec and grpc.",
        )
    }

    /// Pause between two checks.
    pub fn interval(&self) -> Duration {
        self.interval.map_or(Duration::from_secs(1), |span| span.0)
    }

    /// How long one check may take.
    pub fn timeout(&self) -> Duration {
        self.timeout.map_or(Duration::from_secs(5), |span| span.0)
    }

    /// How long after its start the service may stay not ready; none: as long as the step has.
    pub fn within(&self) -> Option<Duration> {
        self.within.map(|span| span.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Health {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn each_of_the_four_checks_is_read() {
        let http = read(r#"{"http":{"port":"web"}}"#);
        assert_eq!(
            http.check().unwrap(),
            Check::Http {
                port: "web",
                path: "/"
            }
        );
        let grpc = read(r#"{"grpc":{"port":"rpc"}}"#);
        assert_eq!(
            grpc.check().unwrap(),
            Check::Grpc {
                port: "rpc",
                service: ""
            }
        );
        let exec = read(r#"{"exec":{"command":["/app/check","-q"]}}"#);
        let command = ["/app/check".to_owned(), "-q".to_owned()];
        assert_eq!(exec.check().unwrap(), Check::Exec { command: &command });
        let tcp = read(r#"{"tcp":{"port":"db"}}"#);
        assert_eq!(tcp.check().unwrap(), Check::Tcp { port: "db" });
    }

    #[test]
    fn times_have_the_defaults_of_the_environment_file() {
        let health = read(r#"{"tcp":{"port":"db"}}"#);
        assert_eq!(health.interval(), Duration::from_secs(1));
        assert_eq!(health.timeout(), Duration::from_secs(5));
        assert_eq!(health.within(), None);
        assert_eq!(
            read(r#"{"within":"2m"}"#).within(),
            Some(Duration::from_secs(120))
        );
    }

    #[test]
    fn a_block_without_a_check_is_refused() {
        assert_eq!(
            read("{}").check().unwrap_err().code,
            "service.health-invalid"
        );
    }
}
