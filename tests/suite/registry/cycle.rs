//! Build, push, deploy: the digest is the registry's, what is unchanged is not sent again.

use super::{inspected, installation, pushed, reference};
use crate::engines::Registry;
use crate::environment::{free_port, get, rewrite, server};

#[test]
fn what_is_built_is_pushed_and_run_from_the_registry() {
    let registry = Registry::open();
    let (host, port) = (registry.host(), free_port());
    let repository = format!("{host}/team/{{service}}");
    let installation = installation(&[pushed("web", port, "one", &repository)], &[&host]);
    let first = installation.succeed(&["deploy", "--output", "json"]);
    assert_eq!(get(port, "/").unwrap(), "one");
    let own = reference(&first, "push");
    let (name, digest) = own.split_once('@').unwrap();
    assert_eq!(name, format!("{host}/team/web"));
    let told = inspected(&format!("{name}:latest"));
    assert_eq!(told["Digest"], digest, "{told}");

    let again = installation.succeed(&["deploy"]);
    assert!(again.stdout.contains("unchanged"), "{again}");

    installation.write("app/more.txt", "more");
    let second = installation.succeed(&["deploy", "--output", "json"]);
    let changed = reference(&second, "push");
    assert_ne!(changed, own);
    let told = inspected(&format!("{name}:latest"));
    assert_eq!(told["Digest"], changed.split_once('@').unwrap().1, "{told}");

    installation.succeed(&["rollback"]);
    let status = installation.succeed(&["status", "--output", "json"]);
    assert!(status.stdout.contains(digest), "{status}");
    assert_eq!(get(port, "/").unwrap(), "one");
}

#[test]
fn what_a_file_declares_is_told_before_it_is_done() {
    let port = free_port();
    let repository = "registry.example/{environment}/{service}";
    let service = pushed("web", port, "one", repository).replace(
        "{ target: /app }",
        "{ target: /app, base: \"example.org/base:1\" }",
    );
    let installation = installation(&[service], &[]);
    let plan = installation.run(&["plan"]);
    assert!(
        plan.stdout.contains("pulls from example.org/base\n"),
        "{plan}"
    );
    assert!(
        plan.stdout
            .contains("pushes to registry.example/test/web\n"),
        "{plan}"
    );
}

#[test]
fn a_registry_that_is_not_said_to_speak_plain_http_is_asked_by_https_only() {
    let registry = Registry::open();
    let (host, port) = (registry.host(), free_port());
    let repository = format!("{host}/team/web");
    let installation = installation(&[pushed("web", port, "one", &repository)], &[]);
    let run = installation.run(&["deploy"]);
    assert_eq!(run.code, Some(1), "{run}");
    assert!(run.stdout.contains("plain_http: true"), "{run}");
}

#[test]
fn a_repository_that_nobody_granted_is_refused() {
    let registry = Registry::open();
    let (host, port) = (registry.host(), free_port());
    let repository = format!("{host}/team/web");
    let installation = installation(&[pushed("web", port, "one", &repository)], &[&host]);
    let config = format!(
        "registries: {{ \"{host}\": {{ plain_http: true }} }}\nplugins: {{ \"builtin:registry\": {{ grants: {{ registry: {{ push: [\"{host}/other/\"] }} }} }} }}\n"
    );
    installation.configure(&config);
    let run = installation.run(&["deploy"]);
    assert_eq!(run.code, Some(1), "{run}");
    assert!(run.stdout.contains("is not granted to push"), "{run}");
    installation.configure(&config.replace("other", "team"));
    installation.succeed(&["deploy"]);
}

#[test]
fn a_service_goes_from_the_layout_to_a_registry_and_back() {
    let registry = Registry::open();
    let (host, port) = (registry.host(), free_port());
    let repository = format!("{host}/team/web");
    let installation = installation(&[server("web", port, "one")], &[&host]);
    installation.succeed(&["deploy"]);
    rewrite(&installation, &[pushed("web", port, "two", &repository)]);
    installation.succeed(&["deploy"]);
    assert_eq!(get(port, "/").unwrap(), "two");
    rewrite(&installation, &[server("web", port, "three")]);
    installation.succeed(&["deploy"]);
    assert_eq!(get(port, "/").unwrap(), "three");
}
