//! Through WASI: the preopened folders of a component that imports `wasi:filesystem`.

use serde_json::json;
use stagewright_test_components::{Given, HostCall, Script};

use super::{LOOKALIKES, add_links, is_untouched, run, ways_out};
use crate::sandbox::Sandbox;
use Given::{Handle, Listed, Number, Text};

pub(super) const OPEN: &str = "wasi:filesystem/types.descriptor.open-at";
const READ: &str = "wasi:filesystem/types.descriptor.read";
pub(super) const MAKE: &str = "wasi:filesystem/types.descriptor.create-directory-at";
const HARD_LINK: &str = "wasi:filesystem/types.descriptor.link-at";
const LINK: &str = "wasi:filesystem/types.descriptor.symlink-at";
const READ_LINK: &str = "wasi:filesystem/types.descriptor.readlink-at";
const RENAME: &str = "wasi:filesystem/types.descriptor.rename-at";
const UNLINK: &str = "wasi:filesystem/types.descriptor.unlink-file-at";

/// Flags of `open-at`: whether links are followed, what is made, what is done then.
const FOLLOW: Given<'static> = Number(1);
const CREATE: Given<'static> = Number(1);
const AS_IT_IS: Given<'static> = Number(0);
const TO_READ: Given<'static> = Number(1);
const TO_WRITE: Given<'static> = Number(3);

pub(super) struct Folders<'a> {
    pub(super) source: Given<'a>,
    pub(super) output: Given<'a>,
}

/// A script that has its two folders.
pub(super) fn begun() -> (Script, Folders<'static>) {
    let mut script = Script::new();
    script.ask("workspace");
    let folders: HostCall = script.call("wasi:filesystem/preopens.get-directories", &[]);
    (
        script,
        Folders {
            source: Listed(folders, 0),
            output: Listed(folders, 1),
        },
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_of_wasi_reads_its_source_and_writes_its_output() {
    let sandbox = Sandbox::new();
    let (mut script, folders) = begun();
    let file = script.call(
        OPEN,
        &[folders.source, FOLLOW, Text("file"), AS_IT_IS, TO_READ],
    );
    script.attempt(READ, &[Handle(file), Number(9), Number(0)]);
    let made = script.call(
        OPEN,
        &[folders.output, FOLLOW, Text("made"), CREATE, TO_WRITE],
    );
    script.attempt(
        "wasi:filesystem/types.descriptor.write",
        &[Handle(made), Text("hello"), Number(0)],
    );
    assert_eq!(run(&sandbox, &script).await, ["ok public", "ok"]);
    assert_eq!(
        std::fs::read_to_string(sandbox.path("output/made")).unwrap(),
        "hello"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn no_path_leads_out_of_a_preopened_folder() {
    let sandbox = Sandbox::new();
    for folder in ["source", "output"] {
        add_links(&sandbox, folder);
    }
    let ways = ways_out(&sandbox);
    let lookalikes = LOOKALIKES.map(str::to_owned);
    let zero = ["file\0".to_owned(), "x".repeat(300), "d/".repeat(2500)];
    let (mut script, folders) = begun();
    for path in ways.iter().chain(&lookalikes).chain(&zero) {
        for folder in [folders.source, folders.output] {
            script.attempt(OPEN, &[folder, FOLLOW, Text(path), AS_IT_IS, TO_READ]);
        }
        script.attempt(MAKE, &[folders.output, Text(path)]);
        script.attempt(UNLINK, &[folders.source, Text(path)]);
    }
    let told = run(&sandbox, &script).await;
    let made = told
        .iter()
        .skip(2)
        .step_by(4)
        .zip(ways.iter().chain(&lookalikes).chain(&zero));
    for (outcome, path) in made {
        // What only looks like a way out is a name like any other.
        assert!(outcome != "ok" || lookalikes.contains(path), "{path}");
    }
    for (index, outcome) in told.iter().enumerate().filter(|(index, _)| index % 4 != 2) {
        assert!(!outcome.starts_with("ok"), "attempt {index}: {told:?}");
    }
    is_untouched(&sandbox);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_source_is_for_reading_in_wasi_too() {
    let sandbox = Sandbox::new();
    sandbox.put("output/mine", "mine");
    let (mut script, Folders { source, output }) = begun();
    script.attempt(OPEN, &[source, FOLLOW, Text("file"), AS_IT_IS, TO_WRITE]);
    script.attempt(OPEN, &[source, FOLLOW, Text("new"), CREATE, TO_WRITE]);
    script.attempt(MAKE, &[source, Text("new")]);
    script.attempt(UNLINK, &[source, Text("file")]);
    script.attempt(LINK, &[source, Text("file"), Text("new")]);
    script.attempt(RENAME, &[source, Text("file"), output, Text("stolen")]);
    script.attempt(RENAME, &[output, Text("mine"), source, Text("new")]);
    // A further name in the output would make it writable.
    script.attempt(
        HARD_LINK,
        &[source, Number(0), Text("file"), output, Text("stolen")],
    );
    assert_eq!(run(&sandbox, &script).await, ["not-permitted"; 8]);
    assert_eq!(crate::sandbox::tree(&sandbox.path("source")), ["file"]);
    assert_eq!(crate::sandbox::tree(&sandbox.path("output")), ["mine"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn links_that_a_guest_makes_lead_nowhere() {
    let sandbox = Sandbox::new();
    sandbox.put("output/mine", "mine");
    let (mut script, Folders { output, .. }) = begun();
    let absolute = sandbox.path("outside").display().to_string();
    for (target, name) in [
        ("../outside", "a"),
        (absolute.as_str(), "b"),
        ("/proc/self/root", "c"),
    ] {
        script.attempt(LINK, &[output, Text(target), Text(name)]);
        let below = format!("{name}/secret");
        script.attempt(OPEN, &[output, FOLLOW, Text(&below), AS_IT_IS, TO_READ]);
        script.attempt(OPEN, &[output, FOLLOW, Text(&below), CREATE, TO_WRITE]);
        script.attempt(RENAME, &[output, Text("mine"), output, Text(&below)]);
        script.attempt(
            HARD_LINK,
            &[output, Number(0), Text(&below), output, Text("stolen")],
        );
    }
    for place in ["../outside/mine", "/tmp/mine", "../mine"] {
        script.attempt(RENAME, &[output, Text("mine"), output, Text(place)]);
        script.attempt(
            HARD_LINK,
            &[output, Number(0), Text("mine"), output, Text(place)],
        );
        script.attempt(
            HARD_LINK,
            &[
                output,
                Number(0),
                Text("../outside/secret"),
                output,
                Text("stolen"),
            ],
        );
        script.attempt(READ_LINK, &[output, Text(place)]);
    }
    let told = run(&sandbox, &script).await;
    for (index, outcome) in told.iter().enumerate() {
        let makes = index < 15 && index % 5 == 0;
        assert!(
            makes || !outcome.starts_with("ok"),
            "attempt {index}: {told:?}"
        );
    }
    assert!(sandbox.path("output/mine").exists());
    assert!(!sandbox.path("output/stolen").exists());
    is_untouched(&sandbox);
}

#[tokio::test(flavor = "multi_thread")]
async fn folders_are_there_for_whom_they_are_asked_for_and_granted() {
    let sandbox = Sandbox::new();
    let mut script = Script::new();
    script.attempt("wasi:filesystem/preopens.get-directories", &[]);
    // Standard libraries import files whether or not a plugin uses any.
    let silent = script.guest().build();
    for grants in [json!({}), json!({ "workspace": true })] {
        let told = sandbox.run(&silent, &grants, sandbox.call()).await;
        assert_eq!(told, ["ok 0"], "{grants}");
    }
    script.ask("workspace");
    let asking = script.guest().build();
    let told = sandbox
        .run(&asking, &json!({ "workspace": true }), sandbox.call())
        .await;
    assert_eq!(told, ["ok 2"]);
    sandbox.plugin(&asking);
    let refused = sandbox
        .runtime(&[])
        .load("./plugin.wasm", &sandbox.base())
        .await;
    let said = refused.unwrap_err().to_string();
    let part = "it imports `wasi:filesystem`, which needs the grant `workspace: true`";
    assert!(said.contains(part), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipe_in_a_preopened_folder_is_refused_and_not_waited_for() {
    let sandbox = Sandbox::new();
    for folder in ["source", "output"] {
        super::left_behind::pipe(&sandbox.path(folder).join("pipe"));
    }
    std::os::unix::fs::symlink("pipe", sandbox.path("output/link")).unwrap();
    let (mut script, Folders { source, output }) = begun();
    for (folder, name, flags) in [
        (source, "pipe", TO_READ),
        (output, "pipe", TO_READ),
        (output, "pipe", Number(2)),
        (output, "link", TO_READ),
    ] {
        script.attempt(OPEN, &[folder, FOLLOW, Text(name), AS_IT_IS, flags]);
    }
    let told = run(&sandbox, &script).await;
    assert!(
        told.len() == 4 && !told.iter().any(|line| line.starts_with("ok")),
        "{told:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_state_of_the_version_control_is_in_no_preopened_folder() {
    let sandbox = Sandbox::new();
    sandbox.put("source/.git/HEAD", "ref");
    sandbox.put("source/sub/.git/config", "token");
    sandbox.put("source/sub/file", "below");
    let (mut script, Folders { source, .. }) = begun();
    for path in [".git", ".git/HEAD", "sub/.git/config", "sub/../.git/HEAD"] {
        script.attempt(OPEN, &[source, FOLLOW, Text(path), AS_IT_IS, TO_READ]);
    }
    let file = script.call(OPEN, &[source, FOLLOW, Text("sub/file"), AS_IT_IS, TO_READ]);
    script.attempt(READ, &[Handle(file), Number(9), Number(0)]);
    let told = run(&sandbox, &script).await;
    assert_eq!(told[..4], ["no-entry"; 4]);
    assert_eq!(told[4], "ok below");
    assert!(sandbox.path("source/.git/HEAD").exists());
}
