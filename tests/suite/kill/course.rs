//! What is deployed while the host is killed: a database with data, jobs of which one fails
//! first and one always, and an application that is built by programs and uses what a job
//! answered. Each deployment is of another generation, so that everything is done again.

use crate::environment::{add_actor, free_port};
use crate::installation::Installation;

/// A deployment of a cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Act {
    /// Where nothing is deployed.
    Install,
    /// Over what the one before it left.
    Replace,
    /// Back to what was there before the last replacement.
    Rollback,
    /// As `Replace`, and what it replaced is brought back by itself, because a job fails.
    Undo,
    /// The servers are stopped and started again at once.
    Restart,
    Stop,
    Start,
    /// As `Replace`, and cancelled while a job runs that never ends.
    Cancel,
    /// What nobody needs any more is removed.
    Gc,
    /// Everything goes, with its data.
    Destroy,
}

impl Act {
    pub const ALL: [Self; 10] = [
        Self::Install,
        Self::Replace,
        Self::Rollback,
        Self::Undo,
        Self::Restart,
        Self::Stop,
        Self::Start,
        Self::Cancel,
        Self::Gc,
        Self::Destroy,
    ];

    /// As it is asked for and reported.
    pub fn name(self) -> String {
        format!("{self:?}").to_lowercase()
    }

    /// Are services built and deployed in it?
    pub fn deploys(self) -> bool {
        matches!(
            self,
            Self::Install | Self::Replace | Self::Undo | Self::Cancel
        )
    }

    /// Does it end with services as they were before?
    pub fn goes_back(self) -> bool {
        matches!(self, Self::Rollback | Self::Undo)
    }

    /// Do the servers run after it?
    pub fn serves(self) -> bool {
        !matches!(self, Self::Stop | Self::Destroy)
    }

    /// What has to be done for the acts that follow in the same cycle, when these have points.
    pub fn is_needed(self, has_point: impl Fn(Self) -> bool) -> bool {
        match self {
            Self::Install | Self::Destroy => true,
            Self::Stop | Self::Start => has_point(Self::Stop) || has_point(Self::Start),
            // Without one there is nothing to go back to, and nothing to collect.
            Self::Replace => [Self::Replace, Self::Rollback, Self::Gc]
                .into_iter()
                .any(has_point),
            other => has_point(other),
        }
    }

    /// The words of the program; `back_to` is what a rollback goes back to.
    pub fn arguments(self, back_to: &str) -> Vec<&str> {
        let words: &[&str] = match self {
            Self::Install | Self::Replace | Self::Undo | Self::Cancel => &["deploy"],
            Self::Rollback => &["rollback", "test", "--to", back_to],
            Self::Restart => &["restart", "test"],
            Self::Stop => &["stop", "test"],
            Self::Start => &["start", "test"],
            Self::Gc => &["gc", "--history", "1"],
            Self::Destroy => &["destroy", "--yes", "--data"],
        };
        [words, &["--output", "json"]].concat()
    }

    /// How its deployments end when nobody is killed, oldest first.
    pub fn endings(self) -> &'static [&'static str] {
        match self {
            // One of its jobs is bound to fail, in a stage that goes on.
            Self::Install | Self::Replace => &["failed"],
            Self::Undo => &["failed", "succeeded"],
            Self::Cancel => &["cancelled"],
            Self::Rollback | Self::Restart | Self::Stop | Self::Start | Self::Destroy => {
                &["succeeded"]
            }
            Self::Gc => &[],
        }
    }
}

/// The services that are there, and serve, after each act but the last.
pub const SERVERS: [&str; 2] = ["db", "made"];
/// How often the program of each job begins to run in a deployment.
pub const JOBS: [(&str, usize); 3] = [("tally", 1), ("late", 2), ("broken", 1)];

/// Where the servers listen.
pub struct Ports {
    pub db: u16,
    pub made: u16,
}

impl Ports {
    pub fn free() -> Self {
        let db = free_port();
        let made = std::iter::repeat_with(free_port).find(|port| *port != db);
        Self {
            db,
            made: made.unwrap_or_default(),
        }
    }
}

/// Writes the files of a generation.
pub fn write(installation: &Installation, ports: &Ports, generation: u32, act: Act) {
    if !installation.project().join("app/actor").exists() {
        add_actor(installation, "app");
    }
    installation.write("app/generation", &generation.to_string());
    let account = installation.project().join("account");
    let account = account.display();
    let Ports { db, made } = ports;
    let endless = match act {
        Act::Cancel => job("endless", r#"hang], stop_grace: 1s"#, "    stage: last\n"),
        _ => String::new(),
    };
    let jobs = [
        job("tally", &format!("job, generation={generation}]"), ""),
        job(
            "late",
            &format!(r#"flaky, "1", "{generation}"]"#),
            "    idempotent: true\n    retry: { max: 2, backoff: 20ms }\n",
        ),
        job("broken", r#"fail, "3"]"#, ""),
    ]
    .concat();
    let rollback = match act {
        Act::Undo => "rollback: automatic\n",
        _ => "",
    };
    let health = "interval: 200ms, timeout: 60s, within: 5m";
    let text = format!(
        r#"name: test
{rollback}variables: {{ ACCOUNT: "{account}" }}
stages:
  - {{ name: data, default_for: [database] }}
  - {{ name: jobs, default_for: [job], on_failure: continue }}
  - {{ name: apps, default_for: [application, container] }}
  - {{ name: last }}
services:
  db:
    type: database
    source: {{ path: app }}
    build: {{ plugin: "builtin:static", with: {{ target: /app }} }}
    deploy: {{ with: {{ command: [/app/actor, serve], stop_grace: 5s }} }}
    ports: [{{ name: sql, port: {db} }}]
    health: {{ tcp: {{ port: sql }}, {health} }}
    variables: {{ PORT: "{{{{db.port}}}}", GREETING: "{generation}" }}
{jobs}
  made:
    type: application
    source: {{ path: app }}
    build:
      with:
        steps: [[sh, -c, "echo build {generation} >> {account}; date > kept/now; cp actor made"]]
        outputs: [made, generation]
        caches: [kept]
    deploy: {{ with: {{ command: [/app/made, serve], stop_grace: 5s }} }}
    ports: [{{ name: http, port: {made} }}]
    health: {{ http: {{ port: http, path: /healthz }}, {health} }}
    variables: {{ PORT: "{{{{made.port}}}}", GREETING: "{{{{tally.generation}}}}" }}
    needs: [db]
{endless}"#
    );
    installation.write("stagewright.yaml", &text);
}

/// A job; `words` are the rest of its command, and what follows it.
fn job(name: &str, words: &str, more: &str) -> String {
    format!(
        r#"
  {name}:
    type: job
    source: {{ path: app }}
    build: {{ plugin: "builtin:static", with: {{ target: /app }} }}
    deploy: {{ with: {{ command: [/app/actor, {words} }} }}
{more}"#
    )
}
