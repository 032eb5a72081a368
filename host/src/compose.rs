//! The composition root: configuration in, the parts of the host out. Nothing else constructs
//! journal, runtime, clock or secrets.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use stagewright_journal::{Journal, Salvage, SqliteJournal};
use stagewright_runtime::capability::docker;
use stagewright_runtime::capability::process::pass_through;
use stagewright_runtime::capability::registry;
use stagewright_runtime::{Builtin, DEFAULT_CALLS, Runtime, Secrets, Settings};

use crate::cli::arguments::Global;
use crate::clock::Clock;
use crate::config::{Config, OperatorSecrets};
use crate::home::Home;
use crate::key::Key;
use crate::open_files;
use crate::source::Sources;

/// The components that come with the program.
const BUILTIN: Builtin = include!(concat!(env!("OUT_DIR"), "/builtin.rs"));

/// The journal of a state folder, to be read for what is left of it.
///
/// # Errors
/// When there is none, or it is no journal any more.
pub(crate) fn salvage(global: &Global) -> Result<Salvage> {
    let home = Home::open(global.state_dir.as_deref())?;
    Ok(Salvage::open(&home.journal())?)
}

/// The parts of the host, shared by everything that needs them.
pub(crate) struct Host {
    /// The state folder.
    pub(crate) home: Home,
    /// What the operator decided.
    pub(crate) config: Config,
    /// The configuration file that was asked for.
    pub(crate) config_file: Option<PathBuf>,
    /// Durable facts.
    pub(crate) journal: Arc<dyn Journal>,
    /// Time.
    pub(crate) clock: Arc<dyn Clock>,
    /// The operator's secrets.
    pub(crate) secrets: Arc<dyn Secrets>,
    /// Clones of git repositories.
    pub(crate) sources: Arc<Sources>,
    /// What hashes of secrets are keyed by.
    pub(crate) key: Key,
    /// Made when it is first needed: reading a status takes no sandbox.
    runtime: Mutex<Option<Runtime>>,
}

impl Host {
    /// Reads the configuration and opens the state folder.
    ///
    /// # Errors
    /// When the configuration is wrong, or the state folder cannot be used.
    pub(crate) fn open(global: &Global, clock: Arc<dyn Clock>) -> Result<Arc<Self>> {
        let config = Config::read(global.config.as_deref())?;
        let home = Home::open(global.state_dir.as_deref())?;
        let journal = SqliteJournal::open(&home.journal())?;
        Ok(Arc::new(Self {
            journal: Arc::new(journal),
            clock,
            secrets: Arc::new(OperatorSecrets::new(config.secrets.clone())),
            sources: Sources::new(home.sources()),
            key: Key::new(home.key()),
            runtime: Mutex::default(),
            config_file: global.config.clone(),
            home,
            config,
        }))
    }

    /// The sandbox for plugins.
    ///
    /// # Errors
    /// When it cannot be made on this machine.
    pub(crate) fn runtime(&self) -> Result<Runtime> {
        // Held while it is made, so that there is never a second engine.
        let mut made = self.runtime.lock().unwrap_or_else(PoisonError::into_inner);
        match &*made {
            Some(runtime) => Ok(runtime.clone()),
            None => Ok(made.insert(self.make_runtime()?).clone()),
        }
    }

    fn make_runtime(&self) -> Result<Runtime> {
        let program = std::env::current_exe().context("cannot tell where this program is")?;
        let mut passed = pass_through(std::env::vars_os());
        for name in &self.config.pass_through {
            passed.extend(std::env::var(name).map(|value| (name.clone(), value)));
        }
        let mut shim = vec![program.into_os_string(), OsString::from("shim")];
        if let Some(before) = open_files::raise() {
            shim.push(format!("--open-files={before}").into());
        }
        Ok(Runtime::new(Settings {
            state: self.home.root().to_owned(),
            builtin: BUILTIN,
            policy: self.config.policy(),
            calls: DEFAULT_CALLS,
            shim,
            passed,
            registries: registry::Settings {
                hosts: self.config.registries.clone(),
                secrets: Arc::clone(&self.secrets),
            },
            docker: engine(&self.config.docker),
        })?)
    }
}

/// The engine that the configuration names, else the one that Docker's own variables name.
fn engine(configured: &docker::Settings) -> docker::Settings {
    let mut settings = configured.clone();
    let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    if settings.host.is_none() {
        settings.host = variable("DOCKER_HOST");
        let certificates = variable("DOCKER_CERT_PATH").map(PathBuf::from);
        if let (Some(folder), Some(_)) = (certificates, variable("DOCKER_TLS_VERIFY")) {
            settings.tls = Some(docker::Tls {
                ca: folder.join("ca.pem"),
                cert: folder.join("cert.pem"),
                key: folder.join("key.pem"),
            });
        }
    }
    settings
}
