//! The sandbox through its public interface, and guests to run in it that no toolchain made.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use stagewright_runtime::capability::docker;
use stagewright_runtime::capability::images::{Draft, Store};
use stagewright_runtime::capability::process::pass_through;
use stagewright_runtime::capability::registry;
use stagewright_runtime::folder::{Access, Folder, Interrupt};
use stagewright_runtime::record::{Failure, Port, Service, Step, Variable};
use stagewright_runtime::{
    Call, Cancel, Digest, LogLine, Policy, Progress, Redactor, RegistrySettings, Runtime,
    SecretText, Secrets, Settings, Sink, Source, Supply,
};
use tempfile::TempDir;

use crate::engines::Docker;
use crate::installation::PROGRAM;

/// A program that listens; `peer` is found where programs of the machine are.
const PEER: &str = env!("CARGO_BIN_EXE_peer");
/// The image that the service declares, beside the environment file.
pub const IMAGE: &str = "oci:image";
/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(120);

/// What surrounds the service `api` of the environment `test`: a source, a folder to build in,
/// an image, a port, a secret.
pub struct Sandbox {
    folder: TempDir,
    /// Where a call may use one.
    engine: OnceLock<&'static Docker>,
    registries: registry::Settings,
}

impl Sandbox {
    /// One with the file `file` in its source, and `secret` beside it.
    pub fn new() -> Self {
        let sandbox = Self {
            folder: tempfile::tempdir().unwrap(),
            engine: OnceLock::new(),
            registries: registry::Settings::default(),
        };
        sandbox.put("source/file", "public");
        sandbox.put("outside/secret", "secret");
        for folder in ["output", "base"] {
            std::fs::create_dir(sandbox.path(folder)).unwrap();
        }
        sandbox
    }

    /// The same, and its host speaks to this registry without TLS.
    pub fn speaking_to(mut self, host: &str) -> Self {
        let plain = RegistrySettings {
            plain_http: true,
            ..RegistrySettings::default()
        };
        self.registries.hosts.insert(host.to_owned(), plain);
        self
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    pub fn put(&self, path: &str, content: &str) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    /// Makes the image that the service declares.
    pub fn add_image(&self) {
        self.put("packed/note", "packed");
        let store = Store::open(&self.path("base/image")).unwrap();
        let packed = Folder::open(&self.path("packed"), Access::Read).unwrap();
        let mut draft = Draft::new(&store);
        draft.add(&packed, ".", "/app", &Interrupt::new()).unwrap();
        let image = draft.finish(&Interrupt::new()).unwrap();
        store.keep(&image, "note", &Interrupt::new()).unwrap();
    }

    /// A runtime over the state of this sandbox, in which plugins have these grants by digest.
    pub fn runtime(&self, grants: &[(&[u8], &Value)]) -> Runtime {
        let plugins = grants
            .iter()
            .map(|(guest, grants)| (Digest::of(guest).to_string(), json!({ "grants": grants })));
        let plugins: serde_json::Map<_, _> = plugins.collect();
        let policy: Policy = serde_json::from_value(json!({ "plugins": plugins })).unwrap();
        Runtime::new(Settings {
            state: self.path("state"),
            builtin: &[],
            policy,
            calls: 4,
            shim: vec![PROGRAM.into(), "shim".into()],
            passed: passed(),
            docker: docker::Settings {
                host: self.engine.get().map(|engine| engine.host().to_owned()),
                ..docker::Settings::default()
            },
            registries: self.registries.clone(),
        })
        .unwrap()
    }

    /// Writes a guest to where runtimes load it from.
    pub fn plugin(&self, guest: &[u8]) {
        std::fs::write(self.path("base/plugin.wasm"), guest).unwrap();
    }

    pub fn base(&self) -> PathBuf {
        self.path("base")
    }

    /// A call with all that a plugin can be handed.
    pub fn call(&self) -> Call {
        Call {
            step: Step {
                id: "test-1/api/build".into(),
                deployment: "test-1".into(),
                reason: "deploy".into(),
                attempt: 1,
                deadline: None,
            },
            service: service(),
            deadline: Instant::now() + PATIENCE,
            cancel: Cancel::default(),
            sink: Arc::new(Unheard),
            redactor: Arc::new(Redactor::new()),
            secrets: Arc::new(Token),
            base: self.base(),
            source: Some(Supply::Here(Source {
                root: self.path("source"),
                path: String::new(),
                include: Vec::new(),
            })),
            output: Some(self.path("output")),
            caches: Some(self.path("caches")),
            commands: Vec::new(),
            repositories: Default::default(),
            versions: Arc::default(),
        }
    }

    /// A call that may use the engine of the tests, for an image with a program and a context
    /// to build.
    pub fn engine(&self, mut call: Call) -> Call {
        self.engine.get_or_init(Docker::shared);
        self.put("packed/note", "packed");
        std::fs::copy("/bin/busybox", self.path("packed/busybox")).unwrap();
        self.put("source/Dockerfile", "FROM scratch\nCOPY file /file\n");
        call.service.ports = vec![Port {
            name: "http".into(),
            number: 8080,
            protocol: "tcp".into(),
        }];
        call
    }

    /// Runs a guest with these grants; the answer has one line for each of its attempts.
    pub async fn run(&self, guest: &[u8], grants: &Value, call: Call) -> Vec<String> {
        self.plugin(guest);
        let plugin = self
            .runtime(&[(guest, grants)])
            .load("./plugin.wasm", &self.base())
            .await;
        let error = plugin.unwrap().build(call).await.unwrap_err();
        told(&error.failure())
    }
}

/// What programs are passed: the path begins with the folder of the peer.
fn passed() -> Vec<(String, String)> {
    let mut passed = pass_through(std::env::vars_os());
    let folder = Path::new(PEER).parent().unwrap().display();
    for (_, value) in passed.iter_mut().filter(|(name, _)| name == "PATH") {
        *value = format!("{folder}:{value}");
    }
    passed
}

/// What a script told when it ended.
pub fn told(failure: &Failure) -> Vec<String> {
    assert_eq!(failure.code, "script.ended", "{failure:?}");
    failure.message.lines().map(str::to_owned).collect()
}

/// Whatever still runs is stopped with it.
impl Drop for Sandbox {
    fn drop(&mut self) {
        if let Some(engine) = self.engine.get() {
            engine.clear("test");
        }
        if !self.path("state/releases").exists() {
            return;
        }
        let runtime = self.runtime(&[]);
        let releases = runtime
            .supervisor()
            .service("test", "api")
            .unwrap()
            .releases()
            .unwrap();
        let stop = move || {
            let executor = tokio::runtime::Runtime::new().unwrap();
            for release in releases {
                executor.block_on(release.stop()).unwrap();
            }
        };
        // Not on this thread, which may drive a runtime already.
        std::thread::spawn(stop).join().unwrap();
    }
}

fn service() -> Service {
    Service {
        environment: "test".into(),
        name: "api".into(),
        kind: "application".into(),
        stage: "services".into(),
        image: Some(IMAGE.into()),
        source_path: Some(String::new()),
        ports: Vec::new(),
        variables: vec![Variable {
            name: "TOKEN".into(),
            value: stagewright_runtime::record::Value::Secret("token".into()),
        }],
        health: None,
        config: "{}".into(),
    }
}

/// Every secret has the same value.
pub struct Token;

/// The value of every secret.
pub const SECRET: &str = "correct-horse-battery-staple";

impl Secrets for Token {
    fn value<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<SecretText, Failure>> {
        async { Ok(SecretText::new(SECRET)) }.boxed()
    }
}

/// Nobody listens to what plugins say.
pub struct Unheard;

impl Sink for Unheard {
    fn line(&self, _: LogLine) {}

    fn progress(&self, _: Progress) {}
}

/// The names and kinds of what is below a folder, sorted, without following links.
pub fn tree(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let entry = entry.unwrap();
            let path = entry.path();
            found.push(path.strip_prefix(folder).unwrap().display().to_string());
            if entry.file_type().unwrap().is_dir() {
                open.push(path);
            }
        }
    }
    found.sort();
    found
}
