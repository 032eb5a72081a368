//! Where services come from: repositories, image layouts, and tries that fail first.

use std::path::Path;
use std::process::Command;

use crate::environment::{add_actor, free_port, get, job, rewrite, server, with};
use crate::installation::{Installation, copy};

/// Runs git in a folder, as somebody.
pub fn git(folder: &Path, arguments: &[&str]) {
    let output = Command::new("git")
        .args(["-c", "user.name=t", "-c", "user.email=t@example.org"])
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(output.status.success(), "{arguments:?} {output:?}");
}

#[test]
fn a_service_from_a_repository_is_built_again_only_when_its_path_changed() {
    let port = free_port();
    let installation = Installation::new();
    let repository = installation.project().join("mono");
    add_actor(&installation, "mono/web");
    git(&repository, &["init", "-q", "-b", "main"]);
    git(&repository, &["add", "."]);
    git(&repository, &["commit", "-qm", "one"]);
    let service = server("web", port, "from git")
        .replace("{ path: app }", "{ git: ./mono, branch: main, path: web }");
    rewrite(&installation, &[service]);
    installation.succeed(&["deploy"]);
    assert_eq!(get(port, "/").unwrap(), "from git");

    installation.write("mono/elsewhere", "changed");
    git(&repository, &["add", "."]);
    git(&repository, &["commit", "-qm", "two"]);
    let same = installation.succeed(&["deploy"]);
    assert!(same.stdout.contains("1 unchanged"), "{same}");

    installation.write("mono/web/more", "changed");
    git(&repository, &["add", "."]);
    git(&repository, &["commit", "-qm", "three"]);
    let plan = installation.succeed(&["plan"]);
    assert!(plan.stdout.contains("source changed"), "{plan}");
    let changed = installation.succeed(&["deploy"]);
    assert!(changed.stdout.contains("1 succeeded"), "{changed}");
}

#[test]
fn a_branch_that_is_not_there_is_told_at_its_line() {
    let installation = Installation::new();
    let repository = installation.project().join("mono");
    add_actor(&installation, "mono/web");
    git(&repository, &["init", "-q", "-b", "main"]);
    git(&repository, &["add", "."]);
    git(&repository, &["commit", "-qm", "one"]);
    let service = server("web", free_port(), "x")
        .replace("{ path: app }", "{ git: ./mono, branch: mian, path: web }");
    rewrite(&installation, &[service]);
    let run = installation.run(&["deploy"]);
    assert_eq!(run.code, Some(2), "{run}");
    assert!(
        run.stderr.contains("stagewright.yaml:5:") && run.stderr.contains("mian"),
        "{run}"
    );
}

#[test]
fn an_image_in_a_layout_beside_the_file_is_run() {
    let port = free_port();
    let installation = with(&[server("web", port, "built")]);
    let run = installation.succeed(&["deploy", "--output", "json"]);
    let events = run.json();
    let pushed = events
        .iter()
        .find(|e| e["event"] == "step.ended" && e["step"] == "push");
    let reference = pushed.unwrap()["reference"].as_str().unwrap().to_owned();
    let (_, digest) = reference.split_once('@').unwrap();

    let other = Installation::new();
    copy(
        &installation.state().join("images"),
        &other.project().join("images"),
    );
    let port = free_port();
    let service = server("web", port, "found")
        .replace("type: application", "type: container")
        .replace(
            "source: { path: app }",
            &format!("image: \"oci:images@{digest}\""),
        );
    let build = service
        .lines()
        .find(|line| line.contains("build:"))
        .unwrap()
        .to_owned();
    rewrite(&other, &[service.replace(&build, "")]);
    let plan = other.succeed(&["plan"]);
    assert!(plan.stdout.contains("builtin:image"), "{plan}");
    other.succeed(&["deploy"]);
    assert_eq!(get(port, "/").unwrap(), "found");
}

#[test]
fn a_job_that_may_run_twice_is_tried_again() {
    let retry = "    idempotent: true\n    retry: { max: 3, backoff: 20ms }\n";
    let installation = with(&[job("seed", r#"flaky, "2""#) + retry]);
    let run = installation.succeed(&["deploy", "--output", "json"]);
    let events = run.json();
    let count = |event: &str| {
        let fits = |e: &&serde_json::Value| e["event"] == event && e["step"] == "deploy";
        events.iter().filter(fits).count()
    };
    assert_eq!(
        (count("step.retrying"), count("step.started")),
        (2, 3),
        "{run}"
    );

    let installation = with(&[job("seed", r#"flaky, "2""#)]);
    let run = installation.run(&["deploy"]);
    assert_eq!(
        run.code,
        Some(1),
        "a job is not tried again unless it says it may\n{run}"
    );
}
