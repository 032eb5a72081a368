//! The checked environment: what the rest of the program works with.
//!
//! Every default is filled in and every name that the file refers by is an index. It goes into
//! the journal with the deployment that it describes, so fields are only ever added to it.

use indexmap::IndexMap;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::document::child;
use super::duration::Duration;
use super::file::{HealthFile, OnFailure, Overlap, Protocol, Rollback, Run, ServiceType};
use super::schedule::Schedule;
use super::template::Template;

/// Slots of a phase where nothing is said.
pub const DEFAULT_SLOTS: u32 = 4;

/// The stages of an environment that lists none, with the type that each is the default for.
pub const DEFAULT_STAGES: [(&str, ServiceType); 4] = [
    ("0.DEFAULT DATABASE", ServiceType::Database),
    ("1.DEFAULT JOB", ServiceType::Job),
    ("2.DEFAULT CONTAINER", ServiceType::Container),
    ("3.DEFAULT APPLICATION", ServiceType::Application),
];

/// A checked environment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Environment {
    /// Unique on its host.
    pub name: String,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What may run at the same time.
    pub overlap: Overlap,
    /// What follows a deployment that failed.
    #[serde(default)]
    pub rollback: Rollback,
    /// The stages in order.
    pub stages: Vec<Stage>,
    /// The services in the order of the file.
    pub services: Vec<Service>,
}

/// A step of the pipeline's order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    /// Unique without regard to case.
    pub name: String,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What a failed service means for the rest.
    pub on_failure: OnFailure,
    /// Slots of its phases.
    pub limits: StageLimits,
}

/// Slots of the phases of a stage, at least one each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageLimits {
    /// How many services are built and pushed at once.
    pub build: u32,
    /// How many services are deployed at once.
    pub deploy: u32,
}

/// The unit that is built and deployed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Service {
    /// Unique in the environment.
    pub name: String,
    /// What kind of thing it is.
    pub kind: ServiceType,
    /// An index into the environment's stages.
    pub stage: usize,
    /// Takes no part in deploy, stop and restart; it does in destroy.
    pub skip: bool,
    /// An existing image; never beside a source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// What it is built from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// The plugins that serve it.
    pub strategy: Strategy,
    /// Ports with unique names; the first is what `{{service.port}}` means.
    pub ports: Vec<Port>,
    /// When it counts as ready: exactly one check, which names one of the ports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<HealthFile>,
    /// The environment's variables and its own, which win.
    pub variables: IndexMap<String, Variable>,
    /// Indices of the services that are deployed before it, in its stage or earlier ones.
    pub needs: Vec<usize>,
    /// Deadlines of its steps.
    pub timeouts: Timeouts,
    /// What happens after a failure that may be tried again.
    pub retry: Retry,
    /// On which occasions it runs, if it is a job.
    #[serde(deserialize_with = "occasions")]
    pub run: Vec<Run>,
    /// When it runs by the clock, if it is a job and does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
    /// A job that may run twice.
    pub idempotent: bool,
}

/// Reads occasions, also as journals have them that were written when there was only one.
fn occasions<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Run>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        List(Vec<Run>),
        Word(Word),
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "kebab-case")]
    enum Word {
        Always,
        OnChange,
    }
    Ok(match Written::deserialize(from)? {
        Written::List(list) => list,
        Written::Word(Word::Always) => vec![Run::OnDeploy],
        Written::Word(Word::OnChange) => vec![Run::OnChange],
    })
}

/// Where source is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The repository. Left out: the folder of the environment file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git: Option<Git>,
    /// The folder that is built: relative, without `.` and `..`; `.` for the whole.
    pub path: String,
    /// Further folders of the same tree, written in the same way.
    pub include: Vec<String>,
}

/// A git repository at a revision.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Git {
    /// What `git clone` would be given.
    pub url: String,
    /// What is checked out.
    pub revision: Revision,
}

/// What of a repository is meant.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Revision {
    /// The head of a branch when the deployment starts.
    Branch(String),
    /// What a tag points to when the deployment starts.
    Tag(String),
    /// A full hash.
    Commit(String),
}

/// The three plugins that serve a service.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Strategy {
    /// The builder.
    pub build: PluginUse,
    /// The publisher.
    pub push: PluginUse,
    /// The deployer.
    pub deploy: PluginUse,
}

/// A plugin, as far as the file names it, and its configuration.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PluginUse {
    /// What the service or the environment's `strategies` name; left out: the operator's
    /// configuration or the built-in default decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Not looked at here; the plugin knows its schema.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub with: Map<String, Value>,
}

/// A port that a service listens on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Port {
    /// Unique in the service.
    pub name: String,
    /// Never 0.
    pub number: u16,
    /// What is spoken below the application.
    pub protocol: Protocol,
}

/// What a variable holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Variable {
    /// Text with references to services of the environment.
    Text(Template),
    /// The name of a secret.
    Secret(String),
}

/// Deadlines, each over all attempts of its step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timeouts {
    /// Of a build.
    pub build: Duration,
    /// Of a push.
    pub push: Duration,
    /// Of a deploy, and of the actions on what is deployed.
    pub deploy: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        let minutes = |minutes: u64| Duration(std::time::Duration::from_secs(60 * minutes));
        Self {
            build: minutes(30),
            push: minutes(10),
            deploy: minutes(10),
        }
    }
}

/// What happens after a failure that may be tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retry {
    /// Further attempts after the first.
    pub max: u32,
    /// Pause before the second attempt, doubled before each further one.
    pub backoff: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            max: 0,
            backoff: Duration(std::time::Duration::from_secs(1)),
        }
    }
}

impl Environment {
    /// The service of a name, and its index.
    pub fn service(&self, name: &str) -> Option<(usize, &Service)> {
        let mut services = self.services.iter().enumerate();
        services.find(|(_, service)| service.name == name)
    }

    /// The services of a stage with their indices, in the order of the file.
    pub fn services_of(&self, stage: usize) -> impl Iterator<Item = (usize, &Service)> {
        let services = self.services.iter().enumerate();
        services.filter(move |(_, service)| service.stage == stage)
    }
}

impl Service {
    /// The JSON pointer to this service in its file.
    pub fn pointer(&self) -> String {
        child("/services", &self.name)
    }
}
