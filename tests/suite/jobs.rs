//! On which occasions jobs run, and what they are told about it.

use crate::environment::{free_port, job, rewrite, server, with};
use crate::installation::Installation;

/// A job that notes down why it runs.
fn noting(name: &str, run: &str) -> String {
    job(name, "note") + "    " + run + "\n"
}

/// Why the job ran, each time.
fn reasons(installation: &Installation, name: &str) -> Vec<String> {
    let file = installation
        .state()
        .join(format!("data/test/{name}/reasons"));
    let noted = std::fs::read_to_string(file).unwrap_or_default();
    noted.lines().map(str::to_owned).collect()
}

#[test]
fn a_job_runs_on_its_occasions_and_knows_why() {
    let web = server("web", free_port(), "one");
    let every = "run: [on-deploy, on-rollback, on-stop, on-destroy]";
    let services = [noting("all", every), noting("last", "run: on-destroy"), web];
    let installation = with(&services);
    installation.succeed(&["deploy"]);
    assert_eq!(reasons(&installation, "all"), ["deploy"]);
    installation.succeed(&["stop"]);
    installation.succeed(&["start"]);
    installation.succeed(&["deploy"]);
    installation.succeed(&["rollback", "--to", "1"]);
    installation.succeed(&["job", "run", "all,last"]);
    installation.succeed(&["destroy", "--yes"]);
    assert_eq!(
        reasons(&installation, "all"),
        ["deploy", "stop", "deploy", "rollback", "run", "destroy"]
    );
    assert_eq!(reasons(&installation, "last"), ["run", "destroy"]);
    let releases = installation.state().join("releases/test");
    let left = std::fs::read_dir(releases).unwrap().flatten();
    let left: Vec<_> = left
        .flat_map(|service| std::fs::read_dir(service.path()).unwrap().flatten())
        .collect();
    assert!(left.is_empty(), "releases are left: {left:?}");
}

#[test]
fn a_job_with_a_schedule_is_built_and_runs_when_it_is_asked_for() {
    let installation = with(&[noting("report", "schedule: '0 3 * * *'")]);
    let deployed = installation.succeed(&["deploy"]);
    assert!(deployed.stdout.contains("0 3 * * *"), "{deployed}");
    assert!(reasons(&installation, "report").is_empty());
    let plan = installation.succeed(&["plan"]);
    assert!(plan.stdout.contains("by the clock"), "{plan}");
    installation.succeed(&["job", "run", "report"]);
    installation.succeed(&["job", "run", "report", "--environment", "test"]);
    assert_eq!(reasons(&installation, "report"), ["run", "run"]);
    let unknown = installation.run(&["job", "run", "nobody"]);
    assert_eq!(unknown.code, Some(2), "{unknown}");
    assert!(unknown.stderr.contains("report"), "{unknown}");
}

#[test]
fn the_hint_of_a_failed_job_can_be_run_as_it_is_printed() {
    let installation = with(&[job("broken", r#"fail, "3""#)]);
    let failed = installation.run(&["deploy"]);
    assert_eq!(failed.code, Some(1), "{failed}");
    let hint = "`stagewright logs test-1 --release --service broken` shows more";
    assert!(failed.stdout.contains(hint), "{failed}");
    let logs = installation.succeed(&["logs", "test-1", "--release", "--service", "broken"]);
    assert!(logs.stdout.contains("this was bound to fail"), "{logs}");
}

#[test]
fn what_needs_the_output_of_a_job_that_runs_by_the_clock_is_foreseen() {
    let report = job("report", "job, version=7") + "    schedule: '0 3 * * *'\n";
    let web = server("web", free_port(), "{{report.version}}");
    let installation = with(&[report, web]);
    let build = "`stagewright deploy --only report` builds report";
    let run = "`stagewright job run report --environment test` runs it";
    let planned = installation.run(&["plan"]);
    assert_eq!(planned.code, Some(2), "{planned}");
    let told = planned.stdout.contains(build) && planned.stdout.contains(run);
    assert!(told, "{planned}");

    installation.succeed(&["deploy", "--only", "report"]);
    let planned = installation.run(&["plan"]);
    assert_eq!(planned.code, Some(2), "{planned}");
    let told = !planned.stdout.contains(build) && planned.stdout.contains(run);
    assert!(told, "{planned}");
    let status = installation.succeed(&["status"]);
    let words = "by the clock, 0 3 * * *, due at ";
    assert!(status.stdout.contains(words), "{status}");
    let status = installation.succeed(&["status", "--output", "json"]).json();
    let schedule = &status[0]["services"][0]["schedule"];
    let next = schedule["next"].as_str().unwrap();
    assert!(next.ends_with("T03:00:00.000Z"), "{schedule}");

    installation.succeed(&["job", "run", "report", "--environment", "test"]);
    installation.succeed(&["plan"]);
    installation.succeed(&["deploy"]);
}

#[test]
fn a_job_that_does_not_run_needs_no_output_in_a_plan() {
    let source = job("source", "job, version=7") + "    schedule: '0 3 * * *'\n";
    let report = job("report", "job, version=8")
        + "    run: on-destroy\n    variables: { VERSION: \"{{source.version}}\" }\n";
    let installation = with(&[]);
    let stages = "stages: [{ name: jobs, default_for: [job] }, { name: last }]";
    let text = format!("name: test\n{stages}\nservices:{source}{report}    stage: last\n");
    installation.write("stagewright.yaml", &text);
    let plan = installation.succeed(&["plan", "--output", "json"]).json();
    let report = plan.iter().find(|row| row["service"] == "report").unwrap();
    assert_eq!(report["build"], "build", "{report}");
    assert_eq!(report["deploy"], "unchanged", "{report}");
    assert_eq!(
        report["deploy_reasons"][0], "it runs on-destroy",
        "{report}"
    );
    installation.succeed(&["deploy"]);
    installation.succeed(&["plan"]);
    // Now it can run: before the removal at the end.
    installation.succeed(&["job", "run", "source"]);
}

#[test]
fn an_output_that_a_deployment_makes_is_no_problem_of_its_plan() {
    let web = server("web", free_port(), "{{seed.version}}");
    let installation = with(&[job("seed", "job, version=7"), web.clone()]);
    installation.succeed(&["plan"]);
    installation.succeed(&["deploy", "--only", "seed"]);
    let built = server("web", free_port(), "one");
    rewrite(&installation, &[job("seed", "job, version=7"), built]);
    installation.succeed(&["deploy"]);
    let other = job("other", "job, version=7");
    let web = web.replace("seed.version", "other.version");
    rewrite(&installation, &[other, job("seed", "job, version=7"), web]);
    let plan = installation.succeed(&["plan"]);
    assert!(
        plan.stdout.contains("wait for the outputs of jobs"),
        "{plan}"
    );
}

#[test]
fn a_job_that_fails_before_the_removal_is_kept_and_the_rest_is_removed() {
    let port = free_port();
    let stubborn = job("stubborn", r#"flaky, "1""#) + "    run: on-destroy\n";
    let installation = with(&[stubborn.clone(), server("web", port, "one")]);
    installation.succeed(&["deploy"]);
    let failed = installation.run(&["destroy", "--yes"]);
    assert_eq!(failed.code, Some(1), "{failed}");
    assert!(failed.stdout.contains("not this time"), "{failed}");
    assert_eq!(crate::environment::get(port, "/"), None);
    rewrite(&installation, &[stubborn]);
    installation.succeed(&["destroy", "--yes"]);
}
