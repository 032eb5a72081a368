//! What can be said on the command line. Meanings are with the verbs, one file each.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::garbage::HISTORY;

/// Runs deployment pipelines whose every step is a sandboxed WebAssembly component.
#[derive(Debug, Parser)]
#[command(name = "stagewright", version, arg_required_else_help = true)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// What every verb takes.
#[derive(Clone, Debug, Args)]
pub(crate) struct Global {
    /// Where this installation keeps its state [default: STAGEWRIGHT_HOME, else the XDG state
    /// folder]
    #[arg(long, global = true, value_name = "FOLDER")]
    pub(crate) state_dir: Option<PathBuf>,
    /// The operator's configuration [default: STAGEWRIGHT_CONFIG, else `stagewright/config.yaml`
    /// in the XDG configuration folder]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// How results are printed
    #[arg(long, global = true, value_enum, default_value_t, value_name = "FORM")]
    pub(crate) output: Output,
    /// Are states coloured? `auto`: on a terminal, unless NO_COLOR is set
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    pub(crate) color: Colour,
}

/// When states are coloured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Colour {
    /// On a terminal, unless `NO_COLOR` is set
    #[default]
    Auto,
    /// Everywhere
    Always,
    /// Nowhere
    Never,
}

/// For whom results are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people
    #[default]
    Text,
    /// One JSON object a line
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Write a first environment file
    Init(Init),
    /// Check an environment file and the configuration of its plugins
    Validate(File),
    /// Tell what a deployment would do, and why
    Plan(Plan),
    /// Tell what is there on this machine, what is missing for an environment, and what to do
    Doctor(Doctor),
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
    /// Bring services back to what an earlier deployment left
    Rollback(Rollback),
    /// Run jobs
    #[command(subcommand)]
    Job(Job),
    /// Remove images, logs, releases and more that the kept history does not need
    Gc(Gc),
    /// Look at plugins
    #[command(subcommand)]
    Plugin(Plugin),
    /// Look after the record of all deployments
    #[command(subcommand)]
    Journal(Journal),
    /// Print a script that completes commands in a shell
    Completions {
        /// Which shell
        shell: Shell,
    },
    /// Print the JSON Schema of the environment file, for editors
    Schema,
    /// Drive what is queued for an environment, without a terminal
    #[command(hide = true)]
    Drive { environment: String },
    /// Watch over the process of one release
    #[command(hide = true)]
    Shim(Shim),
}

#[derive(Debug, Args)]
pub(crate) struct Init {
    /// Where to write it
    #[arg(default_value = "stagewright.yaml")]
    pub(crate) file: PathBuf,
    /// The name of the environment [default: the name of the folder]
    #[arg(long)]
    pub(crate) name: Option<String>,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct File {
    /// The environment file
    #[arg(default_value = "stagewright.yaml")]
    pub(crate) file: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Plan {
    #[command(flatten)]
    pub(crate) file: File,
    /// Only these services, separated by commas
    #[arg(long, value_delimiter = ',', value_name = "SERVICE")]
    pub(crate) only: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// An environment file, for what it needs [default: stagewright.yaml, if it is there]
    pub(crate) file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Deploy {
    #[command(flatten)]
    pub(crate) file: File,
    /// Only these services, separated by commas
    #[arg(long, value_delimiter = ',', value_name = "SERVICE")]
    pub(crate) only: Vec<String>,
    /// Deploy again what is unchanged, too
    #[arg(long)]
    pub(crate) redeploy: bool,
    /// Remove services that are no longer in the file
    #[arg(long, conflicts_with = "detach")]
    pub(crate) prune: bool,
    /// Return at once; the deployment goes on in the background
    #[arg(long)]
    pub(crate) detach: bool,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct Named {
    /// An environment by name, or its file [default: the one of ./stagewright.yaml]
    pub(crate) environment: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Act {
    #[command(flatten)]
    pub(crate) named: Named,
    /// Only these services, separated by commas
    #[arg(long, value_delimiter = ',', value_name = "SERVICE")]
    pub(crate) only: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Rollback {
    #[command(flatten)]
    pub(crate) act: Act,
    /// The deployment to go back to what it left, by number or id [default: the newest one that
    /// succeeded and left something older than, and other than, what runs; so a rollback after
    /// a rollback goes further back, never to and fro]
    #[arg(long, value_name = "DEPLOYMENT", allow_negative_numbers = true)]
    pub(crate) to: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Gc {
    /// How many deployments of each environment are kept, beside what runs; those that deploy
    /// or roll back are counted apart from all others
    #[arg(long, default_value_t = HISTORY, value_name = "DEPLOYMENTS")]
    pub(crate) history: usize,
    /// Only tell what would be removed
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Job {
    /// Run jobs as they were last built, whenever they are meant to run
    Run {
        /// The jobs, separated by commas
        #[arg(required = true, value_delimiter = ',', value_name = "JOB")]
        jobs: Vec<String>,
        /// An environment by name, or its file [default: the one of ./stagewright.yaml]
        #[arg(long, value_name = "ENVIRONMENT")]
        environment: Option<String>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Destroy {
    #[command(flatten)]
    pub(crate) act: Act,
    /// Remove data folders, too
    #[arg(long)]
    pub(crate) data: bool,
    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Cancel {
    /// A deployment by its id, or an environment: then the one that runs
    pub(crate) target: Option<String>,
    /// Without a grace period
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Logs {
    /// A deployment by its id, or an environment: then its last one
    pub(crate) target: Option<String>,
    /// Only this service
    #[arg(long)]
    pub(crate) service: Option<String>,
    /// What its running release prints, instead of what its steps wrote
    #[arg(long, requires = "service")]
    pub(crate) release: bool,
    /// Go on until the deployment ends
    #[arg(long, short, conflicts_with = "release")]
    pub(crate) follow: bool,
}

#[derive(Debug, Args)]
pub(crate) struct History {
    #[command(flatten)]
    pub(crate) named: Named,
    /// How many at the most
    #[arg(long, default_value_t = 20)]
    pub(crate) limit: usize,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Plugin {
    /// List the built-in plugins and those that an environment file uses
    List(File),
    /// Tell what a plugin is, what it may be granted, its limits and its configuration
    Inspect {
        /// `builtin:NAME` or `./file.wasm`
        reference: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Journal {
    /// Tell whether all of it is what was written; exit code 1 when not
    Check,
    /// Write what can be read of it as JSON lines, also when it is damaged; exit code 1 when
    /// something could not be read
    Export(Export),
}

#[derive(Debug, Args)]
pub(crate) struct Export {
    /// A new file for it [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub(crate) to: Option<PathBuf>,
    /// Only this environment
    #[arg(long, value_name = "NAME")]
    pub(crate) environment: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Shim {
    /// The folder of the release
    pub(crate) folder: PathBuf,
    /// The soft limit of open files that programs get [default: that of the host]
    #[arg(long)]
    pub(crate) open_files: Option<u64>,
}
