//! Through the handles of `workspace`.

use stagewright_test_components::{Given, Script};

use super::{LOOKALIKES, add_links, is_untouched, run, ways_out};
use crate::sandbox::Sandbox;
use Given::{Handle, Nothing, Number, Output, Source, Text, Texts};

#[tokio::test(flavor = "multi_thread")]
async fn no_path_leads_out_whatever_is_done_with_it() {
    let sandbox = Sandbox::new();
    for folder in ["source", "output"] {
        add_links(&sandbox, folder);
    }
    let ways = ways_out(&sandbox);
    for folder in [Source, Output] {
        let mut script = Script::new();
        for path in &ways {
            script.attempt(
                "workspace.directory.read",
                &[folder, Text(path), Number(0), Number(9)],
            );
            script.attempt(
                "workspace.directory.entries",
                &[folder, Text(path), Number(1), Nothing(3)],
            );
            script.attempt("workspace.directory.digest", &[folder, Text(path)]);
            script.attempt(
                "workspace.directory.copy-from",
                &[Output, folder, Text(path), Text("copy")],
            );
        }
        let told = run(&sandbox, &script).await;
        assert_eq!(told, vec!["workspace.outside"; ways.len() * 4]);
        let mut script = Script::new();
        let draft = script.call("images.draft", &[]);
        for path in &ways {
            script.attempt(
                "images.draft.add",
                &[Handle(draft), folder, Text(path), Text("/app")],
            );
        }
        assert_eq!(
            run(&sandbox, &script).await,
            vec!["workspace.outside"; ways.len()]
        );
    }
    is_untouched(&sandbox);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_written_run_or_removed_outside() {
    let sandbox = Sandbox::new();
    add_links(&sandbox, "output");
    let ways = ways_out(&sandbox);
    let mut script = Script::new();
    for path in &ways {
        script.attempt(
            "workspace.directory.write",
            &[Output, Text(path), Number(0), Text("x")],
        );
        script.attempt(
            "workspace.directory.copy-from",
            &[Output, Source, Text("."), Text(path)],
        );
        script.attempt(
            "process.run",
            &[Output, Texts(&["ls"]), Text(path), Nothing(2)],
        );
    }
    let told = run(&sandbox, &script).await;
    assert_eq!(told, vec!["workspace.outside"; ways.len() * 3]);
    let mut script = Script::new();
    for path in [
        "..",
        "../outside/secret",
        "/etc/passwd",
        "up/secret",
        "absolute/secret",
        "root/tmp",
    ] {
        script.attempt("workspace.directory.remove", &[Output, Text(path)]);
        script.attempt(
            "workspace.directory.attach-cache",
            &[Output, Text("target"), Text(path)],
        );
    }
    // A link itself may go; what it leads to stays.
    script.attempt("workspace.directory.remove", &[Output, Text("up")]);
    script.attempt("workspace.directory.remove", &[Output, Text(".")]);
    let told = run(&sandbox, &script).await;
    assert_eq!(told[..12], ["workspace.outside"; 12]);
    assert_eq!(told[12..], ["ok", "ok"]);
    assert_eq!(crate::sandbox::tree(&sandbox.path("output")), [""; 0]);
    is_untouched(&sandbox);
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_only_names() {
    let sandbox = Sandbox::new();
    sandbox.put("source/.git/HEAD", "ref");
    sandbox.put("source/sub/.git/HEAD", "ref");
    let mut script = Script::new();
    let read = |script: &mut Script, path: &str| {
        script.attempt(
            "workspace.directory.read",
            &[Source, Text(path), Number(0), Number(9)],
        );
    };
    for path in LOOKALIKES {
        read(&mut script, path);
    }
    for path in [
        ".git/HEAD",
        "sub/.git/HEAD",
        ".git",
        "./.git/./HEAD",
        ".GIT/HEAD",
        ".git /HEAD",
        "git~1/HEAD",
    ] {
        read(&mut script, path);
    }
    let long = "x".repeat(300);
    let longest = "d/".repeat(2500);
    let deep = "d/".repeat(1500);
    for path in [
        "file\0",
        "\0",
        "fi\0le/../../outside/secret",
        &long,
        &longest,
    ] {
        read(&mut script, path);
    }
    script.attempt(
        "workspace.directory.write",
        &[Output, Text(&deep), Number(0), Text("x")],
    );
    let told = run(&sandbox, &script).await;
    assert_eq!(told[..14], ["workspace.not-found"; 14]);
    assert_eq!(told[14..19], ["workspace.name"; 5]);
    assert_eq!(told[19], "workspace.too-large");
    is_untouched(&sandbox);
}

#[tokio::test(flavor = "multi_thread")]
async fn pipes_and_sockets_are_told_and_never_waited_for() {
    let sandbox = Sandbox::new();
    for folder in ["source", "output"] {
        super::left_behind::pipe(&sandbox.path(folder).join("pipe"));
    }
    let socket = sandbox.path("output/socket");
    let _socket = std::os::unix::net::UnixListener::bind(socket).unwrap();
    let mut script = Script::new();
    let draft = script.call("images.draft", &[]);
    for (folder, name) in [(Source, "pipe"), (Output, "pipe"), (Output, "socket")] {
        script.attempt(
            "workspace.directory.read",
            &[folder, Text(name), Number(0), Number(9)],
        );
        script.attempt("workspace.directory.digest", &[folder, Text(name)]);
        script.attempt(
            "workspace.directory.copy-from",
            &[Output, folder, Text(name), Text("copy")],
        );
        script.attempt(
            "images.draft.add",
            &[Handle(draft), folder, Text(name), Text("/app")],
        );
    }
    script.attempt(
        "workspace.directory.write",
        &[Output, Text("pipe"), Number(0), Text("x")],
    );
    let told = run(&sandbox, &script).await;
    assert_eq!(told[..12], ["workspace.wrong-kind"; 12]);
    assert!(
        ["workspace.wrong-kind", "workspace.io"].contains(&told[12].as_str()),
        "{told:?}"
    );
}
