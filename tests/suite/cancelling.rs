//! Cancel, softly and by force, wherever a deployment may be: it ends within the grace period
//! and a moment, and nothing of what it began goes on.
//!
//! Measured is between the facts of the journal. How much longer than promised it may take is
//! measured as well: a slow or loaded machine is slow for a small command, too.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::driving::actors;
use crate::environment::{free_port, job, server, with};
use crate::going::Going;
use crate::installation::Installation;

const GRACE: Duration = Duration::from_secs(2);
/// What is promised on top of it.
const MOMENT: Duration = Duration::from_secs(1);
/// How many small commands a machine could have run beyond that.
const SLACK: u32 = 20;
/// A small command takes at least this long: below it a machine tells nothing of itself.
const SMALL: Duration = Duration::from_millis(200);

/// Where a deployment is when it is cancelled.
struct Place {
    what: &'static str,
    service: String,
    /// It is there when this is told.
    reached: fn(&Value) -> bool,
    /// Is it known of what was ended there by force that nothing goes on?
    is_sure: bool,
}

fn starts(event: &Value, step: &str) -> bool {
    event["event"] == "step.started" && event["step"] == step
}

fn says(event: &Value, words: &str) -> bool {
    let message = event["message"].as_str();
    event["event"] == "step.log" && message.is_some_and(|message| message.contains(words))
}

/// A service that is built by these words of a shell.
fn built_by(words: &str) -> String {
    let build = format!(
        r#"build: {{ plugin: "builtin:command", with: {{ steps: [[sh, -c, "{words}"]], outputs: [actor] }} }}"#
    );
    server("web", free_port(), "never").replace(
        r#"build: { plugin: "builtin:static", with: { target: /app } }"#,
        &build,
    )
}

fn places(silent: u16) -> Vec<Place> {
    let sick = server("web", free_port(), "never")
        .replace("within: 10s", "within: 10m")
        .replace("variables: {", "variables: { SICK: \"yes\",");
    let commit = "0123456789abcdef0123456789abcdef01234567";
    let source = format!(
        "source: {{ git: \"https://127.0.0.1:{silent}/silent.git\", commit: {commit}, path: app }}"
    );
    vec![
        Place {
            what: "a build's process tree",
            service: built_by("setsid sleep 86400 & echo it goes on; sleep 86400"),
            reached: |event| says(event, "it goes on"),
            is_sure: true,
        },
        Place {
            what: "a build that does not listen",
            service: built_by("trap '' TERM INT; echo it goes on; while :; do sleep 86400; done"),
            reached: |event| says(event, "it goes on"),
            is_sure: true,
        },
        Place {
            what: "a clone from a server that says nothing",
            service: server("web", free_port(), "never").replace("source: { path: app }", &source),
            reached: |event| event["event"] == "service.assessing",
            is_sure: true,
        },
        Place {
            what: "a wait for health",
            service: sick,
            reached: |event| says(event, "waiting until it is ready"),
            is_sure: false,
        },
        Place {
            what: "a job that hangs with its children",
            service: job("web", "hang"),
            reached: |event| starts(event, "deploy"),
            is_sure: false,
        },
    ]
}

fn cancel(place: &Place, force: bool) {
    let what = place.what;
    let installation: Installation = with(std::slice::from_ref(&place.service));
    installation.configure("cancel_grace: 2s\n");
    let mut going = Going::new(&installation, &["deploy"]);
    going.until(place.reached);
    let words: &[&str] = if force {
        &["cancel", "--force", "test-1"]
    } else {
        &["cancel", "test-1"]
    };
    let before = small_command(&installation);
    installation.succeed(words);
    let (events, run) = going.end();
    let small = before.max(small_command(&installation)).max(SMALL);
    assert_eq!(run.code, Some(3), "{what}\n{run}");
    let last = events.last().unwrap();
    assert_eq!(last["result"], "cancelled", "{what}: {last}");

    let took = from_cancel_to_end(&installation);
    let promised = if force { MOMENT } else { GRACE + MOMENT };
    let most = promised + small * SLACK;
    assert!(took < most, "{what} took {took:?}, not {most:?} at most");

    let unconfirmed: Vec<&Value> = events
        .iter()
        .filter(|event| event["result"] == "cancel-unconfirmed")
        .collect();
    if force && !place.is_sure {
        return;
    }
    assert!(unconfirmed.is_empty(), "{what}: {unconfirmed:?}");
    let left = actors(&installation);
    assert!(left.is_empty(), "{what}: {left:?} goes on");
}

/// How long a command takes here that does next to nothing.
fn small_command(installation: &Installation) -> Duration {
    let begin = Instant::now();
    installation.succeed(&["history", "test"]);
    begin.elapsed()
}

/// Between what the driver wrote down when it was asked and when it was done.
fn from_cancel_to_end(installation: &Installation) -> Duration {
    let rows = installation.succeed(&["journal", "export"]).json();
    let time_of = |name: &str| {
        let mut facts = rows.iter().filter(|row| row["kind"] == "fact");
        let found = facts.find(|row| {
            let fact: Value = serde_json::from_str(row["body"].as_str().unwrap()).unwrap();
            fact["fact"] == name
        });
        found.expect(name)["time_ms"].as_u64().unwrap()
    };
    Duration::from_millis(time_of("deployment-ended") - time_of("cancel-requested"))
}

#[test]
fn wherever_it_is_a_deployment_ends_within_the_grace_period() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    for place in places(port) {
        cancel(&place, false);
    }
}

#[test]
fn by_force_it_ends_at_once() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    for place in places(port) {
        cancel(&place, true);
    }
}
