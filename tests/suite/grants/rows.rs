//! The table: each function of the contract, the grant that it needs, a call that needs it, and
//! what comes of it.

mod docker;

use serde_json::{Value, json};

use crate::engines::Registry;
use crate::environment::free_port;
use crate::sandbox::IMAGE;
use Given::{Handle, Nothing, Number, Output, Port, Source, Text, Texts};
use stagewright_test_components::{Given, HostCall, Script};

/// What a function is given, after the calls that make it.
type With = fn(&mut Script) -> Vec<Given<'static>>;

/// A function that needs a grant.
pub(super) struct Row {
    pub(super) function: &'static str,
    pub(super) scope: Scope,
    /// Makes the calls that come before it, and answers with what it is given.
    pub(super) given: With,
    /// What is told of it; the beginning, where the rest is a digest or a version.
    pub(super) answer: &'static str,
}

/// What a grant is about.
#[derive(Clone, Copy)]
pub(super) enum Scope {
    Workspace,
    Images,
    Commands,
    Supervise,
    Probe,
    Secrets,
    Reveal,
    Docker,
    DockerBuild,
    DockerRun,
    Pull,
    Push,
}

impl Row {
    pub(super) fn capability(&self) -> &'static str {
        self.function.split('.').next().unwrap()
    }

    /// A guest that only imports the function.
    pub(super) fn importing(&self) -> Script {
        let mut script = Script::new();
        script.import(self.function);
        script
    }
}

impl Scope {
    /// As refusals spell it.
    pub(super) fn grant(self) -> &'static str {
        match self {
            Self::Workspace => "workspace: true",
            Self::Images => "images: true",
            Self::Commands => "process: { commands: [PROGRAM, ...] }",
            Self::Supervise => "process: { supervise: true }",
            Self::Probe => "probe: true",
            Self::Secrets => "secrets: {}",
            Self::Reveal => "secrets: { reveal: true }",
            Self::Docker => "docker: {}",
            Self::DockerBuild => "docker: { build: true }",
            Self::DockerRun => "docker: { run: true }",
            Self::Pull => "registry: { pull: [REPOSITORY, ...] }",
            Self::Push => "registry: { push: [REPOSITORY, ...] }",
        }
    }

    /// The widest grant of the capability that does not hold it.
    pub(super) fn too_narrow(self) -> Option<Value> {
        match self {
            Self::Workspace | Self::Images | Self::Probe => Some(json!(false)),
            Self::Commands => Some(json!({ "supervise": true })),
            Self::Supervise => Some(json!({ "commands": ["ls"], "declared": true })),
            Self::Secrets | Self::Docker => None,
            Self::Reveal | Self::Pull => Some(json!({})),
            Self::DockerBuild => Some(json!({ "run": true })),
            Self::DockerRun => Some(json!({ "build": true })),
            Self::Push => Some(json!({ "pull": ["registry.example/"] })),
        }
    }

    /// The narrowest grant that will do.
    pub(super) fn narrow(self) -> Value {
        match self {
            Self::Workspace | Self::Images | Self::Probe => json!(true),
            Self::Commands => json!({ "commands": ["ls"] }),
            Self::Supervise => json!({ "supervise": true }),
            Self::Secrets | Self::Docker => json!({}),
            Self::Reveal => json!({ "reveal": true }),
            Self::DockerBuild => json!({ "build": true }),
            Self::DockerRun => json!({ "run": true }),
            Self::Pull => json!({ "pull": ["registry.example/team/app"] }),
            Self::Push => json!({ "push": ["registry.example/team/app"] }),
        }
    }

    /// The widest grant of the capability.
    pub(super) fn wide(self) -> Value {
        match self {
            Self::Workspace | Self::Images | Self::Probe => json!(true),
            Self::Commands | Self::Supervise => {
                json!({ "commands": ["ls", "cat"], "declared": true, "supervise": true })
            }
            Self::Secrets | Self::Reveal => json!({ "reveal": true }),
            Self::Docker | Self::DockerBuild | Self::DockerRun => {
                json!({ "build": true, "run": true })
            }
            Self::Pull | Self::Push => json!({
                "pull": ["registry.example/"], "push": ["registry.example/"], "declared": true,
            }),
        }
    }
}

/// Functions that give no authority, and what they are called with.
pub(super) const FREE: [(&str, &[Given<'static>]); 6] = [
    ("log.write", &[Number(2), Text("hello"), Nothing(2)]),
    (
        "progress.report",
        &[Number(1), Number(0), Number(0), Text("half")],
    ),
    ("cancel.requested", &[]),
    ("clock.elapsed", &[]),
    ("clock.remaining", &[]),
    ("clock.sleep", &[Number(0)]),
];

const NO_DIGEST: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";

/// All of them.
pub(super) fn rows() -> Vec<Row> {
    [
        workspace(),
        images(),
        drafts(),
        process(),
        releases(),
        probe(),
        secrets(),
        docker::docker(),
        docker::containers(),
        registry(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn row(function: &'static str, scope: Scope, answer: &'static str, given: With) -> Row {
    Row {
        function,
        scope,
        given,
        answer,
    }
}

fn workspace() -> Vec<Row> {
    let row = |function, answer, given: With| row(function, Scope::Workspace, answer, given);
    vec![
        row("workspace.directory.entries", "ok 1", |_| {
            vec![Source, Text("."), Number(1), Nothing(3)]
        }),
        row("workspace.directory.read", "ok public", |_| {
            vec![Source, Text("file"), Number(0), Number(99)]
        }),
        row("workspace.directory.write", "ok", |_| {
            vec![Output, Text("a/b"), Number(0), Text("x")]
        }),
        row("workspace.directory.copy-from", "ok", |_| {
            vec![Output, Source, Text("."), Text("copy")]
        }),
        row("workspace.directory.remove", "ok", |_| {
            vec![Output, Text("copy")]
        }),
        row("workspace.directory.digest", "ok sha256:", |_| {
            vec![Source, Text(".")]
        }),
        row("workspace.directory.attach-cache", "ok", |_| {
            vec![Output, Text("target"), Text("target")]
        }),
    ]
}

fn image(s: &mut Script) -> HostCall {
    s.call("images.resolve", &[Text(IMAGE)])
}

fn images() -> Vec<Row> {
    let row = |function, answer, given: With| row(function, Scope::Images, answer, given);
    vec![
        row("images.resolve", "ok", |_| vec![Text(IMAGE)]),
        row("images.kept", "ok", |_| {
            vec![Text("test/api"), Text(NO_DIGEST)]
        }),
        row("images.keep", "ok layout:test/api@", |s| {
            vec![Handle(image(s)), Text("test/api")]
        }),
        row("images.image.digest", "ok sha256:", |s| {
            vec![Handle(image(s))]
        }),
        row("images.image.reference", "ok oci:image@sha256:", |s| {
            vec![Handle(image(s))]
        }),
        row("images.image.location", "ok layout", |s| {
            vec![Handle(image(s))]
        }),
        row("images.image.config", "ok", |s| vec![Handle(image(s))]),
        row("images.image.size", "ok", |s| vec![Handle(image(s))]),
    ]
}

fn draft(s: &mut Script) -> HostCall {
    s.call("images.draft", &[])
}

fn drafts() -> Vec<Row> {
    let row = |function, given: With| row(function, Scope::Images, "ok", given);
    vec![
        row("images.draft", |_| vec![]),
        row("images.draft.from-base", |s| vec![Handle(image(s))]),
        row("images.draft.add", |s| {
            vec![Handle(draft(s)), Source, Text("."), Text("/app")]
        }),
        row("images.draft.configure", |s| {
            vec![Handle(draft(s)), Nothing(14)]
        }),
        row("images.draft.finish", |s| vec![Handle(draft(s))]),
    ]
}

fn process() -> Vec<Row> {
    vec![
        row("process.run", Scope::Commands, "ok", |_| {
            vec![Output, Texts(&["ls"]), Nothing(2), Nothing(2)]
        }),
        row("process.version", Scope::Commands, "ok ls", |_| {
            vec![Text("ls")]
        }),
        row("process.install", Scope::Supervise, "ok", |s| {
            let image = image(s);
            vec![Text("one"), Handle(image)]
        }),
        row("process.releases", Scope::Supervise, "ok 1", |s| {
            installed(s);
            vec![]
        }),
        row("process.remove-data", Scope::Supervise, "ok", |_| vec![]),
    ]
}

pub(super) fn installed(s: &mut Script) -> HostCall {
    let image = image(s);
    s.call("process.install", &[Text("one"), Handle(image)])
}

/// What follows the ports in a launch: no socket activation, not kept running, one second.
const ONCE: [Given<'static>; 3] = [Number(0), Number(0), Number(1000)];

/// A job that has been started, and prints one line.
fn job(s: &mut Script) -> HostCall {
    let release = installed(s);
    let [activation, keep, grace] = ONCE;
    let launch = [
        Texts(&["ls", "app"]),
        Nothing(2),
        Nothing(2),
        Nothing(2),
        activation,
        keep,
        grace,
    ];
    s.call(
        "process.release.start",
        &[&[Handle(release)], launch.as_slice()].concat(),
    );
    release
}

fn ended(s: &mut Script) -> HostCall {
    let release = job(s);
    s.call("process.release.wait", &[Handle(release)]);
    release
}

fn releases() -> Vec<Row> {
    let row = |function, answer, given: With| row(function, Scope::Supervise, answer, given);
    vec![
        row("process.release.step-id", "ok one", |s| {
            vec![Handle(installed(s))]
        }),
        row("process.release.reference", "ok oci:image@sha256:", |s| {
            vec![Handle(installed(s))]
        }),
        row("process.release.state", "ok", |s| {
            vec![Handle(installed(s))]
        }),
        row("process.release.start", "ok", |s| {
            let release = installed(s);
            let [activation, keep, grace] = ONCE;
            let argv = Texts(&["sleep", "1000"]);
            vec![
                Handle(release),
                argv,
                Nothing(2),
                Nothing(2),
                Nothing(2),
                activation,
                keep,
                grace,
            ]
        }),
        row("process.release.start-again", "ok", |s| {
            vec![Handle(ended(s))]
        }),
        row("process.release.stop", "ok", |s| vec![Handle(job(s))]),
        row("process.release.wait", "ok", |s| vec![Handle(job(s))]),
        row("process.release.outputs", "ok 0", |s| {
            vec![Handle(ended(s))]
        }),
        row("process.release.tail", "ok 1", |s| {
            vec![Handle(ended(s)), Number(1)]
        }),
        row("process.release.remove", "ok", |s| vec![Handle(ended(s))]),
    ]
}

/// A release that listens on a port, in one of the ways of the peer.
pub(super) fn listening(s: &mut Script, way: &str) -> (HostCall, u16) {
    let port = free_port();
    let release = installed(s);
    let [activation, keep, grace] = ONCE;
    let number = port.to_string();
    let argv = Texts(&["peer", way, &number]);
    s.call(
        "process.release.start",
        &[
            Handle(release),
            argv,
            Nothing(2),
            Nothing(2),
            Port(port),
            activation,
            keep,
            grace,
        ],
    );
    s.until(
        "probe.tcp",
        &[Handle(release), Number(port.into()), Number(10_000)],
    );
    (release, port)
}

fn probe() -> Vec<Row> {
    let row = |function, answer, given: With| row(function, Scope::Probe, answer, given);
    vec![
        row("probe.tcp", "ok", |s| {
            let (release, port) = listening(s, "mute");
            vec![Handle(release), Number(port.into()), Number(10_000)]
        }),
        row("probe.http", "ok", |s| {
            let (release, port) = listening(s, "http");
            vec![
                Handle(release),
                Number(port.into()),
                Text("/healthz"),
                Number(10_000),
            ]
        }),
        row("probe.exec", "ok", |s| {
            let (release, _) = listening(s, "mute");
            vec![Handle(release), Texts(&["ls"]), Number(10_000)]
        }),
        row("probe.grpc", "ok SERVING", |s| {
            let (release, port) = listening(s, "grpc");
            vec![
                Handle(release),
                Number(port.into()),
                Text(""),
                Number(10_000),
            ]
        }),
    ]
}

pub(super) fn secret(s: &mut Script) -> HostCall {
    s.call("secrets.get", &[Text("token")])
}

fn secrets() -> Vec<Row> {
    vec![
        row("secrets.get", Scope::Secrets, "ok", |_| vec![Text("token")]),
        row("secrets.secret.name", Scope::Secrets, "ok token", |s| {
            vec![Handle(secret(s))]
        }),
        // What was revealed is redacted in all that the guest says.
        row("secrets.secret.reveal", Scope::Reveal, "ok ***", |s| {
            vec![Handle(secret(s))]
        }),
    ]
}

/// A repository, or a reference, of the registry that tests share.
pub(super) fn shared(rest: &str) -> &'static str {
    format!("{}/{rest}", Registry::shared().host()).leak()
}

fn registry() -> Vec<Row> {
    vec![
        row("registry.exists", Scope::Pull, "ok", |_| {
            vec![Text(shared("team/app:1"))]
        }),
        row("registry.resolve", Scope::Pull, "ok", |_| {
            vec![Text(shared("team/app:1"))]
        }),
        row("registry.pull", Scope::Pull, "ok", |s| {
            vec![Handle(
                s.call("registry.resolve", &[Text(shared("team/app:1"))]),
            )]
        }),
        row("registry.push", Scope::Push, "ok 127.0.0.1:", |s| {
            vec![Handle(image(s)), Text(shared("team/app"))]
        }),
        row("registry.tag", Scope::Push, "ok 127.0.0.1:", |_| {
            vec![Text(shared("team/app:1")), Text("2")]
        }),
        row("registry.tags", Scope::Pull, "ok ", |_| {
            vec![Text(shared("team/app")), Nothing(3)]
        }),
    ]
}
