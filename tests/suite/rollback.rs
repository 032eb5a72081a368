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
