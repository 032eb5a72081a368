//! Our sandbox, outside of any deployment.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use stagewright_runtime::record::{Service, Step};
use stagewright_runtime::{
    Call, Cancel, LimitOverrides, LogLine, NoSecrets, Plugin, Policy, Progress, Redactor, Runtime,
    Settings, Sink,
};

/// A runtime with the defaults, but for the limits of logs: a guest may say as much as it
/// wants.
pub fn runtime(state: &Path) -> Result<Runtime> {
    let limits = LimitOverrides {
        log_lines: Some(u32::MAX),
        log_lines_per_second: Some(u32::MAX),
        ..LimitOverrides::default()
    };
    let policy = Policy {
        limits,
        ..Policy::default()
    };
    Ok(Runtime::new(Settings {
        state: state.to_owned(),
        builtin: &[],
        policy,
        calls: stagewright_runtime::DEFAULT_CALLS,
        shim: Vec::new(),
        passed: Vec::new(),
        registries: Default::default(),
        docker: Default::default(),
    })?)
}

/// Writes the component into a folder, for [`Runtime::load`].
pub fn keep(component: &[u8], folder: &Path) -> Result<()> {
    Ok(std::fs::write(folder.join("plugin.wasm"), component)?)
}

/// Loads the component that was kept in the folder.
pub async fn load(runtime: &Runtime, folder: &Path) -> Result<Plugin> {
    Ok(runtime.load("./plugin.wasm", folder).await?)
}

/// Hears nothing.
struct Deaf;

impl Sink for Deaf {
    fn line(&self, line: LogLine) {
        std::hint::black_box(line);
    }

    fn progress(&self, _: Progress) {}
}

/// A call as the executor makes it, about a service with this configuration.
pub fn call(config: &str) -> Call {
    Call {
        step: Step {
            id: "bench-1/api/deploy".into(),
            deployment: "bench-1".into(),
            reason: "deploy".into(),
            attempt: 1,
            deadline: None,
        },
        service: Service {
            environment: "bench".into(),
            name: "api".into(),
            kind: "application".into(),
            stage: "services".into(),
            image: None,
            source_path: None,
            ports: Vec::new(),
            variables: Vec::new(),
            health: None,
            config: config.into(),
        },
        deadline: Instant::now() + Duration::from_secs(600),
        cancel: Cancel::default(),
        sink: Arc::new(Deaf),
        redactor: Arc::new(Redactor::new()),
        secrets: Arc::new(NoSecrets),
        base: "/".into(),
        source: None,
        output: None,
        caches: None,
        commands: Vec::new(),
        repositories: Default::default(),
        versions: Arc::default(),
    }
}
