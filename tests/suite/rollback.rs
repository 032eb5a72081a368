//! Going back: by hand, and after a failure by itself.

use serde_json::Value;

use crate::environment::{free_port, get, job, rewrite, server, with};
use crate::installation::Installation;

fn history(installation: &Installation) -> Vec<Value> {
    installation
        .succeed(&["history", "--output", "json"])
        .json()
}

#[test]
fn a_rollback_brings_back_what_an_earlier_deployment_left() {
    let (port, late) = (free_port(), free_port());
    let installation = with(&[server("web", port, "one")]);
    installation.succeed(&["deploy"]);
    let nowhere = installation.run(&["rollback"]);
    assert_eq!(nowhere.code, Some(2), "{nowhere}");

    let two = [server("web", port, "two"), server("late", late, "late")];
    rewrite(&installation, &two);
    // Another image, too.
    std::fs::write(installation.project().join("app/more"), "more").unwrap();
    installation.succeed(&["deploy"]);
    assert_eq!(get(port, "/").unwrap(), "two");

    let back = installation.succeed(&["rollback"]);
    assert!(back.stderr.contains("test-1"), "{back}");
    assert!(
        back.stderr.contains("late"),
        "what came later is named\n{back}"
    );
    assert_eq!(get(port, "/").unwrap(), "one");
    assert_eq!(get(late, "/").unwrap(), "late", "and left as it is");

    let again = installation.succeed(&["rollback", "--to", "1", "--output", "json"]);
    let started = again.json().iter().any(|e| e["event"] == "step.started");
    assert!(!started, "it is there already\n{again}");
    installation.succeed(&["rollback", "--to", "test-2"]);
    assert_eq!(get(port, "/").unwrap(), "two");
    let unknown = installation.run(&["rollback", "--to", "99"]);
    assert_eq!(unknown.code, Some(2), "{unknown}");
    assert!(unknown.stderr.contains("history"), "{unknown}");

    let plan = installation.succeed(&["plan"]);
    assert!(plan.stdout.contains("unchanged"), "{plan}");
}

#[test]
fn a_rollback_to_what_is_gone_is_refused_before_anything_happens() {
    let port = free_port();
    let installation = with(&[server("web", port, "one")]);
    installation.succeed(&["deploy"]);
    rewrite(&installation, &[server("web", port, "two")]);
    std::fs::write(installation.project().join("app/more"), "more").unwrap();
    installation.succeed(&["deploy"]);
    std::fs::remove_dir_all(installation.state().join("images")).unwrap();
    let refused = installation.run(&["rollback"]);
    assert_eq!(refused.code, Some(2), "{refused}");
    assert!(refused.stderr.contains("web"), "{refused}");
    assert_eq!(get(port, "/").unwrap(), "two");
    assert_eq!(history(&installation).len(), 2, "nothing was recorded");
}

#[test]
fn each_rollback_goes_further_back_and_the_last_one_says_what_can_be_named() {
    let port = free_port();
    let installation = with(&[]);
    // The third deployment leaves what the second one left.
    for greeting in ["one", "two", "two", "three"] {
        rewrite(&installation, &[server("web", port, greeting)]);
        installation.succeed(&["deploy"]);
    }
    let first = installation.succeed(&["rollback"]);
    assert!(first.stderr.contains("test-3"), "{first}");
    assert_eq!(get(port, "/").unwrap(), "two");
    let second = installation.succeed(&["rollback"]);
    assert!(second.stderr.contains("test-1"), "{second}");
    assert_eq!(get(port, "/").unwrap(), "one");
    let before = history(&installation).len();
    let third = installation.run(&["rollback"]);
    assert_eq!(third.code, Some(2), "{third}");
    for other in ["test-5", "test-4", "test-3", "test-2"] {
        assert!(third.stderr.contains(other), "{other}\n{third}");
    }
    for same in ["test-1", "test-6"] {
        assert!(!third.stderr.contains(same), "{same} is what runs\n{third}");
    }
    assert_eq!(get(port, "/").unwrap(), "one");
    assert_eq!(history(&installation).len(), before, "nothing was recorded");

    installation.succeed(&["rollback", "--to", "4"]);
    assert_eq!(get(port, "/").unwrap(), "three");
    let again = installation.succeed(&["rollback"]);
    assert!(again.stderr.contains("test-3"), "{again}");
    assert_eq!(get(port, "/").unwrap(), "two");
}

#[test]
fn what_was_removed_comes_back_as_it_was() {
    let port = free_port();
    let installation = with(&[]);
    for greeting in ["one", "two"] {
        rewrite(&installation, &[server("web", port, greeting)]);
        installation.succeed(&["deploy"]);
    }
    installation.succeed(&["destroy", "--yes"]);
    for greeting in ["two", "one"] {
        installation.succeed(&["rollback"]);
        assert_eq!(get(port, "/").unwrap(), greeting);
    }
}

#[test]
fn services_go_back_one_by_one() {
    let (web, api) = (free_port(), free_port());
    let installation = with(&[]);
    for greeting in ["one", "two"] {
        let services = [server("web", web, greeting), server("api", api, greeting)];
        rewrite(&installation, &services);
        installation.succeed(&["deploy"]);
    }
    let answers = || [get(web, "/").unwrap(), get(api, "/").unwrap()];
    installation.succeed(&["rollback", "--only", "web"]);
    assert_eq!(answers(), ["one", "two"]);
    let further = installation.run(&["rollback", "--only", "web"]);
    assert_eq!(further.code, Some(2), "{further}");
    assert_eq!(answers(), ["one", "two"]);
    installation.succeed(&["rollback", "--only", "api"]);
    assert_eq!(answers(), ["one", "one"]);
}

#[test]
fn what_is_no_deployment_cannot_be_gone_back_to() {
    let installation = with(&[server("web", free_port(), "one")]);
    installation.succeed(&["deploy"]);
    for to in ["-1", "0", "latest", "other-1", "18446744073709551616"] {
        let refused = installation.run(&["rollback", "--to", to]);
        assert_eq!(refused.code, Some(2), "{refused}");
        assert!(refused.stderr.contains(to), "{refused}");
    }
    assert_eq!(history(&installation).len(), 1, "nothing was recorded");
}

/// An operator's file with the secret `word`, or with none.
fn tell(installation: &Installation, secrets: &str) {
    use std::os::unix::fs::PermissionsExt;
    let file = installation.write("secrets.yaml", secrets);
    let narrow = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(&file, narrow).unwrap();
    installation.configure(&format!("secrets: {{ file: {} }}\n", file.display()));
}

#[test]
fn a_missing_secret_is_told_before_anything_is_started_again() {
    let port = free_port();
    let secret = |text: String| text.replace(r#"GREETING: "x""#, "GREETING: { secret: word }");
    let noting = job("report", "note") + "    variables: { WORD: { secret: word } }\n";
    let services = |more: &str| [secret(server("web", port, "x")) + more, noting.clone()];
    let installation = with(&services(""));
    tell(&installation, "word: open-sesame-42\n");
    installation.succeed(&["deploy"]);
    rewrite(&installation, &services("    retry: { max: 1 }\n"));
    installation.succeed(&["deploy", "--redeploy"]);
    tell(&installation, "other: open-sesame-42\n");

    let reports = ["job", "run", "report"];
    let back = ["rollback", "--to", "1"];
    for verb in [&["restart"][..], &back, &reports, &["start"]] {
        let refused = installation.run(verb);
        assert_eq!(refused.code, Some(2), "{verb:?}\n{refused}");
        // Nothing but a run of its own runs the job.
        let (needed, other) = match verb == reports {
            true => ("report: variable WORD", "GREETING"),
            false => ("web: variable GREETING", "report"),
        };
        assert!(refused.stderr.contains(needed), "{verb:?}\n{refused}");
        assert!(!refused.stderr.contains(other), "{verb:?}\n{refused}");
        for word in ["`word`", "STAGEWRIGHT_SECRET_WORD"] {
            assert!(refused.stderr.contains(word), "{word}\n{refused}");
        }
    }
    assert_eq!(history(&installation).len(), 2, "nothing was recorded");
    assert_eq!(get(port, "/").unwrap(), "open-sesame-42");
    let status = installation.succeed(&["status"]);
    assert!(status.stdout.contains("It is ready."), "{status}");
    installation.succeed(&["logs", "--release", "--service", "web"]);
    installation.succeed(&["stop"]);
}

#[test]
fn a_secret_of_a_job_that_does_not_run_is_not_asked_for() {
    let port = free_port();
    let noting = job("report", "note") + "    variables: { WORD: { secret: word } }\n";
    let installation = with(&[]);
    tell(&installation, "word: open-sesame-42\n");
    for greeting in ["one", "two"] {
        rewrite(
            &installation,
            &[server("web", port, greeting), noting.clone()],
        );
        installation.succeed(&["deploy"]);
    }
    tell(&installation, "other: open-sesame-42\n");
    for verb in ["rollback", "restart", "stop", "start"] {
        installation.succeed(&[verb]);
    }
    assert_eq!(get(port, "/").unwrap(), "one");
    let refused = installation.run(&["job", "run", "report"]);
    assert_eq!(refused.code, Some(2), "{refused}");
    assert!(refused.stderr.contains("WORD"), "{refused}");
}

#[test]
fn what_went_back_keeps_what_a_job_had_answered_then() {
    let port = free_port();
    let installation = with(&[]);
    let web = server("web", port, "{{tally.count}}");
    let write = |count: &str, more: &[String]| {
        let tally = job("tally", &format!("job, count={count}"));
        rewrite(&installation, &[&[tally, web.clone()], more].concat());
    };
    write("one", &[]);
    installation.succeed(&["deploy"]);
    write("two", &[]);
    installation.succeed(&["deploy"]);
    installation.succeed(&["rollback"]);
    assert_eq!(get(port, "/").unwrap(), "one");

    installation.succeed(&["restart"]);
    assert_eq!(get(port, "/").unwrap(), "one");
    installation.succeed(&["stop"]);
    installation.succeed(&["start"]);
    assert_eq!(get(port, "/").unwrap(), "one");

    let db = server("db", free_port(), "db");
    write("three", &[db]);
    installation.succeed(&["deploy", "--only", "db"]);
    installation.succeed(&["deploy"]);
    assert_eq!(get(port, "/").unwrap(), "three");
    for back in [&["--to", "3"][..], &["--to", "7", "--only", "web"]] {
        installation.succeed(&[&["rollback"], back].concat());
        installation.succeed(&["restart"]);
        assert_eq!(get(port, "/").unwrap(), "one", "{back:?}");
        installation.succeed(&["rollback", "--to", "8"]);
        assert_eq!(get(port, "/").unwrap(), "three");
    }
}

/// Two servers in stages of their own, and a job after them.
fn staged(installation: &Installation, greeting: &str, ports: [u16; 2], last: &str) {
    let services = [
        server("first", ports[0], greeting) + "    stage: a\n",
        server("second", ports[1], greeting) + "    stage: b\n",
        job("last", last) + "    stage: c\n",
    ];
    let stages = "stages: [{ name: a }, { name: b }, { name: c }]\n";
    let text = format!(
        "name: test\nrollback: automatic\n{stages}services:{}",
        services.concat()
    );
    installation.write("stagewright.yaml", &text);
}

#[test]
fn a_deployment_that_fails_is_undone_in_reverse_order() {
    let ports = [free_port(), free_port()];
    let installation = with(&[]);
    staged(&installation, "one", ports, "note");
    installation.succeed(&["deploy"]);
    staged(&installation, "two", ports, "fail, \"3\"");
    let failed = installation.run(&["deploy", "--output", "json"]);
    assert_eq!(failed.code, Some(1), "{failed}");
    for port in ports {
        assert_eq!(get(port, "/").unwrap(), "one", "{failed}");
    }
    let undone: Vec<String> = failed
        .json()
        .iter()
        .filter(|event| event["deployment"] == "test-3" && event["event"] == "step.started")
        .map(|event| event["service"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(undone, ["second", "first"], "{failed}");
    let newest = &history(&installation)[0];
    assert_eq!(newest["action"], "rollback");
    assert_eq!(newest["trigger"], "automatic rollback of test-2");
    assert_eq!(newest["result"], "succeeded");
}

#[test]
fn a_first_deployment_that_fails_has_nothing_to_go_back_to() {
    let ports = [free_port(), free_port()];
    let installation = with(&[]);
    staged(&installation, "one", ports, "fail, \"3\"");
    let failed = installation.run(&["deploy"]);
    assert_eq!(failed.code, Some(1), "{failed}");
    assert_eq!(history(&installation).len(), 1);
    assert_eq!(get(ports[0], "/").unwrap(), "one");
}

#[test]
fn what_was_removed_before_a_deployment_failed_is_not_brought_back() {
    let ports = [free_port(), free_port()];
    let installation = with(&[]);
    staged(&installation, "one", ports, "note");
    installation.succeed(&["deploy"]);
    installation.succeed(&["destroy", "--yes", "--only", "second"]);
    staged(&installation, "two", ports, "fail, \"3\"");
    let failed = installation.run(&["deploy"]);
    assert_eq!(failed.code, Some(1), "{failed}");
    assert_eq!(get(ports[0], "/").unwrap(), "one", "{failed}");
    assert_eq!(get(ports[1], "/").unwrap(), "two", "{failed}");
}

#[test]
fn a_rollback_after_an_automatic_one_goes_further_back() {
    let ports = [free_port(), free_port()];
    let installation = with(&[]);
    for greeting in ["one", "two"] {
        staged(&installation, greeting, ports, "note");
        installation.succeed(&["deploy"]);
    }
    staged(&installation, "three", ports, "fail, \"3\"");
    let failed = installation.run(&["deploy"]);
    assert_eq!(failed.code, Some(1), "{failed}");
    assert_eq!(get(ports[0], "/").unwrap(), "two", "{failed}");
    let back = installation.succeed(&["rollback"]);
    assert!(back.stderr.contains("test-1"), "{back}");
    for port in ports {
        assert_eq!(get(port, "/").unwrap(), "one", "{back}");
    }
}
