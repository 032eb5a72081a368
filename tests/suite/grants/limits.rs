//! What a grant does not reach, though it is as wide as it gets: only the plugin's own source,
//! output, images, programs, releases, ports and secrets.

use serde_json::{Value, json};

use super::everything;
use super::rows::{installed, listening, secret};
use crate::sandbox::Sandbox;
use Given::{Handle, Nothing, Number, Output, Source, Text, Texts};
use stagewright_test_components::{Given, Script};

const NO_DIGEST: &str =
    "layout:test/api@sha256:0000000000000000000000000000000000000000000000000000000000000000";

/// Runs a script that may do everything; answers with what it told.
async fn told(write: impl FnOnce(&mut Script)) -> Vec<String> {
    told_with(everything(), &[], write).await
}

async fn told_with(
    grants: Value,
    commands: &[&str],
    write: impl FnOnce(&mut Script),
) -> Vec<String> {
    let sandbox = Sandbox::new();
    sandbox.add_image();
    let mut script = Script::new();
    write(&mut script);
    let mut call = sandbox.call();
    call.commands = commands.iter().map(|one| (*one).to_owned()).collect();
    sandbox.run(&script.guest().build(), &grants, call).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_source_is_for_reading() {
    let told = told(|s| {
        s.attempt(
            "workspace.directory.write",
            &[Source, Text("file"), Number(0), Text("x")],
        );
        s.attempt("workspace.directory.remove", &[Source, Text("file")]);
        s.attempt(
            "workspace.directory.copy-from",
            &[Source, Output, Text("."), Text("x")],
        );
        s.attempt(
            "workspace.directory.attach-cache",
            &[Source, Text("target"), Text("x")],
        );
        s.attempt(
            "process.run",
            &[Source, Texts(&["ls"]), Nothing(2), Nothing(2)],
        );
    });
    let read_only = "workspace.read-only";
    assert_eq!(
        told.await,
        [
            read_only,
            read_only,
            read_only,
            read_only,
            "process.read-only-folder"
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn images_are_those_that_the_service_declares() {
    let told = told(|s| {
        for reference in ["oci:other", "oci:../image", "oci:/etc", NO_DIGEST, ""] {
            s.attempt("images.resolve", &[Text(reference)]);
        }
        let image = s.call("images.resolve", &[Text(crate::sandbox::IMAGE)]);
        for name in [
            "test/other",
            "test/api-2",
            "other/api",
            "../api",
            "test/apis",
            "",
        ] {
            s.attempt("images.keep", &[Handle(image), Text(name)]);
        }
        s.attempt("images.kept", &[Text("test/other"), Text(&NO_DIGEST[16..])]);
        s.attempt("images.keep", &[Handle(image), Text("test/api/part")]);
    });
    let told = told.await;
    assert_eq!(told[..5], ["image.not-declared"; 5]);
    assert_eq!(told[5..12], ["image.name-not-granted"; 7]);
    assert!(
        told[12].starts_with("ok layout:test/api/part@sha256:"),
        "{told:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn no_program_is_given_longer_to_stop_than_the_operator_allows() {
    let told = told(|s| {
        let release = installed(s);
        for grace in [u32::MAX, 3_600_001, 3_600_000] {
            s.attempt(
                "process.release.start",
                &[
                    Handle(release),
                    Texts(&["ls"]),
                    Nothing(2),
                    Nothing(2),
                    Nothing(2),
                    Number(0),
                    Number(0),
                    Number(grace.into()),
                ],
            );
        }
        s.call("process.release.wait", &[Handle(release)]);
    });
    let told = told.await;
    assert_eq!(told[..2], ["process.stop-grace-too-long"; 2]);
    assert!(told[2].starts_with("ok"), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_are_those_that_are_granted_as_they_are_written() {
    let run = |s: &mut Script| {
        for program in ["ls", "cat", "/bin/ls", "./ls", "ls ", "LS", "sh", ""] {
            s.attempt(
                "process.run",
                &[Output, Texts(&[program]), Nothing(2), Nothing(2)],
            );
        }
        s.attempt("process.run", &[Output, Nothing(2), Nothing(2), Nothing(2)]);
        s.attempt("process.version", &[Text("cat")]);
    };
    let no = "process.program-not-granted";
    let one = json!({ "workspace": true, "process": { "commands": ["ls"] } });
    let refused = ["ok", no, no, no, no, no, no, no, no, no];
    assert_eq!(told_with(one.clone(), &[], run).await, refused);
    // What the environment file declares counts only where the operator says so.
    assert_eq!(told_with(one, &["cat"], run).await, refused);
    let declared =
        json!({ "workspace": true, "process": { "commands": ["ls"], "declared": true } });
    let told = told_with(declared, &["cat"], run).await;
    assert_eq!(told[..9], ["ok", "ok", no, no, no, no, no, no, no]);
    assert!(told[9].starts_with("ok cat"), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_is_given_no_loader_and_no_folder_outside() {
    let told = told(|s| {
        s.attempt(
            "process.run",
            &[Output, Texts(&["ls"]), Text(".."), Nothing(2)],
        );
        s.attempt(
            "process.run",
            &[Output, Texts(&["ls"]), Text("/"), Nothing(2)],
        );
    });
    assert_eq!(told.await, ["workspace.outside"; 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn releases_and_ports_are_those_of_the_service() {
    let sandbox = Sandbox::new();
    sandbox.add_image();
    let runtime = sandbox.runtime(&[]);
    let other = runtime.supervisor().service("test", "other").unwrap();
    let nothing = |folder: &std::path::Path| std::fs::create_dir(folder);
    other
        .install("step", "sha256:0", Default::default(), nothing)
        .unwrap();
    let mut script = Script::new();
    script.attempt("process.releases", &[]);
    let (release, port) = listening(&mut script, "mute");
    script.attempt("process.releases", &[]);
    for undeclared in [port ^ 1, 22, 0] {
        script.attempt(
            "probe.tcp",
            &[Handle(release), Number(undeclared.into()), Number(1000)],
        );
    }
    let given = [
        Handle(release),
        Number(port.into()),
        Text("http://elsewhere/"),
        Number(1000),
    ];
    script.attempt("probe.http", &given);
    let told = sandbox
        .run(&script.guest().build(), &everything(), sandbox.call())
        .await;
    let no = "probe.not-declared";
    assert_eq!(told, ["ok 0", "ok 1", no, no, no, "probe.invalid"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_launch_stays_in_its_release() {
    let told = told(|s| {
        let release = installed(s);
        for (program, directory) in [
            ("/../../../../../../bin/ls", "."),
            ("../../../../../../bin/ls", "."),
            ("ls", "/../../absent"),
        ] {
            let given = [
                Handle(release),
                Texts(&[program]),
                Text(directory),
                Nothing(2),
                Nothing(2),
                Number(0),
                Number(0),
                Number(1000),
            ];
            s.attempt("process.release.start", &given);
        }
    });
    // `..` in the root of a release is that root, where there is no `bin`.
    assert_eq!(
        told.await,
        ["image.not-runnable", "process.not-found", "process.io"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_those_that_the_variables_of_the_service_name() {
    let told = told(|s| {
        secret(s);
        for name in ["other", "TOKEN", "", "../token"] {
            s.attempt("secrets.get", &[Text(name)]);
        }
    });
    assert_eq!(told.await, ["secrets.unknown"; 4]);
}
