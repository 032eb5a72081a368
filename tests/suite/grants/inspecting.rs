//! What the operator writes, and what the program shows of it.

use serde_json::{Value, json};
use stagewright_runtime::Digest;
use stagewright_test_components::Script;

use super::rows::{Row, rows};
use crate::environment::{free_port, get, server, with};
use crate::installation::Installation;

/// One function for each kind of grant.
fn one_for_each_grant() -> Vec<Row> {
    let mut rows = rows();
    let mut seen = Vec::new();
    rows.retain(|row| {
        let is_new = !seen.contains(&row.scope.grant());
        seen.push(row.scope.grant());
        is_new
    });
    assert_eq!(rows.len(), 12);
    rows
}

/// `plugin inspect`, as text and as JSON, with this grant of this component.
fn inspect(installation: &Installation, guest: &[u8], grants: &Value) -> (String, Value) {
    std::fs::write(installation.project().join("plugin.wasm"), guest).unwrap();
    let digest = Digest::of(guest).to_string();
    let config = json!({ "plugins": { digest: { "grants": grants } } });
    let config = installation.write("config.yaml", &config.to_string());
    let inspect = [
        "--config",
        config.to_str().unwrap(),
        "plugin",
        "inspect",
        "./plugin.wasm",
    ];
    let text = installation.succeed(&inspect).stdout;
    let object = installation.succeed(&[&inspect[..], &["--output", "json"]].concat());
    (text, object.json().remove(0))
}

#[test]
fn inspecting_shows_what_is_granted_what_takes_effect_and_what_is_missing() {
    let installation = Installation::new();
    for row in one_for_each_grant() {
        let guest = row.importing().guest().build();
        let capability = row.capability();
        for (grant, is_enough) in [
            (None, false),
            (row.scope.too_narrow(), false),
            (Some(row.scope.narrow()), true),
            (Some(row.scope.wide()), true),
        ] {
            let grants = match &grant {
                Some(grant) => json!({ capability: grant }),
                None => json!({}),
            };
            let (text, object) = inspect(&installation, &guest, &grants);
            let about = format!("{} with {grants}:\n{text}\n{object}", row.function);
            assert_eq!(object["imports"], json!([row.function]), "{about}");
            assert_eq!(object["granted"], object["effective"], "{about}");
            for (name, value) in grants.as_object().unwrap() {
                let mut shown = object["effective"][name].clone();
                // What is not written is shown as what it means.
                if let (Some(shown), Some(written)) = (shown.as_object_mut(), value.as_object()) {
                    shown.retain(|field, _| written.contains_key(field));
                }
                assert_eq!(shown, *value, "{about}");
            }
            let missing = object["missing"].as_array().unwrap();
            assert_eq!(missing.is_empty(), is_enough, "{about}");
            let told = format!(
                "missing  it imports `{}`, which needs the grant `{}`",
                row.function,
                row.scope.grant()
            );
            assert_eq!(text.contains(&told), !is_enough, "{about}");
            let effective = serde_json::to_string(&object["effective"]).unwrap();
            assert!(text.contains(&format!("may use  {effective}\n")), "{about}");
        }
    }
}

#[test]
fn a_grant_of_what_is_not_imported_is_shown_and_takes_no_effect() {
    let installation = Installation::new();
    let guest = Script::new().guest().needing("secrets").build();
    let grants = json!({ "secrets": { "reveal": true }, "probe": true });
    let (text, object) = inspect(&installation, &guest, &grants);
    assert_eq!(object["granted"]["secrets"], json!({ "reveal": true }));
    assert_eq!(object["effective"]["probe"], false);
    assert_eq!(object["effective"].get("secrets"), None);
    assert!(text.contains(r#""secrets":{"reveal":true}"#), "{text}");
    let effective = text
        .lines()
        .find(|line| line.starts_with("may use"))
        .unwrap();
    assert!(!effective.contains("secrets"), "{text}");
}

#[test]
fn inspecting_says_that_the_options_of_a_granted_program_are_granted_with_it() {
    let installation = Installation::new();
    let options = "a granted program may be run with any of its own options";
    let ordinary = "ordinary programs of this user";
    for (plugin, runs, supervises) in [
        ("builtin:command", true, true),
        ("builtin:process", false, true),
        ("builtin:static", false, false),
    ] {
        let text = installation.succeed(&["plugin", "inspect", plugin]).stdout;
        assert_eq!(text.contains(options), runs, "{text}");
        assert_eq!(text.contains(ordinary), supervises, "{text}");
    }
}

/// A file of one service, whose build runs `cp`.
fn copied(port: u16) -> Installation {
    let built = r#"build: { with: { steps: [[cp, actor, built]], outputs: [built] } }"#;
    let service = server("web", port, "granted")
        .replace(
            r#"build: { plugin: "builtin:static", with: { target: /app } }"#,
            built,
        )
        .replace("/app/actor", "/app/built");
    assert!(
        service.contains(built) && service.contains("/app/built"),
        "{service}"
    );
    with(&[service])
}

#[test]
fn grants_of_a_built_in_plugin_are_replaced_by_those_of_the_operator() {
    let port = free_port();
    let installation = copied(port);
    let deploy = |grants: &str| {
        let config = format!("plugins: {{ \"builtin:command\": {{ grants: {grants} }} }}\n");
        let config = installation.write("config.yaml", &config);
        installation.run(&["--config", config.to_str().unwrap(), "deploy"])
    };
    // The whole row is replaced: what is not written is not granted any more.
    let refused = deploy("{ process: { declared: true }, registry: { declared: true } }");
    assert_eq!(refused.code, Some(2), "{refused}");
    for words in ["workspace: true", "images: true", "builtin:command"] {
        assert!(refused.stderr.contains(words), "{words}\n{refused}");
    }
    let refused = deploy("{}");
    assert!(
        refused
            .stderr
            .contains("process: { commands: [PROGRAM, ...] }"),
        "{refused}"
    );
    // Other programs than the one that the file declares.
    let failed = deploy(
        "{ workspace: true, images: true, process: { commands: [make] }, registry: { declared: true } }",
    );
    assert_eq!(failed.code, Some(1), "{failed}");
    assert!(
        failed.stdout.contains("the program `cp` is not granted"),
        "{failed}"
    );
    let granted = deploy(
        "{ workspace: true, images: true, process: { commands: [cp] }, registry: { declared: true } }",
    );
    assert_eq!(granted.code, Some(0), "{granted}");
    assert_eq!(get(port, "/").unwrap(), "granted");
}

#[test]
fn a_word_that_no_grant_has_is_told_with_its_place() {
    let installation = Installation::new();
    for (grants, words) in [
        ("{ proces: {} }", "proces"),
        ("{ process: { command: [ls] } }", "command"),
        ("{ secrets: { reveal: sometimes } }", "boolean"),
        ("{ workspace: { read: true } }", "boolean"),
    ] {
        let config = format!("plugins:\n  \"builtin:static\":\n    grants: {grants}\n");
        let config = installation.write("config.yaml", &config);
        let run = installation.run(&["--config", config.to_str().unwrap(), "plugin", "list"]);
        assert_eq!(run.code, Some(2), "{run}");
        assert!(
            run.stderr.contains("config.yaml:3:") && run.stderr.contains(words),
            "{grants}\n{run}"
        );
    }
}
