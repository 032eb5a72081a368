//! The table: each function of the contract, the grant that it needs, a call that needs it, and
//! what comes of it.

use serde_json::{Value, json};

use crate::environment::free_port;
use crate::sandbox::IMAGE;
use Given::{Handle, Nothing, Number, Output, Port, Source, Text, Texts};
use stagewright_test_components::{Given, HostCall, Script};

/// A function that needs a grant.
pub(super) struct Row {
    pub(super) function: &'static str,
    pub(super) scope: Scope,
    /// Makes the calls of which the last one is told.
    pub(super) script: fn(&mut Script),
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
        }
    }

    /// The widest grant of the capability that does not hold it.
    pub(super) fn too_narrow(self) -> Option<Value> {
        match self {
            Self::Workspace | Self::Images | Self::Probe => Some(json!(false)),
            Self::Commands => Some(json!({ "supervise": true })),
            Self::Supervise => Some(json!({ "commands": ["ls"], "declared": true })),
            Self::Secrets => None,
            Self::Reveal => Some(json!({})),
        }
    }

    /// The narrowest grant that will do.
    pub(super) fn narrow(self) -> Value {
        match self {
            Self::Workspace | Self::Images | Self::Probe => json!(true),
            Self::Commands => json!({ "commands": ["ls"] }),
            Self::Supervise => json!({ "supervise": true }),
            Self::Secrets => json!({}),
            Self::Reveal => json!({ "reveal": true }),
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
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn row(function: &'static str, scope: Scope, answer: &'static str, script: fn(&mut Script)) -> Row {
    Row {
        function,
        scope,
        script,
        answer,
    }
}

fn workspace() -> Vec<Row> {
    let row = |function, answer, script| row(function, Scope::Workspace, answer, script);
    vec![
        row("workspace.directory.entries", "ok 1", |s| {
            s.attempt(
                "workspace.directory.entries",
                &[Source, Text("."), Number(1), Nothing(3)],
            );
        }),
        row("workspace.directory.read", "ok public", |s| {
            s.attempt(
                "workspace.directory.read",
                &[Source, Text("file"), Number(0), Number(99)],
            );
        }),
        row("workspace.directory.write", "ok", |s| {
            s.attempt(
                "workspace.directory.write",
                &[Output, Text("a/b"), Number(0), Text("x")],
            );
        }),
        row("workspace.directory.copy-from", "ok", |s| {
            s.attempt(
                "workspace.directory.copy-from",
                &[Output, Source, Text("."), Text("copy")],
            );
        }),
        row("workspace.directory.remove", "ok", |s| {
            s.attempt("workspace.directory.remove", &[Output, Text("copy")]);
        }),
        row("workspace.directory.digest", "ok sha256:", |s| {
            s.attempt("workspace.directory.digest", &[Source, Text(".")]);
        }),
        row("workspace.directory.attach-cache", "ok", |s| {
            s.attempt(
                "workspace.directory.attach-cache",
                &[Output, Text("target"), Text("target")],
            );
        }),
    ]
}

fn image(s: &mut Script) -> HostCall {
    s.call("images.resolve", &[Text(IMAGE)])
}

fn images() -> Vec<Row> {
    let row = |function, answer, script| row(function, Scope::Images, answer, script);
    vec![
        row("images.resolve", "ok", |s| {
            s.attempt("images.resolve", &[Text(IMAGE)]);
        }),
        row("images.kept", "ok", |s| {
            s.attempt("images.kept", &[Text("test/api"), Text(NO_DIGEST)]);
        }),
        row("images.keep", "ok layout:test/api@", |s| {
            let image = image(s);
            s.attempt("images.keep", &[Handle(image), Text("test/api")]);
        }),
        row("images.image.digest", "ok sha256:", |s| {
            let image = image(s);
            s.attempt("images.image.digest", &[Handle(image)]);
        }),
        row("images.image.reference", "ok oci:image@sha256:", |s| {
            let image = image(s);
            s.attempt("images.image.reference", &[Handle(image)]);
        }),
        row("images.image.location", "ok layout", |s| {
            let image = image(s);
            s.attempt("images.image.location", &[Handle(image)]);
        }),
        row("images.image.config", "ok", |s| {
            let image = image(s);
            s.attempt("images.image.config", &[Handle(image)]);
        }),
        row("images.image.size", "ok", |s| {
            let image = image(s);
            s.attempt("images.image.size", &[Handle(image)]);
        }),
    ]
}

fn draft(s: &mut Script) -> HostCall {
    s.call("images.draft", &[])
}

fn drafts() -> Vec<Row> {
    let row = |function, script| row(function, Scope::Images, "ok", script);
    vec![
        row("images.draft", |s| {
            s.attempt("images.draft", &[]);
        }),
        row("images.draft.from-base", |s| {
            let image = image(s);
            s.attempt("images.draft.from-base", &[Handle(image)]);
        }),
        row("images.draft.add", |s| {
            let draft = draft(s);
            s.attempt(
                "images.draft.add",
                &[Handle(draft), Source, Text("."), Text("/app")],
            );
        }),
        row("images.draft.configure", |s| {
            let draft = draft(s);
            s.attempt("images.draft.configure", &[Handle(draft), Nothing(14)]);
        }),
        row("images.draft.finish", |s| {
            let draft = draft(s);
            s.attempt("images.draft.finish", &[Handle(draft)]);
        }),
    ]
}

fn process() -> Vec<Row> {
    vec![
        row("process.run", Scope::Commands, "ok", |s| {
            s.attempt(
                "process.run",
                &[Output, Texts(&["ls"]), Nothing(2), Nothing(2)],
            );
        }),
        row("process.version", Scope::Commands, "ok ls", |s| {
            s.attempt("process.version", &[Text("ls")]);
        }),
        row("process.install", Scope::Supervise, "ok", |s| {
            let image = image(s);
            s.attempt("process.install", &[Text("one"), Handle(image)]);
        }),
        row("process.releases", Scope::Supervise, "ok 1", |s| {
            installed(s);
            s.attempt("process.releases", &[]);
        }),
        row("process.remove-data", Scope::Supervise, "ok", |s| {
            s.attempt("process.remove-data", &[]);
        }),
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
    let row = |function, answer, script| row(function, Scope::Supervise, answer, script);
    vec![
        row("process.release.step-id", "ok one", |s| {
            let release = installed(s);
            s.attempt("process.release.step-id", &[Handle(release)]);
        }),
        row("process.release.reference", "ok oci:image@sha256:", |s| {
            let release = installed(s);
            s.attempt("process.release.reference", &[Handle(release)]);
        }),
        row("process.release.state", "ok", |s| {
            let release = installed(s);
            s.attempt("process.release.state", &[Handle(release)]);
        }),
        row("process.release.start", "ok", |s| {
            let release = installed(s);
            let [activation, keep, grace] = ONCE;
            let argv = Texts(&["sleep", "1000"]);
            let given = [
                Handle(release),
                argv,
                Nothing(2),
                Nothing(2),
                Nothing(2),
                activation,
                keep,
                grace,
            ];
            s.attempt("process.release.start", &given);
        }),
        row("process.release.start-again", "ok", |s| {
            let release = ended(s);
            s.attempt("process.release.start-again", &[Handle(release)]);
        }),
        row("process.release.stop", "ok", |s| {
            let release = job(s);
            s.attempt("process.release.stop", &[Handle(release)]);
        }),
        row("process.release.wait", "ok", |s| {
            let release = job(s);
            s.attempt("process.release.wait", &[Handle(release)]);
        }),
        row("process.release.outputs", "ok 0", |s| {
            let release = ended(s);
            s.attempt("process.release.outputs", &[Handle(release)]);
        }),
        row("process.release.tail", "ok 1", |s| {
            let release = ended(s);
            s.attempt("process.release.tail", &[Handle(release), Number(1)]);
        }),
        row("process.release.remove", "ok", |s| {
            let release = ended(s);
            s.attempt("process.release.remove", &[Handle(release)]);
        }),
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
    let row = |function, answer, script| row(function, Scope::Probe, answer, script);
    vec![
        row("probe.tcp", "ok", |s| {
            let (release, port) = listening(s, "mute");
            s.attempt(
                "probe.tcp",
                &[Handle(release), Number(port.into()), Number(10_000)],
            );
        }),
        row("probe.http", "ok", |s| {
            let (release, port) = listening(s, "http");
            let given = [
                Handle(release),
                Number(port.into()),
                Text("/healthz"),
                Number(10_000),
            ];
            s.attempt("probe.http", &given);
        }),
        row("probe.exec", "ok", |s| {
            let (release, _) = listening(s, "mute");
            s.attempt(
                "probe.exec",
                &[Handle(release), Texts(&["ls"]), Number(10_000)],
            );
        }),
        row("probe.grpc", "ok SERVING", |s| {
            let (release, port) = listening(s, "grpc");
            let given = [
                Handle(release),
                Number(port.into()),
                Text(""),
                Number(10_000),
            ];
            s.attempt("probe.grpc", &given);
        }),
    ]
}

pub(super) fn secret(s: &mut Script) -> HostCall {
    s.call("secrets.get", &[Text("token")])
}

fn secrets() -> Vec<Row> {
    vec![
        row("secrets.get", Scope::Secrets, "ok", |s| {
            s.attempt("secrets.get", &[Text("token")]);
        }),
        row("secrets.secret.name", Scope::Secrets, "ok token", |s| {
            let secret = secret(s);
            s.attempt("secrets.secret.name", &[Handle(secret)]);
        }),
        // What was revealed is redacted in all that the guest says.
        row("secrets.secret.reveal", Scope::Reveal, "ok ***", |s| {
            let secret = secret(s);
            s.attempt("secrets.secret.reveal", &[Handle(secret)]);
        }),
    ]
}
