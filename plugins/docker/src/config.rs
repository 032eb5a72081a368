//! The `with` block: how a container is made, and how it takes the place of the one before.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use stagewright_sdk::docker::{ContainerOptions, Mount, Published};
use stagewright_sdk::{Failure, Problem, Replace, Service, Span};

/// The longest grace period: an hour, after which nobody waits for a program any more.
const LONGEST_GRACE: Duration = Duration::from_secs(60 * 60);

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Config {
    command: Vec<String>,
    entrypoint: Vec<String>,
    working_directory: String,
    user: String,
    volumes: BTreeMap<String, String>,
    publish: BTreeMap<String, Publish>,
    memory: Option<String>,
    cpus: Option<f64>,
    read_only: bool,
    replace: Option<Replace>,
    stop_grace: Option<Span>,
}

/// Where a port is published.
#[derive(Clone, Copy, Deserialize)]
#[serde(untagged)]
enum Publish {
    /// Only `true` is let through by the schema.
    Anywhere(#[allow(dead_code, reason = "that it is there says it all")] bool),
    At(u16),
}

impl Config {
    /// How a new container takes the place of the old one.
    ///
    /// # Errors
    /// When both were to run at once and would have to be published at the same port.
    pub(crate) fn replace(&self, service: &Service) -> Result<Replace, Failure> {
        let mut published = self.publish.values();
        let is_fixed = published.any(|one| matches!(one, Publish::At(_)));
        match self.replace {
            Some(Replace::StartFirst) if is_fixed => {
                let message = format!(
                    "Two containers of `{}` cannot run at once: both would be published at the same port.",
                    service.name
                );
                let failure = Failure::new("docker.ports-fixed", message);
                Err(failure.hint("Publish it at `true`, or leave `replace` out."))
            }
            Some(replace) => Ok(replace),
            // Two programs on one volume would destroy it.
            None if is_fixed || service.kind == "database" || !self.volumes.is_empty() => {
                Ok(Replace::StopFirst)
            }
            None => Ok(Replace::StartFirst),
        }
    }

    /// How long a container has to end after it was asked to.
    pub(crate) fn stop_grace(&self) -> Duration {
        let grace = self.stop_grace.map_or(Duration::from_secs(10), |it| it.0);
        grace.min(LONGEST_GRACE)
    }

    /// How a container of the service is made.
    ///
    /// # Errors
    /// When it is to publish a port that the service does not declare.
    pub(crate) fn options(&self, service: &Service) -> Result<ContainerOptions, Failure> {
        let mut ports = Vec::new();
        for (name, publish) in &self.publish {
            let host_port = match publish {
                Publish::Anywhere(false) => continue,
                Publish::Anywhere(true) => None,
                Publish::At(number) => Some(*number),
            };
            let port = service.port(name)?;
            ports.push(Published {
                port: port.number,
                protocol: port.protocol.clone(),
                host_port,
            });
        }
        let mounts = self.volumes.iter().map(|(volume, target)| Mount {
            volume: volume.clone(),
            target: target.clone(),
            read_only: false,
        });
        let grace = self.stop_grace().as_millis();
        Ok(ContainerOptions {
            entrypoint: self.entrypoint.clone(),
            command: self.command.clone(),
            working_directory: self.working_directory.clone(),
            user: self.user.clone(),
            variables: service.variables.clone(),
            ports,
            mounts: mounts.collect(),
            keep_running: !service.is_job(),
            stop_grace_ms: u32::try_from(grace).unwrap_or(u32::MAX),
            memory: self.memory.as_deref().and_then(bytes),
            cpus: self.cpus.map(|cpus| (cpus * 1000.0).max(1.0) as u32),
            read_only_root: self.read_only,
        })
    }

    /// What the schema cannot say.
    pub(crate) fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.stop_grace.is_some_and(|grace| grace.0 > LONGEST_GRACE) {
            let message = "Nobody waits longer than an hour for a program to stop.";
            problems.push(Problem::new("/stop_grace", message));
        }
        for name in self.volumes.keys() {
            let plain = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
            if name.is_empty() || name.len() > 64 || !name.chars().all(plain) {
                let message = "The name of a volume has 1 to 64 letters, digits, `_`, `-` and `.`.";
                problems.push(Problem::new(format!("/volumes/{name}"), message));
            }
        }
        problems
    }
}

/// `512MiB` in bytes.
fn bytes(text: &str) -> Option<u64> {
    let (number, unit) = text.split_at_checked(text.find(|c: char| !c.is_ascii_digit())?)?;
    let unit = match unit {
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(unit)
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
    fn what_two_containers_cannot_share_stops_the_old_one_first() {
        let mut api = service("api");
        api.ports = vec![port("http", 8080)];
        for (with, expected) in [
            (json!({}), Replace::StartFirst),
            (json!({"publish": {"http": true}}), Replace::StartFirst),
            (json!({"publish": {"http": 80}}), Replace::StopFirst),
            (json!({"volumes": {"data": "/data"}}), Replace::StopFirst),
            (json!({"replace": "stop-first"}), Replace::StopFirst),
        ] {
            assert_eq!(read(with.clone()).replace(&api), Ok(expected), "{with}");
        }
        let both = json!({"publish": {"http": 80}, "replace": "start-first"});
        let failure = read(both).replace(&api).unwrap_err();
        assert_eq!(failure.code, "docker.ports-fixed");
        api.kind = "database".to_owned();
        assert_eq!(read(json!({})).replace(&api), Ok(Replace::StopFirst));
    }

    #[test]
    fn a_container_is_made_as_it_is_written() {
        let mut api = service("api");
        api.ports = vec![port("http", 8080)];
        let with = json!({
            "publish": {"http": 80}, "volumes": {"data": "/d"}, "memory": "2GiB", "cpus": 0.5,
            "stop_grace": "1500ms"
        });
        let options = read(with).options(&api).unwrap();
        assert_eq!(options.ports[0].host_port, Some(80));
        assert_eq!((options.memory, options.cpus), (Some(2 << 30), Some(500)));
        assert_eq!(options.stop_grace_ms, 1500);
        assert!(options.keep_running && options.mounts[0].target == "/d");
        let unknown = read(json!({"publish": {"grpc": true}}));
        assert_eq!(
            unknown.options(&api).err().unwrap().code,
            "service.port-unknown"
        );
        api.kind = "job".to_owned();
        assert!(!read(json!({})).options(&api).unwrap().keep_running);
    }

    #[test]
    fn what_takes_for_ever_and_what_is_no_name_are_problems() {
        let config = read(json!({"stop_grace": "2h", "volumes": {"a/b": "/x"}}));
        assert_eq!(config.problems().len(), 2);
        assert!(read(json!({})).problems().is_empty());
    }
}
