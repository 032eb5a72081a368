//! The `with` block: how a release is started, and how it takes the place of the one before.

use std::time::Duration;

use serde::Deserialize;
use stagewright_sdk::process::Launch;
use stagewright_sdk::{Failure, Problem, Replace, Service, Span};

/// The longest grace period: an hour, after which nobody waits for a program any more.
const LONGEST_GRACE: Duration = Duration::from_secs(60 * 60);

#[derive(Deserialize)]
pub(crate) struct Config {
    #[serde(default)]
    command: Vec<String>,
    #[serde(default)]
    working_directory: String,
    #[serde(default)]
    activation: Activation,
    replace: Option<Replace>,
    stop_grace: Option<Span>,
    #[serde(default = "one")]
    pub(crate) keep_releases: usize,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Activation {
    #[default]
    None,
    Socket,
}

fn one() -> usize {
    1
}

impl Config {
    /// How a new release takes the place of the old one.
    ///
    /// # Errors
    /// When both were to run at once and would have to bind the same ports.
    pub(crate) fn replace(&self, service: &Service) -> Result<Replace, Failure> {
        let binds = !service.ports.is_empty() && self.activation == Activation::None;
        match self.replace {
            Some(Replace::StartFirst) if binds => {
                let message = format!(
                    "Two releases of `{}` cannot run at once: both would bind its ports.",
                    service.name
                );
                let failure = Failure::new("process.ports-fixed", message);
                Err(failure.hint("Use `activation: socket`, or leave `replace` out."))
            }
            Some(replace) => Ok(replace),
            // Two programs in one data folder would destroy it.
            None if binds || service.kind == "database" => Ok(Replace::StopFirst),
            None => Ok(Replace::StartFirst),
        }
    }

    /// How long a release has to end after it was asked to.
    pub(crate) fn stop_grace(&self) -> Duration {
        self.stop_grace
            .map_or(Duration::from_secs(10), |grace| grace.0)
    }

    /// How a release of the service is started.
    pub(crate) fn launch(&self, service: &Service) -> Launch {
        let grace = self.stop_grace().min(LONGEST_GRACE);
        Launch {
            argv: self.command.clone(),
            working_directory: self.working_directory.clone(),
            variables: service.variables.clone(),
            ports: service.ports.clone(),
            socket_activation: self.activation == Activation::Socket,
            keep_running: !service.is_job(),
            stop_grace_ms: u32::try_from(grace.as_millis()).unwrap_or(u32::MAX),
        }
    }

    /// What the schema cannot say.
    pub(crate) fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.working_directory.split('/').any(|part| part == "..") {
            let message = "The working directory has to be inside the image.";
            problems.push(Problem::new("/working_directory", message));
        }
        if self.stop_grace() > LONGEST_GRACE {
            let message = "Nobody waits longer than an hour for a program to stop.";
            problems.push(Problem::new("/stop_grace", message));
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use stagewright_sdk::harness::{port, service};

    use super::*;

    fn read(with: serde_json::Value) -> Config {
        serde_json::from_value(with).unwrap()
    }

    #[test]
    fn a_program_that_binds_its_ports_and_a_database_stop_before_the_next_one_starts() {
        let plain = read(json!({}));
        let mut api = service("api");
        assert_eq!(plain.replace(&api), Ok(Replace::StartFirst));
        api.ports = vec![port("http", 8080)];
        assert_eq!(plain.replace(&api), Ok(Replace::StopFirst));
        let socket = read(json!({"activation": "socket"}));
        assert_eq!(socket.replace(&api), Ok(Replace::StartFirst));
        api.kind = "database".to_owned();
        assert_eq!(socket.replace(&api), Ok(Replace::StopFirst));
    }

    #[test]
    fn two_releases_that_would_bind_the_same_ports_are_refused() {
        let config = read(json!({"replace": "start-first"}));
        let mut api = service("api");
        assert_eq!(config.replace(&api), Ok(Replace::StartFirst));
        api.ports = vec![port("http", 8080)];
        assert_eq!(
            config.replace(&api).unwrap_err().code,
            "process.ports-fixed"
        );
    }

    #[test]
    fn only_what_serves_is_kept_running() {
        let config = read(json!({"command": ["/app/x"], "stop_grace": "1500ms"}));
        let mut schema = service("schema");
        let launch = config.launch(&schema);
        assert!(launch.keep_running);
        assert_eq!(
            (launch.argv.as_slice(), launch.stop_grace_ms),
            (&["/app/x".to_owned()][..], 1500)
        );
        schema.kind = "job".to_owned();
        assert!(!config.launch(&schema).keep_running);
    }

    #[test]
    fn what_leads_out_or_takes_for_ever_is_a_problem() {
        let config = read(json!({"working_directory": "a/../..", "stop_grace": "2h"}));
        let problems = config.problems();
        let at: Vec<&str> = problems.iter().map(|problem| problem.at.as_str()).collect();
        assert_eq!(at, ["/working_directory", "/stop_grace"]);
        assert!(read(json!({})).problems().is_empty());
    }
}
