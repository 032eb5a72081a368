//! Rows of the Docker engine.

use super::{Row, Scope, With, image, row};
use Given::{Handle, Nothing, Number, Source, Text, Texts};
use stagewright_test_components::{Given, HostCall, Script};

/// What a container runs that is asked something.
const SERVE: &[&str] = &["/app/busybox", "httpd", "-f", "-p", "8080", "-h", "/app"];
const SLEEP: &[&str] = &["/app/busybox", "sleep", "1000"];
const END: &[&str] = &["/app/busybox", "echo", "done"];
/// The declared port of the service.
const PORT: i64 = 8080;
/// Milliseconds that a probe may take.
const PATIENCE: i64 = 10_000;

pub(super) fn docker() -> Vec<Row> {
    vec![
        row("docker.info", Scope::Docker, "ok", |_| vec![]),
        row("docker.build", Scope::DockerBuild, "ok", |_| {
            let recipe = [Text("Dockerfile"), Nothing(3 + 2 + 2 + 3 + 2 + 2 + 1)];
            [&[Source, Text(".")], &recipe[..]].concat()
        }),
        row("docker.provide", Scope::DockerRun, "ok", |s| {
            vec![Handle(image(s))]
        }),
        row("docker.create", Scope::DockerRun, "ok", |s| {
            made_of(provided(s), SLEEP)
        }),
        row("docker.containers", Scope::DockerRun, "ok 1", |s| {
            created(s, SLEEP);
            vec![]
        }),
        row("docker.remove-data", Scope::DockerRun, "ok", |_| vec![]),
    ]
}

fn provided(s: &mut Script) -> HostCall {
    let image = image(s);
    s.call("docker.provide", &[Handle(image)]);
    image
}

/// A container of that image which runs these words and is not kept running.
fn made_of(image: HostCall, words: &'static [&'static str]) -> Vec<Given<'static>> {
    vec![
        Text("one"),
        Handle(image),
        Nothing(2),
        Texts(words),
        Nothing(2 + 2 + 2 + 2 + 2),
        Number(0),
        Number(1000),
        Nothing(2 + 2),
        Number(0),
    ]
}

fn created(s: &mut Script, words: &'static [&'static str]) -> HostCall {
    let image = provided(s);
    s.call("docker.create", &made_of(image, words))
}

fn started(s: &mut Script, words: &'static [&'static str]) -> HostCall {
    let container = created(s, words);
    s.call("docker.container.start", &[Handle(container)]);
    container
}

fn ended(s: &mut Script) -> HostCall {
    let container = started(s, END);
    s.call("docker.container.wait", &[Handle(container)]);
    container
}

fn serving(s: &mut Script) -> HostCall {
    let container = started(s, SERVE);
    let probe = [Handle(container), Number(PORT), Number(PATIENCE)];
    s.until("docker.container.probe-tcp", &probe);
    container
}

pub(super) fn containers() -> Vec<Row> {
    let row = |function, answer, given: With| row(function, Scope::DockerRun, answer, given);
    vec![
        row("docker.container.step-id", "ok one", |s| {
            vec![Handle(created(s, SLEEP))]
        }),
        row("docker.container.name", "ok stagewright-test-api-1", |s| {
            vec![Handle(created(s, SLEEP))]
        }),
        row("docker.container.reference", "ok oci:image@sha256:", |s| {
            vec![Handle(created(s, SLEEP))]
        }),
        row("docker.container.state", "ok", |s| {
            vec![Handle(created(s, SLEEP))]
        }),
        row("docker.container.start", "ok", |s| {
            vec![Handle(created(s, SLEEP))]
        }),
        row("docker.container.stop", "ok", |s| {
            vec![Handle(started(s, SLEEP))]
        }),
        row("docker.container.wait", "ok", |s| {
            vec![Handle(started(s, END))]
        }),
        row("docker.container.announce", "ok", |s| {
            vec![Handle(started(s, SLEEP))]
        }),
        row("docker.container.published", "ok 0", |s| {
            vec![Handle(started(s, SLEEP))]
        }),
        row("docker.container.tail", "ok 1", |s| {
            vec![Handle(ended(s)), Number(10)]
        }),
        row("docker.container.outputs", "ok 0", |s| {
            vec![Handle(ended(s))]
        }),
        row("docker.container.remove", "ok", |s| {
            vec![Handle(started(s, SLEEP))]
        }),
        row("docker.container.probe-tcp", "ok", |s| {
            vec![Handle(serving(s)), Number(PORT), Number(PATIENCE)]
        }),
        row("docker.container.probe-http", "ok", |s| {
            let path = Text("/note");
            vec![Handle(serving(s)), Number(PORT), path, Number(PATIENCE)]
        }),
        // What answers there speaks another protocol.
        row("docker.container.probe-grpc", "probe.", |s| {
            let whole = Text("");
            vec![Handle(serving(s)), Number(PORT), whole, Number(PATIENCE)]
        }),
        row("docker.container.probe-exec", "ok", |s| {
            let words = Texts(&["/app/busybox", "true"]);
            vec![Handle(started(s, SLEEP)), words, Number(PATIENCE)]
        }),
    ]
}
