//! The clock of the machine is set while a deployment runs, or between two drivers of it: no
//! deadline comes early, and none is lost.

use rustix::process::Signal;

use crate::environment::{job, rewrite, with};
use crate::gate::Gate;
use crate::going::Going;
use crate::installation::Installation;

const DAY: i64 = 24 * 3_600_000;

fn drifting() -> Installation {
    with(&[]).run_by(env!("CARGO_BIN_EXE_drifting"))
}

/// Sets the clock of the machine, and perhaps starts it anew.
fn set(installation: &Installation, millis: i64, boot: &str) {
    let file = installation.state().with_file_name("drift");
    let new = file.with_extension("new");
    std::fs::write(&new, format!("{millis}\n{boot}\n")).unwrap();
    std::fs::rename(new, file).unwrap();
}

/// A job that fails once, and is tried again after two seconds.
fn flaky() -> String {
    job("flaky", r#"flaky, "1""#) + "    idempotent: true\n    retry: { max: 1, backoff: 2s }\n"
}

/// A deployment of it, up to the pause before its second attempt.
fn pausing(installation: &Installation) -> Going {
    rewrite(installation, &[flaky()]);
    let mut going = Going::new(installation, &["deploy"]);
    going.until(|event| event["event"] == "step.retrying");
    going
}

#[test]
fn a_pause_is_no_longer_because_the_clock_was_set_back() {
    let installation = drifting();
    let going = pausing(&installation);
    set(&installation, -DAY, "first");
    let (events, run) = going.end();
    assert_eq!(run.code, Some(0), "{run}");
    assert_eq!(events.last().unwrap()["result"], "succeeded");
}

#[test]
fn a_pause_is_no_longer_because_the_clock_was_set_back_between_two_drivers() {
    let installation = drifting();
    set(&installation, 0, "first");
    let going = pausing(&installation);
    going.signal(Signal::KILL);
    going.end();
    set(&installation, -DAY, "first");
    installation.succeed(&["resume", "test"]);
}

/// A build that waits at the gate, with two minutes for it.
fn waiting(installation: &Installation, gate: &Gate) -> Going {
    let build = format!(
        "build: {{ plugin: \"builtin:command\", with: {{ steps: [{}], outputs: [actor] }} }}",
        gate.step()
    );
    let service = job("slow", "job").replace(
        r#"build: { plugin: "builtin:static", with: { target: /app } }"#,
        &build,
    ) + "    timeouts: { build: 2m }\n";
    rewrite(installation, &[service]);
    let mut going = Going::new(installation, &["deploy"]);
    going.until(|event| event["event"] == "step.started" && event["step"] == "build");
    going
}

#[test]
fn a_deadline_does_not_come_early_because_the_clock_was_set_forward() {
    let installation = drifting();
    let mut gate = Gate::new(&installation, "gate");
    let going = waiting(&installation, &gate);
    set(&installation, DAY, "first");
    gate.admit(1);
    let (_, run) = going.end();
    assert_eq!(run.code, Some(0), "{run}");
}

#[test]
fn a_deadline_does_not_come_early_because_the_clock_was_set_forward_between_two_drivers() {
    let installation = drifting();
    set(&installation, 0, "first");
    let mut gate = Gate::new(&installation, "gate");
    let going = waiting(&installation, &gate);
    going.signal(Signal::KILL);
    going.end();
    set(&installation, DAY, "first");
    // One for the build that lost its host, one for the one that is begun anew.
    gate.admit(2);
    installation.succeed(&["resume", "test"]);
}

#[test]
fn a_deadline_that_passed_while_the_machine_was_off_is_not_lost() {
    let installation = drifting();
    set(&installation, 0, "first");
    let gate = Gate::new(&installation, "gate");
    let going = waiting(&installation, &gate);
    going.signal(Signal::KILL);
    going.end();
    set(&installation, DAY, "second");
    let late = installation.run(&["resume", "test", "--output", "json"]);
    assert_eq!(late.code, Some(1), "{late}");
    assert!(late.stdout.contains("timed-out"), "{late}");
}
