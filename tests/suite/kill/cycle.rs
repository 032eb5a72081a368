//! One installation, and what is done in it: an act, a kill in it, and going on.

use std::collections::HashSet;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

use super::account::Account;
use super::check;
use super::course::{self, Act, Ports};
use super::points::{Kills, Point};
use super::{EXECUTIONER, Tally};
use crate::garbage::age;
use crate::installation::{Installation, PROGRAM, Run};

/// The exit code of a program that SIGKILL ended.
const KILLED: i32 = 137;
/// The exit code of an executioner that cannot do its work.
const NOT_WATCHED: i32 = 125;

/// Seconds that a run of the program may take; what is ended then has code 124.
const LONGEST: &str = "600";

/// An installation in which one act follows another.
pub struct Cycles {
    pub installation: Installation,
    pub ports: Ports,
    /// Of the files that were written last.
    pub generation: u32,
    /// The number of the last deployment.
    pub deployments: u64,
    /// The deployment whose servers are there, and the one that it replaced.
    pub serving: Served,
    pub replaced: Served,
    /// Blobs whose content was found to be what their names say.
    pub verified: HashSet<PathBuf>,
}

/// Servers that were deployed together.
#[derive(Clone, Default)]
pub struct Served {
    /// The deployment that their releases are named by.
    pub deployment: String,
    /// Of the files that they were made from.
    pub generation: u32,
}

/// What is known after an act.
pub struct Done {
    pub act: Act,
    /// The killed run's events, then those that the next one read in the journal.
    pub told: Vec<Value>,
    pub resumed: Vec<Value>,
    /// What had run before, and when the host was dead.
    pub before: Account,
    pub account: Account,
    pub was_killed: bool,
    /// How the last run of the program ended.
    pub run: Run,
}

impl Cycles {
    pub fn new() -> Self {
        Self {
            installation: Installation::new(),
            ports: Ports::free(),
            generation: 0,
            deployments: 0,
            serving: Served::default(),
            replaced: Served::default(),
            verified: HashSet::new(),
        }
    }

    /// Runs an act under the executioner, who only counts; its report.
    pub fn undisturbed(&mut self, act: Act) -> String {
        let (done, report) = self.go(act, None);
        let violations = check::violations(self, &done);
        assert!(
            violations.is_empty(),
            "undisturbed: {violations:#?}\n{}",
            done.run
        );
        report
    }

    /// Runs all acts, with a kill in each that has a point. False: the world and the journal
    /// disagree, and this installation is good for nothing any more.
    pub fn run(&mut self, kills: &Kills, tally: &Mutex<Tally>) -> bool {
        for act in Act::ALL {
            let point = kills.get(&act);
            if !act.is_needed(|act| kills.contains_key(&act)) {
                continue;
            }
            let (done, report) = self.go(act, point);
            let violations = check::violations(self, &done);
            let is_well = violations.is_empty();
            let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
            match point {
                Some(point) if done.was_killed => tally.killed.push((act, point.clone())),
                Some(_) => tally.passed_by += 1,
                None => {}
            }
            if !is_well {
                tally
                    .violations
                    .push(story(act, point, &violations, &report, &done));
                return false;
            }
        }
        true
    }

    /// Runs an act, and goes on with it when the host was killed.
    fn go(&mut self, act: Act, point: Option<&Point>) -> (Done, String) {
        let back_to = self.replaced.deployment.clone();
        self.prepare(act);
        let arguments = act.arguments(&back_to);
        let before = Account::read(&self.installation);
        let report = self.installation.project().join("report");
        let report_path = report.display().to_string();
        let point = point.map_or("none".to_owned(), Point::to_string);
        let mut words = vec![report_path.as_str(), &point, PROGRAM];
        words.extend(&arguments);
        let (told, mut run) = self.see(EXECUTIONER, &words, act, false);
        assert_ne!(
            run.code,
            Some(NOT_WATCHED),
            "the host cannot be watched\n{run}"
        );
        let account = Account::read(&self.installation);
        let was_killed = run.code == Some(KILLED);
        let mut resumed = Vec::new();
        if was_killed {
            if self.newest() == self.deployments {
                // It was killed before it had asked for anything that lasts.
                (resumed, run) = self.see(PROGRAM, &arguments, act, false);
            } else {
                let words = ["resume", "--output", "json"];
                (resumed, run) = self.see(PROGRAM, &words, act, self.is_interrupted());
            }
        }
        let report = std::fs::read_to_string(report).unwrap_or_default();
        let done = Done {
            act,
            told,
            resumed,
            before,
            account,
            was_killed,
            run,
        };
        (done, report)
    }

    /// Writes the files of an act, and what will serve after it.
    fn prepare(&mut self, act: Act) {
        let id = |number| format!("test-{}", self.deployments + number);
        if act.deploys() {
            self.generation += 1;
            course::write(&self.installation, &self.ports, self.generation, act);
        }
        match act {
            Act::Install | Act::Replace | Act::Cancel => {
                let serving = Served {
                    deployment: id(1),
                    generation: self.generation,
                };
                self.replaced = std::mem::replace(&mut self.serving, serving);
            }
            Act::Rollback => {
                let serving = Served {
                    deployment: id(1),
                    generation: self.replaced.generation,
                };
                self.replaced = std::mem::replace(&mut self.serving, serving);
            }
            Act::Undo => self.serving.deployment = id(2),
            Act::Gc => {
                // What is young stays, so nothing would go.
                for folder in ["images", "components"] {
                    age(&self.installation.state().join(folder));
                }
            }
            Act::Restart | Act::Stop | Act::Start | Act::Destroy => {}
        }
    }

    /// The number of the newest deployment.
    pub fn newest(&self) -> u64 {
        let history = ["history", "test", "--limit", "1", "--output", "json"];
        let history = self.installation.run(&history);
        let id = history.stdout.lines().next().and_then(|line| {
            let deployment: Value = serde_json::from_str(line).ok()?;
            let (_, number) = deployment["id"].as_str()?.rsplit_once('-')?;
            number.parse().ok()
        });
        id.unwrap_or(0)
    }

    /// Has a deployment begun that nobody drives?
    fn is_interrupted(&self) -> bool {
        let status = ["status", "test", "--output", "json"];
        let status = self.installation.run(&status);
        status
            .json()
            .iter()
            .any(|status| status["interrupted"].is_string())
    }

    /// Runs a program and reads its events; has the deployment cancelled where that is the act.
    fn see(&self, program: &str, words: &[&str], act: Act, resumes: bool) -> (Vec<Value>, Run) {
        let bounded = [&[LONGEST, program], words].concat();
        let mut child = self
            .installation
            .command_of("timeout", &bounded)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut events = Vec::new();
        let mut goes_on = !resumes;
        let mut hangs = false;
        let mut asked = false;
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            // The killed do not end their last sentence.
            let Ok(event) = serde_json::from_str::<Value>(&line.unwrap()) else {
                break;
            };
            goes_on |= event["event"] == "deployment.resumed";
            hangs |= event["event"] == "step.started"
                && event["service"] == "endless"
                && event["step"] == "deploy";
            if act == Act::Cancel && goes_on && hangs && !asked {
                asked = true;
                // It fails when the host is killed meanwhile, or was asked before.
                self.installation.run(&["cancel", "test"]);
            }
            events.push(event);
        }
        (events, child.wait_with_output().unwrap().into())
    }
}

/// What is told of a kill that did not end well.
fn story(
    act: Act,
    point: Option<&Point>,
    violations: &[String],
    report: &str,
    done: &Done,
) -> String {
    let point = point.map_or("no kill".to_owned(), Point::to_string);
    let last: Vec<&str> = report.lines().rev().take(8).collect();
    let events: Vec<String> = done
        .resumed
        .iter()
        .filter(|event| event["seq"].is_u64())
        .map(brief)
        .collect();
    format!(
        "{act:?} {point}:\n  {}\nlast effects, newest first:\n  {}\nevents of the resumed run:\n  {}\n{}",
        violations.join("\n  "),
        last.join("\n  "),
        events.join("\n  "),
        done.run.stderr,
    )
}

/// An event in a few words.
fn brief(event: &Value) -> String {
    let words = [
        "seq", "event", "service", "step", "attempt", "result", "error",
    ]
    .into_iter()
    .filter_map(|field| event.get(field).map(Value::to_string));
    words.collect::<Vec<_>>().join(" ")
}
