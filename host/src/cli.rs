//! The command line: one file per verb. Verbs ask the rest of the host for what they need and
//! print what they got; they decide nothing about deployments.

mod act;
pub(crate) mod arguments;
mod cancel;
mod completions;
mod deploy;
mod doctor;
mod drive;
mod gc;
mod history;
mod init;
mod interrupt;
mod job;
mod journal;
mod logs;
mod plan;
mod plugin;
mod print;
mod rollback;
mod schema;
mod status;
mod target;
mod validate;
mod view;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result};
use clap::Parser;
use stagewright_pipeline::environment::Problems;
use tracing_subscriber::EnvFilter;

use crate::clock::{Clock, SystemClock};
use crate::compose::Host;
use crate::open_files;
use arguments::{Arguments, Output, Verb};

/// After how many turns of its tasks a thread looks for timers and sockets that are ready. A
/// guest that computes takes the whole of each of its turns, a tick of the sandbox's clock, so
/// that at tokio's own interval of 61 two such guests would hold everybody up for half a second.
const EVENT_INTERVAL: u32 = 2;

/// What of the program's own workings is told on standard error. A certificate that is not
/// trusted is an error of the step, which says it in its own words.
const LOGGED: &str = "warn,rustls_platform_verifier=off";

/// How the program ends, as product.md of the design fixes it for scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// All that was asked for was done.
    Success = 0,
    /// The deployment failed, or the journal is damaged.
    Failed = 1,
    /// Bad usage or configuration; nothing was done.
    Usage = 2,
    /// The deployment was cancelled.
    Cancelled = 3,
    /// What became of the deployment is not known here.
    Lost = 4,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Reads the command line, does what it says, and tells how it went.
pub fn main() -> ExitCode {
    main_with(Arc::new(SystemClock))
}

/// As [`main`], by another clock than the machine's.
pub fn main_with(clock: Arc<dyn Clock>) -> ExitCode {
    let arguments = Arguments::parse();
    if let Verb::Shim(shim) = &arguments.verb {
        if let Some(limit) = shim.open_files {
            open_files::restore(limit);
        }
        return stagewright_runtime::capability::process::shim::main(&shim.folder);
    }
    let filter =
        EnvFilter::try_from_env("STAGEWRIGHT_LOG").unwrap_or_else(|_| EnvFilter::new(LOGGED));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false)
        .init();
    // Libraries that say more may say what they send: the environment of a container.
    log::set_max_level(log::LevelFilter::Info);
    let output = arguments.global.output;
    view::colour::decide(arguments.global.color);
    match run(arguments, clock) {
        Ok(exit) => exit.into(),
        Err(error) => {
            report(&error, output);
            Exit::Usage.into()
        }
    }
}

fn run(arguments: Arguments, clock: Arc<dyn Clock>) -> Result<Exit> {
    match &arguments.verb {
        Verb::Completions { shell } => return completions::run(*shell),
        Verb::Schema => return schema::run(),
        Verb::Init(init) => return init::run(init),
        Verb::Journal(journal) => return journal::run(&arguments.global, journal),
        _ => {}
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .event_interval(EVENT_INTERVAL)
        .build()
        .context("cannot start the threads of the host")?;
    let exit = runtime.block_on(dispatch(arguments, clock));
    // Whatever still blocks a thread now has been told to stop; it is not waited for.
    runtime.shutdown_background();
    exit
}

async fn dispatch(arguments: Arguments, clock: Arc<dyn Clock>) -> Result<Exit> {
    let output = arguments.global.output;
    let host = Host::open(&arguments.global, clock)?;
    match arguments.verb {
        Verb::Validate(file) => validate::run(&host, &file, output).await,
        Verb::Plan(plan) => plan::run(&host, &plan, output).await,
        Verb::Doctor(doctor) => doctor::run(&host, &doctor, output).await,
        Verb::Deploy(deploy) => deploy::run(&host, &deploy, output).await,
        Verb::Resume(named) => drive::resume(&host, &named, output).await,
        Verb::Cancel(cancel) => cancel::run(&host, &cancel, output).await,
        Verb::Status(named) => status::run(&host, &named, output).await,
        Verb::Logs(logs) => logs::run(&host, &logs, output).await,
        Verb::History(history) => history::run(&host, &history, output).await,
        Verb::Stop(act) => act::stop(&host, &act, output).await,
        Verb::Start(act) => act::start(&host, &act, output).await,
        Verb::Restart(act) => act::restart(&host, &act, output).await,
        Verb::Destroy(destroy) => act::destroy(&host, &destroy, output).await,
        Verb::Rollback(rollback) => rollback::run(&host, &rollback, output).await,
        Verb::Job(job) => job::run(&host, &job, output).await,
        Verb::Gc(gc) => gc::run(&host, &gc, output).await,
        Verb::Plugin(plugin) => plugin::run(&host, &plugin, output).await,
        Verb::Drive { environment } => drive::run(&host, &environment).await,
        Verb::Init(_)
        | Verb::Completions { .. }
        | Verb::Schema
        | Verb::Journal(_)
        | Verb::Shim(_) => unreachable_verb(),
    }
}

/// Verbs that need no host were answered before there was one.
fn unreachable_verb() -> Result<Exit> {
    anyhow::bail!("this verb needs no host")
}

/// Tells what went wrong, with everything that led to it.
fn report(error: &anyhow::Error, output: Output) {
    let text = format!("{error:#}");
    if let (Output::Json, Some(problems)) = (output, error.downcast_ref::<Problems>()) {
        let object =
            serde_json::json!({ "error": { "message": text, "problems": problems.problems } });
        return print::note(&object.to_string());
    }
    match output {
        Output::Text => print::note(&format!("stagewright: {text}")),
        Output::Json => {
            print::note(&serde_json::json!({ "error": { "message": text } }).to_string())
        }
    }
}
