//! `doctor` tells what is there and what is missing, and what to do about it.

use serde_json::Value;

use crate::environment::{free_port, server, with};
use crate::installation::{Installation, PROGRAM, Run};

/// The finding about a subject.
fn finding(run: &Run, subject: &str) -> Value {
    let found = run.json().into_iter().find(|finding| {
        let named = finding["subject"].as_str().unwrap();
        named == subject || named.starts_with(&format!("{subject}:"))
    });
    found.unwrap_or_else(|| panic!("nothing is said of {subject}\n{run}"))
}

#[test]
fn a_machine_is_looked_at_without_an_environment() {
    let installation = Installation::new();
    let run = installation.succeed(&["doctor", "--output", "json"]);
    for subject in ["disk", "open files", "memory maps", "sandbox"] {
        let finding = finding(&run, subject);
        assert_ne!(finding["state"], "missing", "{finding}");
        assert!(finding["found"].as_str().unwrap().len() > 3, "{finding}");
    }
    let told = installation.succeed(&["doctor"]).stdout;
    let shown = installation.state().display().to_string();
    assert!(told.contains(&shown) && told.contains("ready"), "{told}");
}

#[test]
fn what_is_short_comes_with_a_remedy() {
    let installation = Installation::new();
    let script = r#"ulimit -Sn 512; ulimit -Hn 512; exec "$0" "$@""#;
    let words = ["-c", script, PROGRAM, "doctor", "--output", "json"];
    let run: Run = installation
        .command_of("bash", &words)
        .output()
        .unwrap()
        .into();
    assert_eq!(run.code, Some(0), "{run}");
    let files = finding(&run, "open files");
    assert_eq!(files["state"], "poor", "{files}");
    assert_eq!(files["found"], "at most 512");
    assert!(files["hint"].as_str().unwrap().contains("4096"), "{files}");
}

#[test]
fn what_an_environment_misses_is_told_with_its_place() {
    let service =
        server("web", free_port(), "x").replace(r#"GREETING: "x""#, "GREETING: { secret: word }");
    let installation = with(&[service]);
    let run = installation.run(&["doctor", "--output", "json"]);
    assert_eq!(run.code, Some(2), "{run}");
    let secret = finding(&run, "stagewright.yaml");
    assert_eq!(secret["state"], "missing", "{secret}");
    assert!(
        secret["found"].as_str().unwrap().contains("word"),
        "{secret}"
    );
    assert!(secret["hint"].is_string(), "{secret}");
}

#[test]
fn programs_that_builds_run_are_looked_for() {
    let build = |program: &str| {
        format!(
            "name: test\nservices:\n  web:\n    type: job\n    source: {{ path: app }}\n    \
             build: {{ with: {{ steps: [[sh, -c, x], [{program}]], outputs: [out] }} }}\n"
        )
    };
    let installation = Installation::new();
    installation.write("app/x", "");
    installation.write("stagewright.yaml", &build("there-is-no-such-program"));
    let run = installation.run(&["doctor", "--output", "json"]);
    assert_eq!(run.code, Some(2), "{run}");
    assert_eq!(finding(&run, "program sh")["state"], "ready");
    let missing = finding(&run, "program there-is-no-such-program");
    assert_eq!(missing["state"], "missing", "{missing}");
    assert!(
        missing["hint"].as_str().unwrap().contains("web"),
        "{missing}"
    );
    installation.write("stagewright.yaml", &build("sh"));
    installation.succeed(&["doctor"]);
}
