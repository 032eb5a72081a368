//! What can be said on the command line. Meanings are with the verbs, one file each.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

/// Runs deployment pipelines whose every step is a sandboxed WebAssembly component.
#[derive(Debug, Parser)]
#[command(name = "stagewright", version, arg_required_else_help = true)]
pub struct Arguments {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub verb: Verb,
}

/// What every verb takes.
#[derive(Clone, Debug, Args)]
pub struct Global {
    /// Where this installation keeps its state [default: STAGEWRIGHT_HOME, else the XDG state
    /// folder]
    #[arg(long, global = true, value_name = "FOLDER")]
    pub state_dir: Option<PathBuf>,
    /// The operator's configuration [default: STAGEWRIGHT_CONFIG, else `stagewright/config.yaml`
    /// in the XDG configuration folder]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// How results are printed
    #[arg(long, global = true, value_enum, default_value_t, value_name = "FORM")]
    pub output: Output,
}

/// For whom results are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people
    #[default]
    Text,
    /// One JSON object a line
    Json,
}

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Write a first environment file
    Init(Init),
    /// Check an environment file and the configuration of its plugins
    Validate(File),
    /// Tell what a deployment would do, and why
    Plan(Plan),
    /// Build, push and deploy an environment, stage by stage
    Deploy(Deploy),
    /// Go on with deployments that were interrupted
    Resume(Named),
    /// Cancel a deployment that is running or queued
    Cancel(Cancel),
    /// Tell what runs, and what waits for what
    Status(Named),
    /// Print what the steps of a deployment wrote
    Logs(Logs),
    /// List deployments
    History(History),
    /// Stop services; their data and releases stay
    Stop(Act),
    /// Start services that were stopped
    Start(Act),
    /// Stop services and start them again
    Restart(Act),
    /// Remove services; their data stays unless --data
    Destroy(Destroy),
    /// Look at plugins
    #[command(subcommand)]
    Plugin(Plugin),
    /// Print a script that completes commands in a shell
    Completions {
        /// Which shell
        shell: Shell,
    },
    /// Print the JSON Schema of the environment file, for editors
    Schema,
    /// Drive what is queued for an environment, without a terminal
    #[command(hide = true)]
    Drive {
        environment: String,
    },
    /// Watch over the process of one release
    #[command(hide = true)]
    Shim(Shim),
}

#[derive(Debug, Args)]
pub struct Init {
    /// Where to write it
    #[arg(default_value = "stagewright.yaml")]
    pub file: PathBuf,
    /// The name of the environment [default: the name of the folder]
    #[arg(long)]
    pub name: Option<String>,
}

#[derive(Clone, Debug, Args)]
pub struct File {
    /// The environment file
    #[arg(default_value = "stagewright.yaml")]
    pub file: PathBuf,
}

#[derive(Debug, Args)]
pub struct Plan {
    #[command(flatten)]
    pub file: File,
    /// Only these services, separated by commas
    #[arg(long, value_delimiter = ',', value_name = "SERVICE")]
    pub only: Vec<String>,
}

#[derive(Debug, Args)]
pub struct Deploy {
    #[command(flatten)]
    pub file: File,
    /// Only these services, separated by commas
    #[arg(long, value_delimiter = ',', value_name = "SERVICE")]
    pub only: Vec<String>,
    /// Deploy again what is unchanged, too
    #[arg(long)]
    pub redeploy: bool,
    /// Remove services that are no longer in the file
    #[arg(long)]
    pub prune: bool,
    /// Return at once; the deployment goes on in the background
    #[arg(long)]
    pub detach: bool,
}

#[derive(Clone, Debug, Args)]
pub struct Named {
    /// An environment by name, or its file [default: the one of ./stagewright.yaml]
    pub environment: Option<String>,
}

#[derive(Debug, Args)]
pub struct Act {
    #[command(flatten)]
    pub named: Named,
    /// Only these services, separated by commas
    #[arg(long, value_delimiter = ',', value_name = "SERVICE")]
    pub only: Vec<String>,
}

#[derive(Debug, Args)]
pub struct Destroy {
    #[command(flatten)]
    pub act: Act,
    /// Remove data folders, too
    #[arg(long)]
    pub data: bool,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

#[derive(Debug, Args)]
pub struct Cancel {
    /// A deployment by its id, or an environment: then the one that runs
    pub target: Option<String>,
    /// Without a grace period
    #[arg(long)]
    pub force: bool,
}

#[derive(Debug, Args)]
pub struct Logs {
    /// A deployment by its id, or an environment: then its last one
    pub target: Option<String>,
    /// Only this service
    #[arg(long)]
    pub service: Option<String>,
    /// What its running release prints, instead of what its steps wrote
    #[arg(long, requires = "service")]
    pub release: bool,
    /// Go on until the deployment ends
    #[arg(long, short, conflicts_with = "release")]
    pub follow: bool,
}

#[derive(Debug, Args)]
pub struct History {
    #[command(flatten)]
    pub named: Named,
    /// How many at the most
    #[arg(long, default_value_t = 20)]
    pub limit: usize,
}

#[derive(Debug, Subcommand)]
pub enum Plugin {
    /// List the built-in plugins and those that an environment file uses
    List(File),
    /// Tell what a plugin is, what it may be granted, its limits and its configuration
    Inspect {
        /// `builtin:NAME` or `./file.wasm`
        reference: String,
    },
}

#[derive(Debug, Args)]
pub struct Shim {
    /// The folder of the release
    pub folder: PathBuf,
}
