//! The environment file as it is written: the types that YAML is read into, and that the
//! JSON Schema for editors is generated from. Checked for shape only; what the fields mean
//! together is checked by `check`.

mod strategy;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An environment: the services that are deployed together, and their pipeline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EnvironmentFile {
    /// Names the environment on this host: lower-case letters, digits and `-`, at most 63.
    #[schemars(regex(pattern = NAME))]
    pub name: String,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Variables that every service gets; a service's own of the same name win.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    #[schemars(extend("propertyNames" = { "pattern": VARIABLE }))]
    pub variables: IndexMap<String, VariableValue>,
    /// Slots of each phase, 4 where nothing is said.
    #[serde(default)]
    pub limits: Limits,
    /// What may run at the same time.
    #[serde(default)]
    pub overlap: Overlap,
    /// What follows a deployment that failed.
    #[serde(default)]
    pub rollback: Rollback,
    /// The complete list of stages, in order. Left out: the four default stages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub stages: Option<Vec<StageFile>>,
    /// Which plugins serve a service type. Left out: the built-in ones.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    #[schemars(extend("propertyNames" = { "$ref": "#/$defs/ServiceType" }))]
    pub strategies: IndexMap<ServiceType, StrategyFile>,
    /// The services, by name; ready steps start in this order.
    #[schemars(extend("propertyNames" = { "pattern": NAME }))]
    pub services: IndexMap<String, ServiceFile>,
}

/// The pattern of names of environments and services.
pub const NAME: &str = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$";
/// The pattern of names of variables: "name" in section 3 of POSIX.1, of either case.
pub const VARIABLE: &str = "^[A-Za-z_][A-Za-z0-9_]*$";
/// The pattern of names of secrets.
pub const SECRET: &str = "^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$";
/// The pattern of references to plugins.
pub const PLUGIN: &str = r"^(builtin:[a-z0-9][a-z0-9-]*|\.\.?/.+|oci://.+)$";
/// The pattern of a commit's full hash.
pub const COMMIT: &str = "^[0-9a-f]{40}$";
/// The pattern of a path on a server.
pub const HTTP_PATH: &str = "^/";

/// A variable: text (or a number or boolean, taken as text), or a secret by name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum VariableValue {
    /// Text, in which `{{service.host}}`, `{{service.port}}`, `{{service.port.NAME}}` and
    /// `{{job.output}}` are replaced; `{{{{` stands for `{{`.
    Text(String),
    /// Taken as its decimal text.
    Integer(i64),
    /// Taken as its decimal text.
    Number(f64),
    /// Taken as `true` or `false`.
    Boolean(bool),
    /// A secret of the operator's, by name.
    Secret(SecretRef),
}

/// A secret by name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretRef {
    /// The name that the operator knows the secret by.
    #[schemars(regex(pattern = SECRET))]
    pub secret: String,
}

/// Slots of each phase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// How many services are built and pushed at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1024))]
    pub build: Option<u32>,
    /// How many services are deployed at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1024))]
    pub deploy: Option<u32>,
}

/// What may run at the same time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Overlap {
    /// The deploy phase of a stage starts when all of its build phase has ended well.
    #[default]
    None,
    /// A service deploys as soon as its own image is pushed.
    WithinStage,
    /// Later stages also build ahead while earlier ones deploy; deploy order is kept.
    AcrossStages,
}

/// What follows a deployment that failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Rollback {
    /// Nothing: what was replaced stays until somebody says otherwise.
    #[default]
    Manual,
    /// Services that it had replaced already are brought back, the last one first.
    Automatic,
}

/// One stage of the pipeline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StageFile {
    /// Unique without regard to case.
    #[schemars(length(min = 1, max = 100))]
    pub name: String,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Service types whose services go here unless they say otherwise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub default_for: Vec<ServiceType>,
    /// What a failed service means for the rest.
    #[serde(default)]
    pub on_failure: OnFailure,
    /// Slots of this stage, where they differ from the environment's.
    #[serde(default)]
    pub limits: Limits,
}

/// What a failed service means for the rest of its deployment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OnFailure {
    /// Nothing new starts in any stage; what runs is let finish.
    #[default]
    FailFast,
    /// All of this stage runs; later stages are skipped.
    FinishStage,
    /// Later stages run too, and the deployment ends failed.
    Continue,
}

/// What kind of thing a service is.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum ServiceType {
    /// Keeps data; its data survives it.
    Database,
    /// Runs to completion.
    Job,
    /// Runs an image that exists already, unless it says how to build one.
    Container,
    /// Built from source.
    Application,
}

impl ServiceType {
    /// As the file writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Database => "database",
            Self::Job => "job",
            Self::Container => "container",
            Self::Application => "application",
        }
    }
}

impl std::fmt::Display for ServiceType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// One service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServiceFile {
    /// What kind of thing it is.
    #[serde(rename = "type")]
    pub kind: ServiceType,
    /// The stage it belongs to. Left out: the one that is the default for its type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// Takes no part in deploy, stop and restart; it does in destroy.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub skip: bool,
    /// An existing image, for services that are not built from source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub image: Option<String>,
    /// Where the source is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceFile>,
    /// How it is built.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<StepFile>,
    /// How its image is pushed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub push: Option<StepFile>,
    /// How it is deployed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deploy: Option<StepFile>,
    /// Ports that it listens on. The first is what `{{service.port}}` means.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<PortFile>,
    /// When it counts as ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<HealthFile>,
    /// Its own variables.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    #[schemars(extend("propertyNames" = { "pattern": VARIABLE }))]
    pub variables: IndexMap<String, VariableValue>,
    /// Services that are deployed before this one; in this stage or an earlier one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<String>,
    /// Deadlines, each over all attempts of its step.
    #[serde(default)]
    pub timeouts: TimeoutsFile,
    /// What happens after a failure that may be tried again.
    #[serde(default)]
    pub retry: RetryFile,
    /// On which occasions a job runs: one, or a list. Left out: `on-deploy`, and for a job with
    /// a schedule none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunFile>,
    /// When a job runs by the clock, in UTC: minute, hour, day, month and weekday, as cron
    /// writes them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<String>,
    /// A job that may run twice; only then it is retried.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub idempotent: bool,
}

/// Where source is: a folder beside the environment file, or a git repository.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SourceFile {
    /// A git repository; one of `branch`, `tag` and `commit` goes with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub git: Option<String>,
    /// Its head is resolved once per deployment and repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub branch: Option<String>,
    /// A tag, resolved in the same way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub tag: Option<String>,
    /// A commit by its full hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = COMMIT))]
    pub commit: Option<String>,
    /// The folder: beside the environment file, or in the repository. Left out: `.`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub path: Option<String>,
    /// Further folders of the same tree that the build reads; they keep their place in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub include: Vec<String>,
}

/// A port that a service listens on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PortFile {
    /// Names it inside the service.
    #[schemars(regex(pattern = NAME))]
    pub name: String,
    /// Its number.
    #[schemars(range(min = 1))]
    pub port: u16,
    /// What is spoken below the application.
    #[serde(default)]
    pub protocol: Protocol,
}

/// Transport protocol of a port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// RFC 9293.
    #[default]
    Tcp,
    /// RFC 768.
    Udp,
}

/// When a service counts as ready: exactly one of the four checks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HealthFile {
    /// Something accepts connections on the port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tcp: Option<TcpCheck>,
    /// `GET path` answers with a status from 200 to 399.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpCheck>,
    /// A program in the release ends with exit code 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exec: Option<ExecCheck>,
    /// `grpc.health.v1.Health/Check` answers SERVING.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grpc: Option<GrpcCheck>,
    /// Pause between two checks; 1s where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Duration>,
    /// How long one check may take; 5s where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
    /// How long after its start it may stay not ready; left out: as long as the step has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<Duration>,
}

/// A check that connects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TcpCheck {
    /// By name.
    pub port: String,
}

/// A check that asks for a page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpCheck {
    /// By name.
    pub port: String,
    /// Starts with `/`. Left out: `/`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = HTTP_PATH))]
    pub path: Option<String>,
}

/// A check that runs a program in the release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExecCheck {
    /// The program and its arguments.
    #[schemars(length(min = 1))]
    pub command: Vec<String>,
}

/// A check through the gRPC health protocol.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GrpcCheck {
    /// By name.
    pub port: String,
    /// As the server calls it; left out: the server as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
}

/// Deadlines, each over all attempts of its step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TimeoutsFile {
    /// Left out: 30m.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<Duration>,
    /// Left out: 10m.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub push: Option<Duration>,
    /// Left out: 10m.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deploy: Option<Duration>,
}

/// What happens after a failure that may be tried again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RetryFile {
    /// Further attempts after the first; 0 where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 20))]
    pub max: Option<u32>,
    /// Pause before the second attempt, doubled before each further one; 1s where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backoff: Option<Duration>,
}

/// An occasion on which a job runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Run {
    /// Every deployment of it.
    OnDeploy,
    /// A deployment in which its image, variables or configuration changed; else its recorded
    /// outputs are kept.
    OnChange,
    /// A rollback.
    OnRollback,
    /// The environment is stopped.
    OnStop,
    /// The environment is destroyed, before the job itself is.
    OnDestroy,
}

impl Run {
    /// As the file writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OnDeploy => "on-deploy",
            Self::OnChange => "on-change",
            Self::OnRollback => "on-rollback",
            Self::OnStop => "on-stop",
            Self::OnDestroy => "on-destroy",
        }
    }
}

/// One occasion, or a list of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum RunFile {
    /// One.
    One(Run),
    /// Several; with none the job runs only when it is asked for by name.
    Several(Vec<Run>),
}

impl RunFile {
    /// The occasions, as they are written.
    #[must_use]
    pub fn occasions(&self) -> &[Run] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Several(several) => several,
        }
    }
}

pub use super::duration::Duration;
pub use strategy::{ConfiguredFile, PluginFile, StepFile, StrategyFile};
