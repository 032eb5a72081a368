//! A run of the program that is watched while it goes on.

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::installation::{Installation, Run};

/// A run of the program whose events are read as they come.
pub struct Going {
    child: Leader,
    lines: Lines<BufReader<ChildStdout>>,
    seen: Vec<Value>,
}

/// A program that does not outlive a test that fails: who would end it could wait for it.
struct Leader(Option<Child>);

impl Drop for Leader {
    fn drop(&mut self) {
        if let Some(child) = self.0.as_mut().filter(|_| std::thread::panicking()) {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Leader {
    fn get(&self) -> &Child {
        self.0.as_ref().unwrap()
    }

    fn end(mut self) -> Run {
        self.0.take().unwrap().wait_with_output().unwrap().into()
    }
}

impl Going {
    pub fn new(installation: &Installation, arguments: &[&str]) -> Self {
        let mut command = installation.command(arguments);
        command.args(["--output", "json"]);
        Self::of(command)
    }

    /// A run that prints its events.
    pub fn of(mut command: Command) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self {
            child: Leader(Some(child)),
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
            "the run ended before the event came, {:?}, after {:#?}",
            self.stderr(),
            self.seen
        );
    }

    /// What was told beside the events, when it has ended.
    fn stderr(&mut self) -> String {
        let child = self.child.0.as_mut().unwrap();
        let stderr = child.stderr.take().unwrap();
        std::io::read_to_string(stderr).unwrap()
    }

    /// The id of the process that is watched.
    pub fn pid(&self) -> u32 {
        self.child.get().id()
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(self.child.get()), signal).unwrap();
    }

    /// The remaining events, and how it ended.
    pub fn end(mut self) -> (Vec<Value>, Run) {
        let rest = std::iter::from_fn(|| self.next()).collect();
        (rest, self.child.end())
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
