//! Deployments from the outside: what happens to services, and what is said about it.

use serde_json::Value;

use crate::environment::{free_port, get, job, rewrite, server, with};

/// The value of a field of the first event that fits.
fn find<'a>(events: &'a [Value], event: &str, service: &str) -> &'a Value {
    let fits = |candidate: &&Value| candidate["event"] == event && candidate["service"] == service;
    events
        .iter()
        .find(fits)
        .unwrap_or_else(|| panic!("no {event} of {service} in {events:#?}"))
}

#[test]
fn a_service_is_deployed_left_alone_changed_stopped_started_and_destroyed() {
    let port = free_port();
    let installation = with(&[server("web", port, "one")]);
    let run = installation.succeed(&["deploy"]);
    assert!(run.stdout.contains("test-1 succeeded"), "{run}");
    assert_eq!(get(port, "/").unwrap(), "one");

    let again = installation.succeed(&["deploy", "--output", "json"]).json();
    assert_eq!(find(&again, "service.ended", "web")["result"], "unchanged");
    assert!(
        !again.iter().any(|event| event["event"] == "step.started"),
        "{again:#?}"
    );

    rewrite(&installation, &[server("web", port, "two")]);
    let plan = installation.succeed(&["plan"]);
    assert!(
        plan.stdout.contains("variable GREETING one → two"),
        "{plan}"
    );
    let changed = installation.succeed(&["deploy", "--output", "json"]).json();
    assert!(
        changed
            .iter()
            .all(|event| event["step"] != "build" || event["event"] != "step.started")
    );
    assert_eq!(get(port, "/").unwrap(), "two");

    installation.succeed(&["stop"]);
    assert_eq!(get(port, "/"), None);
    let status = &installation.succeed(&["status", "--output", "json"]).json()[0];
    assert_eq!(status["services"][0]["condition"], "stopped");
    installation.succeed(&["start"]);
    assert_eq!(get(port, "/").unwrap(), "two");
    installation.succeed(&["restart"]);
    assert_eq!(get(port, "/").unwrap(), "two");

    installation.succeed(&["destroy", "--yes"]);
    assert_eq!(get(port, "/"), None);
    let history = installation
        .succeed(&["history", "--output", "json"])
        .json();
    let actions: Vec<&str> = history
        .iter()
        .map(|d| d["action"].as_str().unwrap())
        .collect();
    assert_eq!(
        actions,
        [
            "destroy", "restart", "start", "stop", "deploy", "deploy", "deploy"
        ]
    );
}

#[test]
fn outputs_of_a_job_become_variables_and_sensitive_ones_are_written_nowhere() {
    let port = free_port();
    let services = [
        job("seed", r#"job, version=7, "token!=nek0t-t3rc3s""#),
        server("web", port, "v{{seed.version}} {{seed.token}}"),
    ];
    let installation = with(&services);
    let run = installation.succeed(&["deploy", "--output", "json"]);
    assert_eq!(get(port, "/").unwrap(), "v7 s3cr3t-t0ken");
    assert!(!run.stdout.contains("s3cr3t-t0ken"), "{run}");
    assert!(run.stdout.contains(r#""value":"7""#), "{run}");
    for entry in std::fs::read_dir(installation.state()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let bytes = std::fs::read(&path).unwrap();
            let found = bytes.windows(12).any(|window| window == b"s3cr3t-t0ken");
            assert!(!found, "{} holds a sensitive output", path.display());
        }
    }
}

#[test]
fn a_secret_reaches_the_program_and_nothing_else() {
    let port = free_port();
    let service =
        server("web", port, "x").replace(r#"GREETING: "x""#, "GREETING: { secret: word }");
    let installation = with(&[service]);
    let run: crate::installation::Run = installation
        .command(&["deploy", "--output", "json"])
        .env("STAGEWRIGHT_SECRET_WORD", "open-sesame-42")
        .output()
        .unwrap()
        .into();
    assert_eq!(run.code, Some(0), "{run}");
    assert_eq!(get(port, "/").unwrap(), "open-sesame-42");
    assert!(!run.stdout.contains("open-sesame-42"), "{run}");
    let holding = std::process::Command::new("grep")
        .args(["-rlF", "open-sesame-42"])
        .arg(installation.state())
        .output()
        .unwrap();
    assert_eq!(String::from_utf8(holding.stdout).unwrap(), "");
    for process in std::fs::read_dir("/proc").unwrap().flatten() {
        let words = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
        let words = String::from_utf8_lossy(&words).into_owned();
        assert!(
            !words.contains("open-sesame-42"),
            "in the words of {words:?}"
        );
    }
}

#[test]
fn a_missing_secret_is_told_before_anything_starts() {
    let port = free_port();
    let installation = with(&[server("web", port, "one")]);
    installation.succeed(&["deploy"]);
    let service =
        server("web", port, "x").replace(r#"GREETING: "x""#, "GREETING: { secret: word }");
    rewrite(&installation, &[service]);
    let run = installation.run(&["deploy"]);
    assert_eq!(run.code, Some(2), "{run}");
    assert!(run.stderr.contains("STAGEWRIGHT_SECRET_WORD"), "{run}");
    assert!(run.stderr.contains("stagewright.yaml:10:"), "{run}");
    assert_eq!(get(port, "/").unwrap(), "one");
}

#[test]
fn a_program_of_the_operator_is_asked_for_secrets_by_name() {
    let port = free_port();
    let web = |secret: &str| {
        let variable = format!("GREETING: {{ secret: {secret} }}");
        server("web", port, "x").replace(r#"GREETING: "x""#, &variable)
    };
    let installation = with(&[web("word")]);
    let vault = installation.write("vault/word", "open-sesame-42\n");
    let script = format!(
        "cat {}/$1 || {{ echo complaint-99 >&2; exit 3; }}",
        vault.parent().unwrap().display()
    );
    installation.configure(&format!(
        "secrets: {{ command: [sh, -c, '{script}', vault, '{{name}}'] }}\n"
    ));
    let deployed = installation.succeed(&["deploy", "--output", "json"]);
    assert_eq!(get(port, "/").unwrap(), "open-sesame-42");
    assert!(!deployed.stdout.contains("open-sesame-42"), "{deployed}");

    std::fs::write(&vault, "open-sesame-43\n").unwrap();
    let plan = installation.succeed(&["plan"]);
    assert!(plan.stdout.contains("GREETING"), "{plan}");
    installation.succeed(&["deploy"]);
    assert_eq!(get(port, "/").unwrap(), "open-sesame-43");
    let holding = std::process::Command::new("grep")
        .args(["-rlE", "open-sesame-4[23]"])
        .arg(installation.state())
        .output()
        .unwrap();
    assert_eq!(String::from_utf8(holding.stdout).unwrap(), "");

    rewrite(&installation, &[web("nothing")]);
    let refused = installation.run(&["deploy"]);
    assert_eq!(refused.code, Some(2), "{refused}");
    assert!(refused.stderr.contains("nothing"), "{refused}");
    assert!(!refused.stderr.contains("complaint-99"), "{refused}");
    assert_eq!(get(port, "/").unwrap(), "open-sesame-43");
}

#[test]
fn a_failed_job_stops_what_comes_after_it_and_says_why() {
    let port = free_port();
    let installation = with(&[job("seed", r#"fail, "3""#), server("web", port, "one")]);
    let run = installation.run(&["deploy", "--output", "json"]);
    assert_eq!(run.code, Some(1), "{run}");
    let events = run.json();
    let ended = events
        .iter()
        .find(|e| e["event"] == "step.ended" && e["result"] == "failed");
    let error = &ended.unwrap()["error"];
    assert!(error["message"].as_str().unwrap().contains('3'), "{error}");
    assert!(
        events.iter().any(|e| e["event"] == "stage.skipped"),
        "{run}"
    );
    assert_eq!(get(port, "/"), None);
    let plain = installation.run(&["deploy"]);
    assert!(plain.stdout.contains("this was bound to fail"), "{plain}");
}

#[test]
fn a_release_that_does_not_become_healthy_is_replaced_by_the_one_before() {
    let port = free_port();
    let installation = with(&[server("web", port, "good")]);
    installation.succeed(&["deploy"]);
    let sick = server("web", port, "bad")
        .replace(r#"GREETING: "bad""#, r#"GREETING: "bad", SICK: "yes""#)
        .replace("within: 10s", "within: 1s");
    rewrite(&installation, &[sick]);
    let run = installation.run(&["deploy"]);
    assert_eq!(run.code, Some(1), "{run}");
    assert!(
        run.stdout.contains("503"),
        "the last answer of the check is told\n{run}"
    );
    assert_eq!(get(port, "/").unwrap(), "good");
}

#[test]
fn a_port_that_somebody_else_holds_is_an_error_that_names_who() {
    let foreign = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = foreign.local_addr().unwrap().port();
    let installation = with(&[server("web", port, "one")]);
    let run = installation.run(&["deploy"]);
    assert_eq!(run.code, Some(2), "{run}");
    for words in [
        std::process::id().to_string(),
        port.to_string(),
        "stagewright.yaml:8:".into(),
    ] {
        assert!(run.stderr.contains(&words), "{words}\n{run}");
    }
}

#[test]
fn a_service_that_is_no_longer_in_the_file_is_shown_and_pruned() {
    let (one, two) = (free_port(), free_port());
    let installation = with(&[server("one", one, "1"), server("two", two, "2")]);
    installation.succeed(&["deploy"]);
    rewrite(&installation, &[server("one", one, "1")]);
    let plan = installation.succeed(&["plan"]);
    assert!(plan.stdout.contains("orphan two"), "{plan}");
    installation.succeed(&["deploy"]);
    assert_eq!(get(two, "/").unwrap(), "2");
    installation.succeed(&["deploy", "--prune"]);
    assert_eq!(get(two, "/"), None);
    assert_eq!(get(one, "/").unwrap(), "1");
}

#[test]
fn a_partial_deployment_leaves_the_others_running_as_they_were() {
    let (one, two) = (free_port(), free_port());
    let installation = with(&[server("one", one, "1"), server("two", two, "2")]);
    installation.succeed(&["deploy"]);
    let before = (get(one, "/pid").unwrap(), get(two, "/pid").unwrap());
    rewrite(
        &installation,
        &[server("one", one, "changed"), server("two", two, "changed")],
    );
    let run = installation.succeed(&["deploy", "--only", "one", "--output", "json"]);
    let touched = run.json().iter().any(|event| event["service"] == "two");
    assert!(!touched, "{run}");
    assert_eq!(get(one, "/").unwrap(), "changed");
    assert_ne!(get(one, "/pid").unwrap(), before.0);
    assert_eq!(get(two, "/").unwrap(), "2");
    assert_eq!(get(two, "/pid").unwrap(), before.1);
}

#[test]
fn only_what_is_selected_is_touched() {
    let (one, two) = (free_port(), free_port());
    let installation = with(&[server("one", one, "1"), server("two", two, "2")]);
    installation.succeed(&["deploy", "--only", "two"]);
    assert_eq!((get(one, "/"), get(two, "/")), (None, Some("2".to_owned())));
    let unknown = installation.run(&["deploy", "--only", "three"]);
    assert_eq!(unknown.code, Some(2), "{unknown}");
    assert!(unknown.stderr.contains("there are one, two"), "{unknown}");
}
