//! Environment files in which each stage holds one crime and three honest services.

use stagewright_runtime::Digest;

use crate::guests::{add, component};
use crate::installation::Installation;

/// A service that is not honest.
#[derive(Clone, Debug)]
pub struct Rogue {
    /// Its name.
    pub name: String,
    /// What follows its name in the file, beside stage and source.
    pub entry: String,
    /// The folder of its source.
    source: &'static str,
}

/// How long a step of a rogue has where a test says nothing: far longer than it takes.
const DEADLINE: &str = "599s";

impl Rogue {
    /// One that the `rogue` plugin builds, pushes and deploys, and that does this there.
    pub fn new(name: &str, crime: &str, at: &str) -> Self {
        let role = format!("{{ plugin: ./rogue.wasm, with: {{ crime: {crime}, at: {at} }} }}");
        let entry = format!(
            "    type: application
    build: {role}
    push: {role}
    deploy: {role}
    timeouts: {{ build: {DEADLINE}, push: {DEADLINE}, deploy: {DEADLINE} }}
"
        );
        Self {
            name: name.to_owned(),
            entry,
            source: "site",
        }
    }

    /// One that a component of a test builds, and honest plugins push and deploy.
    pub fn built_by(name: &str, file: &str) -> Self {
        let entry = format!(
            "    type: application
    build: {{ plugin: ./{file}.wasm }}
    deploy: {{ plugin: ./elsewhere.wasm }}
    timeouts: {{ build: {DEADLINE} }}
"
        );
        Self {
            name: name.to_owned(),
            entry,
            source: "site",
        }
    }

    /// With other deadlines.
    pub fn ending_after(mut self, deadline: &str) -> Self {
        self.entry = self.entry.replace(DEADLINE, deadline);
        self
    }

    /// With another deadline of its deploy alone.
    pub fn deploying_for(mut self, deadline: &str) -> Self {
        let (before, after) = (
            format!(" deploy: {DEADLINE}"),
            format!(" deploy: {deadline}"),
        );
        self.entry = self.entry.replace(&before, &after);
        self
    }

    /// With the `actor` program as its source, and a port that it may listen on.
    pub fn with_program(mut self, port: u16) -> Self {
        self.source = "app";
        self.entry += &format!(
            "    ports: [{{ name: main, port: {port} }}]
    variables: {{ PORT: \"{port}\" }}
"
        );
        self
    }

    fn text(&self, stage: &str) -> String {
        let Self {
            name,
            entry,
            source,
        } = self;
        format!("  {name}:\n    stage: {stage}\n    source: {{ path: {source} }}\n{entry}")
    }
}

/// The names of the honest services of a stage.
pub fn honest(stage: &str) -> [String; 3] {
    ["job", "page", "shop"].map(|kind| format!("{stage}-{kind}"))
}

/// A job that runs a program, and two services that are left to somebody else.
fn honest_text(stage: &str) -> String {
    let [job, page, shop] = honest(stage);
    let build = r#"    source: { path: site }
    build: { plugin: "builtin:static" }
"#;
    let mut text = format!(
        "  {job}:\n    stage: {stage}\n    type: job\n{build}    deploy: {{ with: {{ command: [\"true\"] }} }}\n"
    );
    for name in [page, shop] {
        text += &format!(
            "  {name}:\n    stage: {stage}\n    type: application\n{build}    deploy: {{ plugin: ./elsewhere.wasm }}\n"
        );
    }
    text
}

/// An environment, stage by stage.
#[derive(Default)]
pub struct Stages {
    stages: String,
    services: String,
}

impl Stages {
    /// A stage of these services and three honest ones, with room for all at once.
    pub fn add(&mut self, stage: &str, rogues: &[Rogue]) {
        let slots = rogues.len() + 3;
        self.begin(stage, slots);
        for rogue in rogues {
            self.services += &rogue.text(stage);
        }
        self.services += &honest_text(stage);
    }

    /// A stage of this service and honest ones, which have to wait for its only slot.
    pub fn add_with_one_slot(&mut self, stage: &str, rogue: &Rogue) {
        self.begin(stage, 1);
        self.services += &rogue.text(stage);
        self.services += &honest_text(stage);
    }

    /// A stage of three honest services, and a build that waits for what this step does.
    pub fn add_calm(&mut self, stage: &str, step: &str) {
        self.begin(stage, 4);
        self.services += &honest_text(stage);
        self.services += &format!(
            "  {stage}-gate:
    stage: {stage}
    type: application
    source: {{ path: site }}
    build: {{ plugin: \"builtin:command\", with: {{ steps: [{step}], outputs: [index.html] }} }}
    deploy: {{ plugin: ./elsewhere.wasm }}
"
        );
    }

    fn begin(&mut self, stage: &str, slots: usize) {
        self.stages += &format!(
            "  - {{ name: {stage}, on_failure: continue, limits: {{ build: {slots}, deploy: {slots} }} }}\n"
        );
    }

    /// Writes the environment `test`.
    pub fn write(&self, installation: &Installation) {
        self.write_as(installation, "test", "stagewright.yaml");
    }

    /// Writes an environment of this name to this file.
    pub fn write_as(&self, installation: &Installation, name: &str, file: &str) {
        let Self { stages, services } = self;
        let text =
            format!("name: {name}\noverlap: within-stage\nstages:\n{stages}services:\n{services}");
        installation.write(file, &text);
    }
}

/// An installation with a small source, and with what the `rogue` asks for granted to it.
/// `config`: further lines of the operator's configuration.
pub fn installation(config: &str) -> Installation {
    let installation = Installation::new();
    installation.write("site/index.html", "<p>hello</p>\n");
    add(&installation, "rogue");
    add(&installation, "elsewhere");
    let digest = Digest::of(component("rogue"));
    let config = format!(
        "{config}plugins:
  \"{digest}\":
    grants:
      workspace: true
      images: true
      probe: true
      process: {{ commands: [sh], supervise: true }}
"
    );
    installation.configure(&config);
    installation
}
