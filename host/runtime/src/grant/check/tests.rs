use super::super::{DockerGrant, ProcessGrant, SecretsGrant};
use super::*;

fn need(capability: &str) -> Need {
    Need {
        capability: capability.into(),
        scope: String::new(),
        why: "to do its work".into(),
    }
}

fn all() -> Grants {
    Grants {
        workspace: true,
        images: true,
        process: Some(ProcessGrant {
            commands: vec!["make".into()],
            declared: false,
            supervise: true,
        }),
        probe: true,
        secrets: Some(SecretsGrant { reveal: true }),
        registry: Some(RegistryGrant {
            pull: vec!["registry.example/".into()],
            push: vec!["registry.example/team/".into()],
            declared: false,
        }),
        docker: Some(DockerGrant {
            build: true,
            run: true,
        }),
    }
}

const CAPABILITIES: [(&str, &str, &str); 12] = [
    ("workspace", "[method]directory.read", "workspace: true"),
    ("images", "resolve", "images: true"),
    ("process", "run", "process: { commands: [PROGRAM, ...] }"),
    ("process", "install", "process: { supervise: true }"),
    ("probe", "tcp", "probe: true"),
    ("secrets", "get", "secrets: {}"),
    (
        "secrets",
        "[method]secret.reveal",
        "secrets: { reveal: true }",
    ),
    (
        "registry",
        "resolve",
        "registry: { pull: [REPOSITORY, ...] }",
    ),
    ("registry", "push", "registry: { push: [REPOSITORY, ...] }"),
    ("docker", "info", "docker: {}"),
    ("docker", "build", "docker: { build: true }"),
    ("docker", "create", "docker: { run: true }"),
];

#[test]
fn every_capability_is_refused_without_its_grant_and_let_through_with_it() {
    for (interface, function, grant) in CAPABILITIES {
        let imports = [(interface, function)];
        let needs = [need(interface)];
        let refused = missing(imports.into_iter(), &needs, &Grants::default());
        assert_eq!(refused.len(), 1, "{interface}.{function}");
        assert_eq!(refused[0].grant, grant);
        let sentence = refused[0].to_string();
        assert!(
            sentence.contains(interface) && sentence.contains(grant),
            "{sentence}"
        );
        assert!(sentence.contains("to do its work"), "{sentence}");
        assert_eq!(missing(imports.into_iter(), &needs, &all()), []);
    }
}

#[test]
fn a_narrow_grant_does_not_stand_for_a_wide_one() {
    let narrow = Grants {
        process: Some(ProcessGrant {
            supervise: true,
            ..ProcessGrant::default()
        }),
        secrets: Some(SecretsGrant { reveal: false }),
        ..Grants::default()
    };
    let imports = [
        ("process", "run"),
        ("process", "install"),
        ("secrets", "[method]secret.reveal"),
    ];
    let refused = missing(
        imports.into_iter(),
        &[need("process"), need("secrets")],
        &narrow,
    );
    let names: Vec<_> = refused
        .iter()
        .map(|missing| missing.import.as_str())
        .collect();
    assert_eq!(names, ["process.run", "secrets.secret.reveal"]);
}

#[test]
fn what_the_description_does_not_ask_for_is_refused_though_granted() {
    let refused = missing([("images", "resolve")].into_iter(), &[], &all());
    assert_eq!(
        refused[0].to_string(),
        "it imports `images.resolve`, but its description does not ask for `images`"
    );
}

#[test]
fn what_gives_no_authority_needs_no_grant() {
    let imports = FREE.map(|interface| (interface, "anything"));
    assert_eq!(missing(imports.into_iter(), &[], &Grants::default()), []);
}

#[test]
fn the_effective_grant_is_what_is_imported_and_asked_for_and_granted() {
    let effective = effective(
        &all(),
        &["images", "probe"],
        &[need("images"), need("process")],
    );
    assert_eq!(
        effective,
        Grants {
            images: true,
            ..Grants::default()
        }
    );
}
