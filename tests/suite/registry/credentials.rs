//! Who asks: passwords, tokens, Docker's own configuration, certificates; and that nothing of
//! them is found anywhere afterwards.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{configure, error, installation, pushed};
use crate::engines::{Certificate, Known, Registry, Tokens};
use crate::environment::{free_port, get};
use crate::installation::{Installation, Run};

const PASSWORD: &str = "correct-horse-battery";
/// Of the user `team` with that password, as htpasswd(1) writes it.
const HTPASSWD: &str = "team:$2y$05$abcdefghijklmnopqrstuuSnF5tLPqPFqc0z9CY0HcSLFbSRlL67u\n";
const KNOWN: &[Known] = &[
    Known {
        username: "team",
        password: PASSWORD,
        may: &["pull", "push"],
    },
    Known {
        username: "reader",
        password: PASSWORD,
        may: &["pull"],
    },
];

/// A registry that lets only `team` in.
fn guarded() -> (tempfile::TempDir, Registry) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("htpasswd");
    std::fs::write(&file, HTPASSWD).unwrap();
    let file = file.display();
    let registry = Registry::with(&format!(
        "auth: {{ htpasswd: {{ realm: test, path: {file} }} }}"
    ));
    (folder, registry)
}

/// An installation with one service, which is pushed to a registry.
fn one(registry: &Registry, port: u16) -> Installation {
    let repository = format!("{}/team/web", registry.host());
    installation(&[pushed("web", port, "let in", &repository)], &[])
}

/// Deploys as that user, whose password comes from the environment of the host.
fn deploy(installation: &Installation, registry: &Registry, user: &str, password: &str) -> Run {
    let more = format!(", username: {user}, password: {{ secret: registry }}");
    configure(installation, &[&registry.host()], &more);
    let mut command = installation.command(&["deploy", "--output", "json"]);
    command.env("STAGEWRIGHT_SECRET_REGISTRY", password);
    command.output().unwrap().into()
}

/// Looks for texts in all that the program has said and written.
fn is_nowhere(texts: &[&str], installation: &Installation, run: &Run) {
    for text in texts {
        assert!(
            !run.stdout.contains(text) && !run.stderr.contains(text),
            "{run}"
        );
        let mut grep = Command::new("grep");
        let found = grep.args(["-rlF", "--", text]).arg(installation.state());
        let found = String::from_utf8(found.output().unwrap().stdout).unwrap();
        assert_eq!(found, "", "{text}");
    }
}

#[test]
fn a_password_lets_in_and_is_found_nowhere() {
    let (_folder, registry) = guarded();
    let port = free_port();
    let installation = one(&registry, port);
    let wrong = "incorrect-horse";
    let refused = deploy(&installation, &registry, "team", wrong);
    assert_eq!(refused.code, Some(1), "{refused}");
    let told = error(&refused, "push");
    assert_eq!(told["code"], "registry.unauthorized", "{told}");
    let message = told["message"].as_str().unwrap();
    assert!(message.contains("the user `team`"), "{told}");
    is_nowhere(&[wrong], &installation, &refused);

    let run = deploy(&installation, &registry, "team", PASSWORD);
    assert_eq!(run.code, Some(0), "{run}");
    assert_eq!(get(port, "/").unwrap(), "let in");
    let encoded = STANDARD.encode(format!("team:{PASSWORD}"));
    is_nowhere(&[PASSWORD, &encoded], &installation, &run);
}

#[test]
fn nobody_is_told_so_and_what_to_do() {
    let (_folder, registry) = guarded();
    let installation = one(&registry, free_port());
    configure(&installation, &[&registry.host()], "");
    let refused = installation.run(&["deploy", "--output", "json"]);
    let told = error(&refused, "push");
    assert_eq!(told["code"], "registry.unauthorized", "{told}");
    let hint = told["hint"].as_str().unwrap();
    assert!(hint.contains("credentials: docker"), "{told}");
}

#[test]
fn docker_s_configuration_and_its_helpers_are_asked_only_where_the_operator_says_so() {
    let (folder, registry) = guarded();
    let installation = one(&registry, free_port());
    let helper = folder.path().join("docker-credential-test");
    let answer = format!("{{\"Username\":\"team\",\"Secret\":\"{PASSWORD}\"}}");
    let marker = folder.path().join("asked");
    let text = format!("#!/bin/sh\ncat > {}\necho '{answer}'\n", marker.display());
    std::fs::write(&helper, text).unwrap();
    std::fs::set_permissions(&helper, PermissionsExt::from_mode(0o755)).unwrap();
    let host = registry.host();
    let text = format!("{{\"credHelpers\":{{\"{host}\":\"test\"}}}}");
    std::fs::write(folder.path().join("config.json"), text).unwrap();
    let deploy = |more: &str| -> Run {
        configure(&installation, &[&host], more);
        let path = format!(
            "{}:{}",
            folder.path().display(),
            std::env::var("PATH").unwrap()
        );
        let mut command = installation.command(&["deploy", "--output", "json"]);
        let command = command
            .env("DOCKER_CONFIG", folder.path())
            .env("PATH", path);
        command.output().unwrap().into()
    };
    let refused = deploy("");
    assert_eq!(refused.code, Some(1), "{refused}");
    assert!(!marker.exists(), "a helper ran that nobody allowed");
    let run = deploy(", credentials: docker");
    assert_eq!(run.code, Some(0), "{run}");
    assert_eq!(std::fs::read_to_string(&marker).unwrap(), host);
    is_nowhere(&[PASSWORD], &installation, &run);
}

#[test]
fn tokens_are_fetched_for_what_is_to_be_done_and_found_nowhere() {
    let tokens = Tokens::of(KNOWN);
    let registry = tokens.registry();
    let port = free_port();
    let installation = one(&registry, port);
    let refused = deploy(&installation, &registry, "team", "incorrect-horse");
    assert_eq!(
        error(&refused, "push")["code"],
        "registry.unauthorized",
        "{refused}"
    );

    let run = deploy(&installation, &registry, "team", PASSWORD);
    assert_eq!(run.code, Some(0), "{run}");
    assert_eq!(get(port, "/").unwrap(), "let in");
    let given = tokens.given();
    assert!(!given.is_empty());
    let given: Vec<&str> = given.iter().map(String::as_str).collect();
    is_nowhere(&given, &installation, &run);
    is_nowhere(&[PASSWORD], &installation, &run);
}

#[test]
fn who_may_only_read_is_told_that_pushing_is_denied() {
    let tokens = Tokens::of(KNOWN);
    let registry = tokens.registry();
    let installation = one(&registry, free_port());
    let refused = deploy(&installation, &registry, "reader", PASSWORD);
    assert_eq!(refused.code, Some(1), "{refused}");
    let told = error(&refused, "push");
    assert_eq!(told["code"], "registry.denied", "{told}");
    assert_eq!(registry.tag("team/web", "latest"), None);
}

#[test]
fn a_certificate_of_one_s_own_is_trusted_when_the_operator_names_it() {
    let certificate = Certificate::new();
    let registry = Registry::with_tls(&certificate);
    let port = free_port();
    let installation = one(&registry, port);
    installation.configure("{}");
    let refused = installation.run(&["deploy", "--output", "json"]);
    let told = error(&refused, "push");
    assert_eq!(told["code"], "registry.insecure", "{told}");
    assert!(told["hint"].as_str().unwrap().contains("`ca`"), "{told}");
    let trust = |file: &Path| {
        let (host, file) = (registry.host(), file.display());
        installation.configure(&format!("registries: {{ \"{host}\": {{ ca: {file} }} }}\n"));
    };
    trust(&certificate.key());
    let broken = installation.run(&["deploy", "--output", "json"]);
    let told = error(&broken, "push");
    assert_eq!(told["code"], "registry.configuration", "{told}");
    trust(&certificate.authority());
    installation.succeed(&["deploy"]);
    assert_eq!(get(port, "/").unwrap(), "let in");
}
