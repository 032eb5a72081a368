//! What people write, and what they are told about it.

use crate::environment::{add_actor, free_port, server, with};
use crate::installation::Installation;

#[test]
fn all_mistakes_of_a_file_are_told_at_once_with_their_places() {
    let installation = Installation::new();
    installation.write(
        "stagewright.yaml",
        "name: shop\nservices:\n  api:\n    type: aplication\n    source: { path: . }\n  web:\n    type: application\n    source: { path: . }\n    needs: [apii]\n    prots: []\n",
    );
    let run = installation.run(&["validate"]);
    assert_eq!(run.code, Some(2), "{run}");
    for (place, word) in [(":4:", "application"), (":9:", "api"), (":10:", "ports")] {
        let told = run
            .stderr
            .lines()
            .any(|line| line.contains(place) && line.contains(word));
        assert!(told, "{place} {word}\n{run}");
    }
    let run = installation.run(&["validate", "--output", "json"]);
    let object: serde_json::Value = serde_json::from_str(&run.stderr).unwrap();
    let lines: Vec<u64> = object["error"]["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|problem| problem["line"].as_u64().unwrap())
        .collect();
    assert_eq!(lines, [4, 9, 10], "{run}");
}

#[test]
fn the_configuration_of_a_plugin_is_checked_at_its_line() {
    let port = free_port();
    let service = server("web", port, "x").replace("stop_grace: 2s", "stop_grase: 2s");
    let installation = with(&[service]);
    let run = installation.run(&["validate"]);
    assert_eq!(run.code, Some(2), "{run}");
    assert!(run.stderr.contains("stagewright.yaml:7:"), "{run}");
    assert!(
        run.stderr.contains("stop_grase") && run.stderr.contains("stop_grace"),
        "{run}"
    );
}

#[test]
fn a_plugin_that_is_not_there_or_is_something_else_is_told() {
    let port = free_port();
    let installation =
        with(&[server("web", port, "x").replace("builtin:static", "builtin:process")]);
    let run = installation.run(&["plan"]);
    assert_eq!(run.code, Some(2), "{run}");
    assert!(run.stderr.contains("is no builder"), "{run}");
    let installation = with(&[server("web", port, "x").replace("builtin:static", "./mine.wasm")]);
    installation.write("mine.wasm", "this is no component");
    let run = installation.run(&["plan"]);
    assert_eq!(run.code, Some(2), "{run}");
    assert!(run.stderr.contains("mine.wasm"), "{run}");
}

#[test]
fn a_first_file_is_written_once_and_is_right() {
    let installation = Installation::new();
    installation.succeed(&["init", "--name", "mine"]);
    let text = std::fs::read_to_string(installation.project().join("stagewright.yaml")).unwrap();
    installation.succeed(&["validate"]);
    let again = installation.run(&["init"]);
    assert_eq!(again.code, Some(2), "{again}");
    assert_eq!(
        text,
        std::fs::read_to_string(installation.project().join("stagewright.yaml")).unwrap()
    );
}

#[test]
fn completions_and_schema_are_printed() {
    let installation = Installation::new();
    let script = installation.succeed(&["completions", "bash"]);
    assert!(script.stdout.contains("stagewright"), "{script}");
    let schema = installation.succeed(&["schema"]);
    let schema: serde_json::Value = serde_json::from_str(&schema.stdout).unwrap();
    assert!(schema["properties"]["services"].is_object());
    assert!(!installation.state().exists(), "no state is made for these");
}

#[test]
fn plugins_are_listed_and_tell_what_they_may_do() {
    let installation = Installation::new();
    let list = installation.succeed(&["plugin", "list"]);
    for name in [
        "command", "image", "layout", "process", "registry", "static",
    ] {
        assert!(list.stdout.contains(&format!("builtin:{name}")), "{list}");
    }
    let command =
        installation.succeed(&["plugin", "inspect", "builtin:command", "--output", "json"]);
    let command = &command.json()[0];
    assert_eq!(command["wasi"], false);
    assert_eq!(command["roles"][0], "builder");
    let imports = command["imports"].to_string();
    assert!(
        imports.contains("process.run") && !imports.contains("secrets."),
        "{imports}"
    );
}

#[test]
fn a_configuration_that_says_something_unknown_is_refused_at_its_line() {
    let installation = Installation::new();
    add_actor(&installation, "app");
    let config = installation.write("config.yaml", "host_slots: 4\nhost_slotz: 3\n");
    let run = installation.run(&["--config", config.to_str().unwrap(), "plugin", "list"]);
    assert_eq!(run.code, Some(2), "{run}");
    assert!(run.stderr.contains("host_slotz"), "{run}");
}

#[test]
fn registries_that_are_contradicted_are_refused_at_their_line() {
    let installation = Installation::new();
    for (settings, words) in [
        ("{ username: me }", "given together"),
        ("{ token: { secret: a }, credentials: docker }", "either"),
        ("{ credentials: podman }", "docker"),
        ("{ password: open }", "SecretName"),
    ] {
        let text = format!("registries:\n  docker.io: {{}}\n  example.org: {settings}\n");
        let config = installation.write("config.yaml", &text);
        let run = installation.run(&["--config", config.to_str().unwrap(), "plugin", "list"]);
        assert_eq!(run.code, Some(2), "{run}");
        assert!(run.stderr.contains("config.yaml:3:"), "{run}");
        assert!(run.stderr.contains(words), "{run}");
    }
}

#[test]
fn nothing_deployed_is_said_plainly() {
    let installation = Installation::new();
    for verb in ["status", "history", "logs", "stop"] {
        let run = installation.run(&[verb]);
        assert_eq!(run.code, Some(2), "{run}");
        assert!(
            run.stderr.contains("nothing was ever deployed here"),
            "{run}"
        );
    }
}
