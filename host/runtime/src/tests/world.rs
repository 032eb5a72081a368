//! A runtime in a temporary folder, and calls to run in it.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use stagewright_test_components::TestGuest;

use crate::record::{Service, Step};
use crate::{
    Call, Cancel, CatalogError, LogLine, NoSecrets, Plugin, PluginPolicy, Policy, Progress,
    Redactor, Runtime, Settings, Sink,
};

/// A runtime, and the folder that it lives in.
pub(super) struct World {
    pub(super) folder: tempfile::TempDir,
    pub(super) runtime: Runtime,
}

impl World {
    pub(super) fn new() -> Self {
        Self::with(Policy::default())
    }

    pub(super) fn with(policy: Policy) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let runtime = runtime(folder.path(), policy, PLACES);
        Self { folder, runtime }
    }

    /// One in which so many calls run at the same time.
    pub(super) fn with_places(places: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let runtime = runtime(folder.path(), Policy::default(), places);
        Self { folder, runtime }
    }

    /// One in which the plugin of these bytes has this policy.
    pub(super) fn allowing(bytes: &[u8], policy: PluginPolicy) -> Self {
        let mut all = Policy::default();
        all.plugins
            .insert(crate::Digest::of(bytes).to_string(), policy);
        Self::with(all)
    }

    /// Loads a plugin from a file with these bytes.
    pub(super) async fn load(&self, bytes: &[u8]) -> Result<Plugin, CatalogError> {
        std::fs::write(self.folder.path().join("plugin.wasm"), bytes).unwrap();
        self.runtime.load("./plugin.wasm", self.folder.path()).await
    }

    /// Loads a guest that needs no grants.
    pub(super) async fn guest(&self, guest: &TestGuest) -> Plugin {
        self.load(&guest.build()).await.unwrap()
    }
}

/// How many calls run at the same time where a test says nothing.
pub(super) const PLACES: u32 = 4;

pub(super) fn runtime(state: &Path, policy: Policy, calls: u32) -> Runtime {
    Runtime::new(Settings {
        state: state.to_owned(),
        builtin: &[],
        policy,
        calls,
        shim: Vec::new(),
        passed: Vec::new(),
        registries: Default::default(),
        docker: Default::default(),
    })
    .unwrap()
}

/// Keeps what a step says, and tells whoever waits for it.
#[derive(Default)]
pub(super) struct Heard {
    lines: Mutex<Vec<LogLine>>,
    said: Notify,
}

impl Sink for Heard {
    fn line(&self, line: LogLine) {
        self.lines.lock().unwrap().push(line);
        self.said.notify_one();
    }

    fn progress(&self, _: Progress) {
        self.said.notify_one();
    }
}

impl Heard {
    pub(super) fn messages(&self) -> Vec<String> {
        self.lines
            .lock()
            .unwrap()
            .iter()
            .map(|line| line.message.clone())
            .collect()
    }

    /// Returns when something has been said.
    pub(super) async fn something(&self) {
        self.said.notified().await;
    }
}

/// A call with nothing special about it, and the ears that listen to it.
pub(super) fn call() -> (Call, Arc<Heard>) {
    let heard = Arc::new(Heard::default());
    let call = Call {
        step: Step {
            id: "test-1/api/build".into(),
            deployment: "test-1".into(),
            reason: "deploy".into(),
            attempt: 1,
            deadline: None,
        },
        service: service(),
        deadline: Instant::now() + Duration::from_secs(60),
        cancel: Cancel::default(),
        sink: Arc::clone(&heard) as _,
        redactor: Arc::new(Redactor::new()),
        secrets: Arc::new(NoSecrets),
        base: "/".into(),
        source: None,
        output: None,
        caches: None,
        commands: Vec::new(),
        repositories: Default::default(),
        versions: Arc::default(),
    };
    (call, heard)
}

fn service() -> Service {
    Service {
        environment: "test".into(),
        name: "api".into(),
        kind: "application".into(),
        stage: "services".into(),
        image: None,
        source_path: None,
        ports: Vec::new(),
        variables: Vec::new(),
        health: None,
        config: "{}".into(),
    }
}
