//! A plugin that tells the secrets that it was told: nothing of it is shown or kept.

use crate::environment::with;
use crate::guests;
use crate::installation::{Installation, Run};

const WORD: &str = "open sesame/42";
const KEY: &str = "-----BEGIN-----\nMIIEvQIBADAN\nAgEAAoIBAQ\n-----END-----\n";

/// What is said of them: whole, a line alone, in base64 from its beginning and from the middle
/// of another text, URL-encoded, and as in JSON.
const SAID: [&str; 6] = [
    "open sesame/42",
    "AgEAAoIBAQ",
    "b3BlbiBzZXNhbWUvNDI=",
    "dXNlcjpvcGVuIHNlc2FtZS80Mg==",
    "open%20sesame%2F42",
    r"MIIEvQIBADAN\nAgEAAoIBAQ",
];

/// What must be seen of that nowhere. Of base64 a letter at either end is also of what stands
/// beside the secret.
const HIDDEN: [&str; 6] = [
    "open sesame",
    "AgEAAoIBAQ",
    "b3BlbiBzZXNhbWUvND",
    "cGVuIHNlc2FtZS80M",
    "open%20sesame",
    "MIIEvQIBADAN",
];

fn gossiping() -> Installation {
    let installation = with(&[]);
    guests::add(&installation, "gossip");
    let backwards = SAID.map(|said| format!("'{}'", said.chars().rev().collect::<String>()));
    let service = format!(
        "
  web:
    type: application
    source: {{ path: app }}
    build: {{ plugin: \"builtin:static\", with: {{ target: /app }} }}
    deploy: {{ plugin: ./gossip.wasm, with: {{ reveal: [word, key], backwards: [{}] }} }}
    variables: {{ WORD: {{ secret: word }}, KEY: {{ secret: key }} }}
",
        backwards.join(", ")
    );
    let text = format!("name: test\nservices:{service}");
    installation.write("stagewright.yaml", &text);
    guests::grant(
        &installation,
        "./gossip.wasm",
        "{ secrets: { reveal: true } }",
    );
    installation
}

fn deploy(installation: &Installation, arguments: &[&str]) -> Run {
    let mut command = installation.command(arguments);
    command.env("STAGEWRIGHT_SECRET_WORD", WORD);
    command.env("STAGEWRIGHT_SECRET_KEY", KEY);
    command.output().unwrap().into()
}

fn holds_nothing(what: &str, text: &str) {
    for hidden in HIDDEN {
        assert!(!text.contains(hidden), "{what} holds `{hidden}`:\n{text}");
    }
}

#[test]
fn what_a_plugin_says_of_secrets_is_shown_and_kept_nowhere() {
    let installation = gossiping();
    let json = deploy(&installation, &["deploy", "--output", "json"]);
    let plain = deploy(&installation, &["deploy"]);
    for run in [&json, &plain] {
        assert_eq!(run.code, Some(1), "{run}");
        holds_nothing("a deployment", &run.to_string());
    }
    let told = |run: &Run, words: &str| assert!(run.stdout.contains(words), "{words}\n{run}");
    for words in ["they say *** and ***", "ask for *** and ***"] {
        told(&json, words);
        told(&plain, words);
    }
    assert!(plain.stdout.contains("heard"), "details are shown\n{plain}");

    let logs = installation.succeed(&["logs", "test-1"]);
    told(&logs, "***");
    let export = installation.succeed(&["journal", "export"]);
    told(&export, "they say *** and ***");
    for (what, run) in [("a log", &logs), ("the journal", &export)] {
        holds_nothing(what, &run.to_string());
    }
    for hidden in HIDDEN {
        let mut grep = std::process::Command::new("grep");
        grep.args(["-rlF", hidden]).arg(installation.state());
        let holding = String::from_utf8(grep.output().unwrap().stdout).unwrap();
        assert_eq!(holding, "", "`{hidden}` is kept");
    }
}
