//! Builds that fail: what is said about them, and what becomes of those beside them.

use serde_json::Value;

use crate::environment::{job, rewrite, with};
use crate::gate::Gate;
use crate::going::Going;
use crate::installation::Installation;

/// Prints two lines and fails.
const BROKEN: &str = r#"[sh, -c, "echo one; echo the-reason >&2; exit 7"]"#;

/// A job whose image is made by this step.
fn made_by(name: &str, step: &str) -> String {
    job(name, "job, version=7")
        .replace("builtin:static", "builtin:command")
        .replace(
            "{ target: /app }",
            &format!("{{ steps: [{step}], outputs: [actor] }}"),
        )
}

fn is(event: &Value, what: &str, service: &str, step: &str) -> bool {
    event["event"] == what && event["service"] == service && event["step"] == step
}

/// Deploys the repaired file, and expects that `good` is not built again.
fn is_not_built_again(installation: &Installation) {
    let run = installation.succeed(&["deploy", "--output", "json"]);
    let events = run.json();
    let built = |name: &str| {
        events
            .iter()
            .any(|event| is(event, "step.started", name, "build"))
    };
    assert!(built("bad"), "{run}");
    assert!(!built("good"), "{run}");
}

#[test]
fn a_failing_build_shows_what_it_printed_and_how_it_ended() {
    let installation = with(&[made_by("bad", BROKEN)]);
    let run = installation.run(&["deploy"]);
    assert_eq!(run.code, Some(1), "{run}");
    for words in ["one", "the-reason", "exit code 7", "(build.step-failed)"] {
        assert!(run.stdout.contains(words), "{words}\n{run}");
    }
    let logs = installation.succeed(&["logs", "--service", "bad"]);
    assert!(logs.stdout.contains("the-reason"), "{logs}");
}

#[test]
fn what_was_built_before_another_build_failed_is_kept() {
    let installation = with(&[]);
    let mut gate = Gate::new(&installation, "gate");
    let good = made_by("good", "[cp, actor, copy]");
    let late = format!("{}, {BROKEN}", gate.step());
    rewrite(&installation, &[good.clone(), made_by("bad", &late)]);
    let mut going = Going::new(&installation, &["deploy"]);
    let pushed = going.until(|event| is(event, "step.ended", "good", "push"));
    assert_eq!(pushed["result"], "succeeded", "{pushed}");
    gate.admit(1);
    let failed = going.until(|event| is(event, "step.ended", "bad", "build"));
    assert_eq!(failed["result"], "failed", "{failed}");
    let (_, run) = going.end();
    assert_eq!(run.code, Some(1), "{run}");
    rewrite(&installation, &[good, made_by("bad", "[cp, actor, copy]")]);
    is_not_built_again(&installation);
}

#[test]
fn a_build_that_ran_when_another_failed_is_let_finish_and_is_kept() {
    let installation = with(&[]);
    let (mut gate, mut late) = (
        Gate::new(&installation, "gate"),
        Gate::new(&installation, "late"),
    );
    let good = made_by("good", &gate.step());
    let bad = made_by("bad", &format!("{}, {BROKEN}", late.step()));
    rewrite(&installation, &[good.clone(), bad]);
    let mut going = Going::new(&installation, &["deploy"]);
    going.until(|event| is(event, "step.started", "good", "build"));
    late.admit(1);
    going.until(|event| is(event, "step.ended", "bad", "build"));
    // A second one, so that a build that runs again is seen instead of waited for.
    gate.admit(2);
    let (events, run) = going.all();
    assert_eq!(run.code, Some(1), "{run}");
    let built = events.iter().find(|e| is(e, "step.ended", "good", "build"));
    assert_eq!(built.unwrap()["result"], "succeeded", "{events:#?}");
    rewrite(&installation, &[good, made_by("bad", "[cp, actor, copy]")]);
    is_not_built_again(&installation);
}
