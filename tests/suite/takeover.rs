//! A driver that loses its environment without knowing: it was stopped, and the file of its
//! lock was removed. It writes nothing more, and what it began is ended.

use std::cell::Cell;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open};
use serde_json::Value;

use crate::environment::{job, with};
use crate::gate::Gate;
use crate::going::Going;
use crate::installation::Installation;

/// Until a process that was told to end is taken for one that does not.
const PATIENCE: Timespec = Timespec {
    tv_sec: 120,
    tv_nsec: 0,
};

/// A job whose image is made by a step that says `ready` and goes on with these words.
fn made_by(name: &str, words: &str) -> String {
    job(name, "job, version=7")
        .replace("builtin:static", "builtin:command")
        .replace(
            "{ target: /app }",
            &format!("{{ steps: [[sh, -c, \"echo ready; {words}\"]], outputs: [actor] }}"),
        )
}

/// The process in a folder of an installation's state whose command line has these words.
fn process(installation: &Installation, words: &str) -> Pid {
    let found = std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .find(|process| {
            let command = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
            let command = String::from_utf8_lossy(&command).replace('\0', " ");
            let folder = std::fs::read_link(process.path().join("cwd"));
            command.trim() == words && folder.is_ok_and(|at| at.starts_with(installation.state()))
        });
    let name = found.expect(words).file_name().into_string().unwrap();
    Pid::from_raw(name.parse().unwrap()).unwrap()
}

fn said_ready(event: &Value) -> bool {
    event["event"] == "step.log" && event["message"] == "ready"
}

/// The facts of the journal of this kind, about builds.
fn facts(installation: &Installation, kind: &str) -> usize {
    let exported = installation
        .succeed(&["journal", "export", "--environment", "test"])
        .json();
    let bodies = exported.iter().filter(|row| row["kind"] == "fact");
    bodies
        .filter(|row| {
            assert_eq!(row["check"], "holds", "{row}");
            let fact: Value = serde_json::from_str(row["body"].as_str().unwrap()).unwrap();
            fact["fact"] == kind && fact["step"] == "build"
        })
        .count()
}

#[test]
fn a_stopped_driver_that_was_replaced_writes_nothing_more_and_leaves_nothing_running() {
    let installation = with(&[]);
    let mut gate = Gate::new(&installation, "gate");
    let read = format!("read -r _ < {}", gate.path());
    // Nobody is let through here. The shell waits itself, so its command line never changes.
    let wait = format!("read -r _ < {}", Gate::new(&installation, "never").path());
    crate::environment::rewrite(
        &installation,
        &[made_by("gated", &read), made_by("endless", &wait)],
    );
    let mut first = Going::new(&installation, &["deploy"]);
    // Builds begin in any order.
    let ready = Cell::new(0);
    first.until(|event| {
        ready.set(ready.get() + u32::from(said_ready(event)));
        ready.get() == 2
    });
    let endless = process(&installation, &format!("sh -c echo ready; {wait}"));
    let endless = pidfd_open(endless, PidfdFlags::empty()).unwrap();

    first.signal(Signal::STOP);
    std::fs::remove_file(installation.state().join("locks/test")).unwrap();
    let mut second = Going::new(&installation, &["resume"]);
    second.until(|event| event["event"] == "deployment.resumed");
    gate.admit(2);
    second.until(|event| event["event"] == "step.ended" && event["service"] == "gated");

    first.signal(Signal::CONT);
    let (_, lost) = first.end();
    assert_eq!(lost.code, Some(4), "{lost}");
    assert!(
        lost.stderr.contains("no longer drives environment `test`"),
        "{lost}"
    );
    assert!(lost.stderr.contains("taken over by pid"), "{lost}");
    let mut watched = [PollFd::new(&endless, PollFlags::IN)];
    let ended = poll(&mut watched, Some(&PATIENCE)).unwrap();
    assert_eq!(ended, 1, "a build of the driver that was replaced goes on");
    assert_eq!(facts(&installation, "step-ended"), 1);

    installation.succeed(&["cancel", "--force", "test-1"]);
    let (_, run) = second.end();
    assert_eq!(run.code, Some(3), "{run}");
    installation.succeed(&["journal", "check"]);
}
