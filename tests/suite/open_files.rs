//! How many files the host may have open, and how many the programs that it starts.

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::environment::{free_port, rewrite, server, with};
use crate::gate::Gate;
use crate::going::Going;
use crate::installation::PROGRAM;

/// The soft and the hard limit of a process.
fn limits(pid: u32) -> (String, String) {
    let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let mut numbers = line.unwrap().split_whitespace().skip(3).map(str::to_owned);
    (numbers.next().unwrap(), numbers.next().unwrap())
}

#[test]
fn the_host_takes_what_the_hard_limit_allows_and_programs_keep_the_soft_one() {
    let installation = with(&[]);
    let mut gate = Gate::new(&installation, "gate");
    let build = format!(
        "{{ steps: [[sh, -c, \"ulimit -Sn\"], {}], outputs: [actor] }}",
        gate.step()
    );
    let web = server("web", free_port(), "hi")
        .replace("builtin:static", "builtin:command")
        .replace("{ target: /app }", &build);
    rewrite(&installation, &[web]);
    let mut command = Command::new("sh");
    let own = installation.command(&[]);
    command
        .args([
            "-c",
            "ulimit -Sn 300 && exec \"$0\" deploy --output json",
            PROGRAM,
        ])
        .current_dir(installation.project())
        .envs(
            own.get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .stdin(Stdio::null());
    let mut going = Going::of(command);
    let said = going.until(|e| e["event"] == "step.log" && e["origin"] == "program");
    let (soft, hard) = limits(going.pid());
    gate.admit(1);
    let (_, run) = going.end();
    assert_eq!(run.code, Some(0), "{run}");
    assert_eq!(said["message"], Value::from("300"), "{said}");
    assert_eq!(soft, hard, "the host has all that it may have");
    assert_ne!(
        soft, "300",
        "the hard limit of this machine is too low for this test"
    );
}
