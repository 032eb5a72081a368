//! Plugins that do not come with the program: refused until they are granted what they ask
//! for, then as good as any other.

use crate::environment::{free_port, get, rewrite, server, with};
use crate::installation::Installation;

/// Components that were compiled for the tests.
const GUESTS: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/guests.rs"));

/// The component of a guest.
pub fn component(name: &str) -> &'static [u8] {
    let (_, component) = GUESTS.iter().find(|(known, _)| *known == name).unwrap();
    component
}

/// Puts the component of a guest beside the environment file.
pub fn add(installation: &Installation, name: &str) {
    let file = installation.project().join(format!("{name}.wasm"));
    std::fs::write(file, component(name)).unwrap();
}

/// A service that the `stamp` plugin builds.
pub fn stamped(installation: &Installation, port: u16) {
    add(installation, "stamp");
    let service = server("web", port, "stamped")
        .replace("builtin:static", "./stamp.wasm")
        .replace(
            "{ target: /app }",
            "{ note: hello, command: [/app/actor, serve] }",
        )
        .replace(
            "command: [/app/actor, serve], stop_grace: 2s } }",
            "stop_grace: 2s } }",
        );
    installation.write(
        "stagewright.yaml",
        &format!("name: test\nservices:{service}"),
    );
}

/// Grants a plugin something in the operator's configuration; its digest.
pub fn grant(installation: &Installation, plugin: &str, grants: &str) -> String {
    let inspected = installation.succeed(&["plugin", "inspect", plugin, "--output", "json"]);
    let digest = inspected.json()[0]["digest"].as_str().unwrap().to_owned();
    installation.configure(&format!(
        "plugins:\n  \"{digest}\":\n    grants: {grants}\n"
    ));
    digest
}

#[test]
fn a_plugin_of_a_team_needs_its_grants_and_then_builds() {
    let port = free_port();
    let installation = with(&[]);
    stamped(&installation, port);
    let refused = installation.run(&["deploy"]);
    assert_eq!(refused.code, Some(2), "{refused}");
    for words in ["workspace", "images", "sha256:"] {
        assert!(refused.stderr.contains(words), "{words}\n{refused}");
    }
    let inspected =
        installation.succeed(&["plugin", "inspect", "./stamp.wasm", "--output", "json"]);
    let digest = inspected.json()[0]["digest"].as_str().unwrap().to_owned();
    let config =
        format!("plugins:\n  \"{digest}\":\n    grants: {{ workspace: true, images: true }}\n");
    let config = installation.write("config.yaml", &config);
    installation.succeed(&["--config", config.to_str().unwrap(), "deploy"]);
    assert_eq!(get(port, "/").unwrap(), "stamped");
    let release = installation.state().join("releases");
    let note = std::process::Command::new("grep")
        .args(["-rl", "^hello$"])
        .arg(release)
        .output();
    let note = String::from_utf8(note.unwrap().stdout).unwrap();
    assert!(
        note.contains("app/note.txt"),
        "the plugin's own file is in the release: {note}"
    );
}

#[test]
fn a_grant_goes_with_the_digest_and_not_with_the_name() {
    let installation = with(&[]);
    stamped(&installation, free_port());
    let digest = "sha256:".to_owned() + &"0".repeat(64);
    let config =
        format!("plugins:\n  \"{digest}\":\n    grants: {{ workspace: true, images: true }}\n");
    let config = installation.write("config.yaml", &config);
    let run = installation.run(&["--config", config.to_str().unwrap(), "deploy"]);
    assert_eq!(run.code, Some(2), "{run}");
    assert!(run.stderr.contains("grant"), "{run}");
}

/// The service of [`server`], left to the `elsewhere` deployer with this configuration.
fn left_to_others(port: u16, with: &str) -> String {
    let deploy = "deploy: { with: { command: [/app/actor, serve], stop_grace: 2s } }";
    let service = server("web", port, "one");
    assert!(service.contains(deploy));
    service.replace(
        deploy,
        &format!("deploy: {{ plugin: ./elsewhere.wasm, with: {with} }}"),
    )
}

#[test]
fn a_swapped_strategy_removes_the_old_instance_with_the_old_plugin() {
    let port = free_port();
    let installation = with(&[server("web", port, "one")]);
    add(&installation, "elsewhere");
    installation.succeed(&["deploy"]);
    assert_eq!(get(port, "/").unwrap(), "one");

    rewrite(&installation, &[left_to_others(port, "{ fails: true }")]);
    let failed = installation.run(&["deploy"]);
    assert_eq!(failed.code, Some(1), "{failed}");
    assert!(failed.stdout.contains("nobody is there"), "{failed}");
    assert_eq!(
        get(port, "/").unwrap(),
        "one",
        "what was there is started again"
    );

    rewrite(&installation, &[left_to_others(port, "{}")]);
    installation.succeed(&["deploy"]);
    assert_eq!(get(port, "/"), None, "the process is gone");
    let releases = installation.state().join("releases/test/web");
    assert_eq!(
        std::fs::read_dir(releases).map_or(0, Iterator::count),
        0,
        "and its release"
    );

    rewrite(&installation, &[server("web", port, "back")]);
    let back = installation.succeed(&["deploy"]);
    assert!(
        back.stdout.contains("is not looked after any more"),
        "{back}"
    );
    assert_eq!(get(port, "/").unwrap(), "back");
}

#[test]
fn status_names_the_limit_of_a_deployer_that_does_not_answer() {
    let installation = with(&[]);
    add(&installation, "pacer");
    let service = |name: &str, questions: u32| {
        let plain = server(name, free_port(), "x");
        let (head, _) = plain.split_once("    deploy:").unwrap();
        let with = format!("{{ questions: {questions} }}");
        format!("{head}    deploy: {{ plugin: ./pacer.wasm, with: {with} }}\n")
    };
    rewrite(
        &installation,
        &[service("quick", 1), service("slow", u32::MAX)],
    );
    installation.succeed(&["deploy"]);
    installation.configure("limits: { question: 2s }\n");
    let status = installation.succeed(&["status", "--output", "json"]);
    let services = &status.json()[0]["services"];
    assert_eq!(services[0]["condition"], "ready", "{status}");
    let detail = services[1]["detail"].as_str().unwrap();
    assert!(detail.contains("`question`"), "{status}");
}
