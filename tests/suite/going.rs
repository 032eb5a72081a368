//! A run of the program that is watched while it goes on.

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::installation::{Installation, Run};

/// A run of the program whose events are read as they come.
pub struct Going {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    seen: Vec<Value>,
}

impl Going {
    pub fn new(installation: &Installation, arguments: &[&str]) -> Self {
        let mut command = installation.command(arguments);
        command
            .arg("--output")
            .arg("json")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self {
            child,
            lines,
            seen: Vec::new(),
        }
    }

    /// Reads on to the first event that fits.
    pub fn until(&mut self, fits: impl Fn(&Value) -> bool) -> Value {
        while let Some(event) = self.next() {
            let is_it = fits(&event);
            self.seen.push(event.clone());
            if is_it {
                return event;
            }
        }
        panic!(
            "the run ended before the event came, after {:#?}",
            self.seen
        );
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// The remaining events, and how it ended.
    pub fn end(mut self) -> (Vec<Value>, Run) {
        let rest = std::iter::from_fn(|| self.next()).collect();
        (rest, self.child.wait_with_output().unwrap().into())
    }

    /// All events since it began, and how it ended.
    pub fn all(mut self) -> (Vec<Value>, Run) {
        let mut events = std::mem::take(&mut self.seen);
        let (rest, run) = self.end();
        events.extend(rest);
        (events, run)
    }

    fn next(&mut self) -> Option<Value> {
        let line = self.lines.next()?.unwrap();
        Some(serde_json::from_str(&line).unwrap())
    }
}
