//! Each effect performed twice under one step id, as after a crash between an effect and its
//! record: the second time changes nothing. Only a restart may happen once more.
//!
//! The built-in plugins are called through the runtime as the executor calls them, over the
//! state of an installation in which the program has compiled them.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use stagewright_pipeline::environment;
use stagewright_runtime::capability::process::pass_through;
use stagewright_runtime::record::{Port, Service, Step, Value, Variable};
use stagewright_runtime::{
    Call, Cancel, Plugin, Policy, Redactor, Runtime, Settings, Source, Supply,
};

use crate::environment::{free_port, get, job, server, with};
use crate::installation::{Installation, PROGRAM};
use crate::sandbox::{Token, Unheard, tree};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(120);

/// A service of an environment, and the sandbox that its plugins run in.
struct Stage {
    installation: Installation,
    runtime: Runtime,
    service: Service,
    port: u16,
}

impl Stage {
    /// One with the service that is described there, which notes down each of its runs.
    fn new(port: u16, service: &str) -> Self {
        let account = |folder: &Path| folder.join("account").display().to_string();
        let installation = with(&[service.to_owned()]);
        let file = installation.project().join("stagewright.yaml");
        let text = std::fs::read_to_string(&file).unwrap();
        let read = environment::read("stagewright.yaml", &text).unwrap();
        let described = &read.environment.services[0];
        let ports = described.ports.iter().map(|port| Port {
            name: port.name.clone(),
            number: port.number,
            protocol: "tcp".into(),
        });
        let ports = ports.collect();
        let text = |name: &str, text: String| Variable {
            name: name.to_owned(),
            value: Value::Text(text),
        };
        let service = Service {
            environment: "test".into(),
            name: described.name.clone(),
            kind: if port == 0 { "job" } else { "application" }.into(),
            stage: "all".into(),
            image: None,
            source_path: Some("app".into()),
            ports,
            variables: vec![
                text("ACCOUNT", account(&installation.project())),
                text("PORT", port.to_string()),
            ],
            health: described
                .health
                .as_ref()
                .map(|health| serde_json::to_string(health).unwrap()),
            config: "{}".into(),
        };
        let runtime = Runtime::new(Settings {
            state: installation.state(),
            builtin: &[],
            policy: Policy::default(),
            calls: 4,
            shim: vec![PROGRAM.into(), "shim".into()],
            passed: pass_through(std::env::vars_os()),
            docker: Default::default(),
            registries: Default::default(),
        });
        Self {
            runtime: runtime.unwrap(),
            installation,
            service,
            port,
        }
    }

    /// A built-in plugin, which is kept here from when the program looked at it.
    async fn plugin(&self, name: &str) -> Plugin {
        let words = ["plugin", "inspect", name, "--output", "json"];
        let inspected = self.installation.succeed(&words).json();
        let digest = inspected[0]["digest"].as_str().unwrap();
        let project = self.installation.project();
        self.runtime.load(digest, &project).await.unwrap()
    }

    /// A call for a step of the first deployment, with this configuration.
    fn call(&self, step: &str, config: &str) -> Call {
        let project = self.installation.project();
        Call {
            step: Step {
                id: format!("test-1/{}/{step}", self.service.name),
                deployment: "test-1".into(),
                reason: "deploy".into(),
                attempt: 1,
                deadline: None,
            },
            service: Service {
                config: config.into(),
                ..self.service.clone()
            },
            deadline: Instant::now() + PATIENCE,
            cancel: Cancel::default(),
            sink: Arc::new(Unheard),
            redactor: Arc::new(Redactor::new()),
            secrets: Arc::new(Token),
            base: project.clone(),
            source: Some(Supply::Here(Source {
                root: project.clone(),
                path: "app".into(),
                include: Vec::new(),
            })),
            output: Some(project.join("output")),
            caches: Some(project.join("caches")),
            commands: Vec::new(),
            repositories: Default::default(),
            versions: Arc::default(),
        }
    }

    /// Builds and publishes the image, twice each; its reference.
    async fn image(&self) -> String {
        std::fs::create_dir_all(self.installation.project().join("output")).unwrap();
        let builder = self.plugin("builtin:static").await;
        let images = self.installation.state().join("images");
        let config = r#"{"target": "/app"}"#;
        let first = builder.build(self.call("build", config)).await.unwrap();
        let there = tree(&images);
        let second = builder.build(self.call("build", config)).await.unwrap();
        assert_eq!(first.digest, second.digest);
        assert_eq!(tree(&images), there, "nothing was added to the store");

        let publisher = self.plugin("builtin:layout").await;
        let publish = || async {
            let reference = publisher.publish(self.call("push", "{}"), &first).await;
            let index = std::fs::read_to_string(images.join("index.json"));
            (reference.unwrap(), index.unwrap(), tree(&images))
        };
        let published = publish().await;
        assert_eq!(publish().await, published);
        published.0
    }

    /// How often the program began to run.
    fn runs(&self) -> usize {
        let account = self.installation.project().join("account");
        let account = std::fs::read_to_string(account).unwrap_or_default();
        assert!(!account.contains("double"), "two at once: {account}");
        account.lines().count()
    }

    /// The process that answers.
    fn pid(&self) -> Option<String> {
        get(self.port, "/pid")
    }

    fn releases(&self) -> Vec<String> {
        let service = self
            .runtime
            .supervisor()
            .service("test", &self.service.name);
        let releases = service.unwrap().releases().unwrap();
        releases
            .iter()
            .map(|release| release.step_id().to_owned())
            .collect()
    }
}

#[tokio::test]
async fn a_server_is_installed_started_stopped_and_removed_once() {
    let port = free_port();
    let stage = Stage::new(port, &server("web", port, "one"));
    let reference = stage.image().await;
    let plugin = stage.plugin("builtin:process").await;
    let call = |step: &str| {
        let config = r#"{"command": ["/app/actor", "serve"], "stop_grace": "2s"}"#;
        stage.call(step, config)
    };
    let deploy = || async {
        let state = plugin.deploy(call("deploy"), reference.clone()).await;
        assert_eq!(state.unwrap().condition, "ready");
        (stage.releases(), stage.pid().unwrap(), stage.runs())
    };
    let deployed = deploy().await;
    assert_eq!(deployed.0, ["test-1/web/deploy"]);
    assert_eq!(deployed.2, 1);
    assert_eq!(deploy().await, deployed);

    for _ in 0..2 {
        let state = plugin.stop(call("stop")).await.unwrap();
        assert_eq!(state.condition, "stopped");
        assert_eq!((stage.pid(), stage.runs()), (None, 1));
        assert_eq!(stage.releases(), deployed.0);
    }
    let start = || async {
        let state = plugin.start(call("start")).await.unwrap();
        assert_eq!(state.condition, "ready");
        (stage.releases(), stage.pid().unwrap(), stage.runs())
    };
    let started = start().await;
    assert_eq!((&started.0, started.2), (&deployed.0, 2));
    assert_eq!(start().await, started);

    // Nobody can tell of a server that runs whether this step or one before started it, so it
    // is started once more; never beside the one that runs, and never as another release.
    for runs in [3, 4] {
        let state = plugin.restart(call("restart")).await.unwrap();
        assert_eq!(state.condition, "ready");
        assert_eq!((stage.releases(), stage.runs()), (deployed.0.clone(), runs));
    }

    let data = stage.installation.state().join("data/test/web");
    assert!(data.is_dir());
    for with_data in [false, false, true, true] {
        plugin.destroy(call("destroy"), with_data).await.unwrap();
        assert_eq!(stage.releases(), Vec::<String>::new());
        assert_eq!((stage.pid(), stage.runs()), (None, 4));
        assert_eq!(data.exists(), !with_data);
    }
}

#[tokio::test]
async fn a_job_runs_once_and_answers_twice() {
    let stage = Stage::new(0, &job("tally", "job, count=3"));
    let reference = stage.image().await;
    let plugin = stage.plugin("builtin:process").await;
    for _ in 0..2 {
        let config = r#"{"command": ["/app/actor", "job", "count=3"]}"#;
        let call = stage.call("deploy", config);
        let state = plugin.deploy(call, reference.clone()).await.unwrap();
        assert_eq!(state.condition, "completed");
        assert_eq!(state.outputs.len(), 1);
        assert_eq!(state.outputs[0].value, "3");
        assert_eq!(stage.releases(), ["test-1/tally/deploy"]);
        assert_eq!(stage.runs(), 1);
    }
}

#[tokio::test]
async fn a_build_by_programs_and_a_rollback_leave_the_second_time_what_they_left_the_first() {
    let port = free_port();
    let stage = Stage::new(port, &server("web", port, "one"));
    let old = stage.image().await;

    let builder = stage.plugin("builtin:command").await;
    let images = stage.installation.state().join("images");
    let build = || async {
        let words = r#"[["sh", "-c", "cp actor made; echo once >> kept/runs"]]"#;
        let config = format!(r#"{{"steps": {words}, "outputs": ["made"], "caches": ["kept"]}}"#);
        let mut call = stage.call("build-by-programs", &config);
        call.commands = vec!["sh".to_owned()];
        let built = builder.build(call).await.unwrap();
        // What is remembered of the files is of the copies of this build; the images are not.
        let mut images = tree(&images);
        images.retain(|name| !name.starts_with(".layers/"));
        (built.digest, built.reference, images)
    };
    let built = build().await;
    assert_eq!(build().await, built);

    let plugin = stage.plugin("builtin:process").await;
    let deploy = |step: &'static str, program: &str, reference: &str| {
        let config = format!(r#"{{"command": ["{program}", "serve"], "stop_grace": "2s"}}"#);
        let (call, reference) = (stage.call(step, &config), reference.to_owned());
        let plugin = &plugin;
        let stage = &stage;
        async move {
            let state = plugin.deploy(call, reference).await.unwrap();
            assert_eq!(state.condition, "ready");
            (stage.releases(), stage.pid().unwrap(), stage.runs())
        }
    };
    deploy("deploy-1", "/app/actor", &old).await;
    let newer = deploy("deploy-2", "/app/made", &built.1).await;
    assert_eq!(newer.2, 2);
    let back = deploy("rollback", "/app/actor", &old).await;
    assert_eq!(
        (&back.0, back.2),
        (&vec!["test-1/web/rollback".to_owned()], 3)
    );
    assert_eq!(deploy("rollback", "/app/actor", &old).await, back);
    plugin.stop(stage.call("stop", "{}")).await.unwrap();
}
