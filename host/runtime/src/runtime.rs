//! The runtime as the rest of the host sees it: load plugins, find images again.
//!
//! Made once, by the composition root. Cheap to clone.

use std::collections::HashSet;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::capability::docker;
use crate::capability::images::{self, ImageError, Scope, Store};
use crate::capability::process;
use crate::capability::registry::{self, Registries};
use crate::catalog::{Builtin, Catalog, CatalogError, Inspection};
use crate::component::CacheError;
use crate::component::cache::ComponentCache;
use crate::engine::{Engine, EngineError};
use crate::garbage::{Garbage, Sweep};
use crate::grant::Policy;
use crate::instance::link;
use crate::plugin::{BuiltImage, Host, Plugin};
use crate::record::Failure;
use crate::redactor::Redactor;
use crate::wasi::Views;

/// What the composition root decides.
pub struct Settings {
    /// The state folder of the installation.
    pub state: PathBuf,
    /// The components that come with the program.
    pub builtin: Builtin,
    /// What the operator's configuration says about plugins.
    pub policy: Policy,
    /// How many calls run at the same time, over all deployments.
    pub calls: u32,
    /// The command that is a shim when a folder is added to it: the program and its hidden
    /// verb.
    pub shim: Vec<OsString>,
    /// The variables of the host that programs get, as [`process::pass_through`] picks them.
    pub passed: Vec<(String, String)>,
    /// How registries are spoken to.
    pub registries: registry::Settings,
    /// The Docker engine, for plugins that are granted it.
    pub docker: docker::Settings,
}

/// The number of calls at the same time where nothing is said.
pub const DEFAULT_CALLS: u32 = 64;

/// The runtime could not be started.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// Without an engine nothing runs.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The folder of compiled components.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// The image store.
    #[error("the image store cannot be opened: {0}")]
    Images(#[from] ImageError),
    /// The folder of copies of sources.
    #[error("the copies of sources that an earlier run left cannot be removed: {0}")]
    Views(#[source] io::Error),
}

/// Runs plugins. Clones share everything.
#[derive(Clone)]
pub struct Runtime {
    shared: Arc<Shared>,
}

struct Shared {
    engine: Arc<Engine>,
    catalog: Catalog,
    host: Arc<Host>,
}

impl Runtime {
    /// Reserves the pool and opens the folders.
    ///
    /// # Errors
    /// When the engine cannot run on this machine, or a folder cannot be used.
    pub fn new(settings: Settings) -> Result<Self, RuntimeError> {
        let Settings {
            state,
            builtin,
            policy,
            calls,
            shim,
            passed,
            registries,
            docker,
        } = settings;
        let engine = Engine::new(calls)?;
        let cache = ComponentCache::open(state.join("components"), engine.wasm().clone())?;
        let linker = link(engine.wasm()).map_err(|error| EngineError::new(&error))?;
        let host = Host {
            images: Store::open(&state.join("images"))?,
            supervisor: process::Supervisor::new(process::Settings {
                releases: state.join("releases"),
                data: state.join("data"),
                shim: shim.clone(),
                passed: passed.clone(),
            }),
            runner: process::Runner::new(shim, passed),
            registries: Arc::new(Registries::new(registries)),
            docker: docker::Engine::new(docker, &state),
            views: Views::open(state.join("views")).map_err(RuntimeError::Views)?,
        };
        let catalog = Catalog::new(builtin, cache, policy, linker);
        let shared = Shared {
            engine: Arc::new(engine),
            catalog,
            host: Arc::new(host),
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// The plugin of that reference, compiled and checked, ready to be called. `base` is the
    /// folder that `./FILE.wasm` is relative to. A plugin that was loaded once is also found
    /// by its digest, `sha256:…`, for as long as its bytes are kept.
    ///
    /// # Errors
    /// When it is not there, is no plugin for this host, or lacks a grant.
    pub async fn load(&self, reference: &str, base: &Path) -> Result<Plugin, CatalogError> {
        let loaded = self
            .shared
            .catalog
            .examine(&self.shared.engine, reference, base)
            .await?;
        Plugin::admit(loaded, Arc::clone(&self.shared.host))
    }

    /// Everything that is known of a plugin, also of one that lacks grants.
    ///
    /// # Errors
    /// When it is not there, or is no plugin for this host.
    pub async fn inspect(&self, reference: &str, base: &Path) -> Result<Inspection, CatalogError> {
        let loaded = self
            .shared
            .catalog
            .examine(&self.shared.engine, reference, base)
            .await?;
        Ok(loaded.inspection(reference))
    }

    /// The references of the plugins that come with the program.
    pub fn builtin(&self) -> impl Iterator<Item = String> {
        self.shared
            .catalog
            .builtin()
            .map(|name| format!("builtin:{name}"))
    }

    /// A built image, found again by the reference that its build answered with. `base` is the
    /// folder of the environment file, where it may be in a layout; `redactor` learns what a
    /// registry is told.
    ///
    /// # Errors
    /// When it is not there any more, or its registry does not answer.
    pub async fn image(
        &self,
        reference: &str,
        base: &Path,
        redactor: &Arc<Redactor>,
    ) -> Result<BuiltImage, Failure> {
        let host = &self.shared.host;
        if !images::Reference::is_one(reference) {
            let session = host.session(redactor, None);
            let image = session.resolve(&reference.parse()?).await;
            return image
                .map(BuiltImage::new)
                .map_err(|error| redactor.redact_failure(error.into()));
        }
        let (store, reference) = (host.images.clone(), reference.to_owned());
        let base = base.to_owned();
        let find = move || store.resolve(&reference, &base, Scope::Inside);
        match tokio::task::spawn_blocking(find).await {
            Ok(image) => Ok(BuiltImage::new(image?)),
            Err(error) => Err(Failure::new("host.fault", error.to_string())),
        }
    }

    /// The same; from then on its blobs count as just used where they are in the store of this
    /// installation, so that no sweep takes them.
    ///
    /// # Errors
    /// When it is not there any more, neither here nor in its registry.
    pub async fn hold(
        &self,
        reference: &str,
        base: &Path,
        redactor: &Arc<Redactor>,
    ) -> Result<BuiltImage, Failure> {
        let built = self.image(reference, base, redactor).await?;
        let (store, image) = (self.images().clone(), built.image().clone());
        let held = tokio::task::spawn_blocking(move || store.hold(&image)).await;
        let missing = match held {
            Ok(Ok(())) => return Ok(built),
            Ok(Err(error)) => Failure::from(error),
            Err(error) => Failure::new("host.fault", error.to_string()),
        };
        // What is not here may still be in its registry.
        if images::Reference::is_one(reference) {
            return Err(missing);
        }
        let session = self.shared.host.session(redactor, None);
        match session.exists(&reference.parse()?).await {
            Ok(Some(_)) => Ok(built),
            Ok(None) => Err(missing),
            Err(error) => Err(redactor.redact_failure(error.into())),
        }
    }

    /// Removes components whose digests are not `needed`. Blocking.
    ///
    /// # Errors
    /// When their folder cannot be read or written.
    pub fn sweep_components(
        &self,
        needed: &HashSet<String>,
        sweep: Sweep,
    ) -> Result<Vec<Garbage>, CacheError> {
        self.shared.catalog.sweep(needed, sweep)
    }

    /// The image store of this installation.
    pub fn images(&self) -> &Store {
        &self.shared.host.images
    }

    /// The releases on this machine.
    pub fn supervisor(&self) -> &process::Supervisor {
        &self.shared.host.supervisor
    }

    /// The Docker engine that the operator chose.
    pub fn docker(&self) -> &docker::Engine {
        &self.shared.host.docker
    }

    /// How many calls run at the same time.
    pub fn capacity(&self) -> u32 {
        self.shared.engine.capacity()
    }

    /// Are the places for calls reserved? Else the address space is too small for it, and each
    /// call allocates its own.
    pub fn is_pooled(&self) -> bool {
        self.shared.engine.is_pooled()
    }

    /// How many more calls would run at once at this moment.
    pub fn idle(&self) -> usize {
        self.shared.engine.idle()
    }
}
