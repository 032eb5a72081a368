//! `status`: what runs, what waits for what, and what is asked of an environment next.

use std::sync::Arc;

use anyhow::Result;
use futures::future::join_all;
use serde::Serialize;
use stagewright_journal::{EnvironmentLock, State as LifeOfDeployment};
use stagewright_pipeline::environment::Schedule;
use stagewright_pipeline::{Ledger, Record, State, Timestamp};

use super::arguments::{Named, Output};
use super::view::{colour, instant};
use super::{Exit, print, target};
use crate::compose::Host;
use crate::description::Description;
use crate::executor::{observe, read_ledger};
use crate::follow::{Follower, Update};

/// What is known of one service.
#[derive(Debug, Serialize)]
struct Row {
    service: String,
    #[serde(rename = "type")]
    kind: String,
    stage: String,
    /// As its deployer sees it at this moment, else as it was last recorded.
    condition: String,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deployment: Option<u64>,
    /// When a job runs by the clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    schedule: Option<Clockwork>,
    /// What it does, or waits for, in the deployment that runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    now: Option<String>,
    /// The instant that it waits for, in RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
    /// When the step that it does is ended by force, in RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    deadline: Option<String>,
    /// The last thing that the step said, such as what it waits for itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    said: Option<String>,
}

/// The schedule of a job.
#[derive(Debug, Serialize)]
struct Clockwork {
    fields: String,
    /// When it is due next, in RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    /// The same for people.
    #[serde(skip)]
    words: String,
}

/// Which process drives the environment.
#[derive(Debug, Serialize)]
struct Driver {
    pid: u32,
    /// In RFC 3339.
    since: String,
    command: String,
}

#[derive(Debug, Serialize)]
struct Report {
    environment: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    running: Option<String>,
    /// Begun, and nobody drives it.
    #[serde(skip_serializing_if = "Option::is_none")]
    interrupted: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    driver: Option<Driver>,
    queued: Vec<String>,
    services: Vec<Row>,
}

pub(crate) async fn run(host: &Arc<Host>, named: &Named, output: Output) -> Result<Exit> {
    let environment = target::environment(host, named.environment.as_deref()).await?;
    let ledger = read_ledger(&*host.journal, &environment).await?;
    let mut queued = Vec::new();
    let mut running = None;
    for deployment in host.journal.unfinished(&environment).await? {
        match deployment.state {
            LifeOfDeployment::Queued => queued.push(deployment.id.to_string()),
            _ => running = Some(deployment.id),
        }
    }
    let current = match &running {
        Some(id) => {
            let mut follower =
                Follower::new(Arc::clone(&host.journal), &host.home, id.clone()).await?;
            // The first reading finds which attempts go on, the second what they have said.
            follower.read().await?;
            let said = follower.read().await?;
            Some((follower, said))
        }
        None => None,
    };
    let now = host.clock.now();
    let description = observe::standing(host, &environment).await?;
    // All at once, so that those that do not answer are waited for together.
    let services = description.subjects.iter().map(async |subject| {
        let name = subject.service.name.as_str();
        let mut row = row(&description, &ledger, name, now);
        if let Some(record) = ledger
            .service(name)
            .filter(|record| !record.instances.is_empty())
        {
            observed(host, &description, record, &mut row).await;
        }
        if let Some((follower, updates)) = &current {
            row.note(follower.state(), updates, now);
        }
        row
    });
    let services = join_all(services).await;
    let is_driven = EnvironmentLock::is_held(&host.home.locks(), &environment)?;
    let driver = EnvironmentLock::held_by(&host.home.locks(), &environment)?;
    let begun = running.map(|id| id.to_string());
    let (running, interrupted) = if is_driven {
        (begun, None)
    } else {
        (None, begun)
    };
    let report = Report {
        environment,
        running,
        interrupted,
        driver: driver.map(|holder| Driver {
            pid: holder.pid,
            since: holder.since,
            command: holder.command,
        }),
        queued,
        services,
    };
    match output {
        Output::Json => print::json(&report)?,
        Output::Text => text(&report)?,
    }
    Ok(Exit::Success)
}

fn row(description: &Description, ledger: &Ledger, name: &str, now: Timestamp) -> Row {
    let service = description.subject(name).map(|subject| &subject.service);
    let stage = service.and_then(|service| description.environment.stages.get(service.stage));
    let record = ledger.service(name);
    let deployed = record.and_then(|record| record.deployed.as_ref());
    let is_skipped = service.is_some_and(|service| service.skip);
    let is_orphan = description.environment.service(name).is_none();
    let detail = match (is_skipped, is_orphan) {
        (true, _) => "marked `skip` in the environment file",
        (_, true) => "no longer in the environment file",
        _ => "",
    };
    Row {
        service: name.to_owned(),
        kind: service
            .map(|service| service.kind.to_string())
            .unwrap_or_default(),
        stage: stage.map(|stage| stage.name.clone()).unwrap_or_default(),
        condition: record
            .and_then(|record| record.condition.clone())
            .unwrap_or_else(|| "not deployed".to_owned()),
        detail: detail.to_owned(),
        reference: deployed.and_then(|deployed| deployed.reference.clone()),
        deployment: deployed.map(|deployed| deployed.deployment),
        schedule: service
            .and_then(|service| service.schedule.as_ref())
            .map(|schedule| clockwork(schedule, now)),
        now: None,
        until: None,
        deadline: None,
        said: None,
    }
}

fn clockwork(schedule: &Schedule, now: Timestamp) -> Clockwork {
    let next = schedule.after(now);
    let due = next.map(|next| format!(", due at {}", instant::at(next, now)));
    Clockwork {
        fields: schedule.to_string(),
        next: next.map(|next| next.to_string()),
        words: format!("by the clock, {schedule}{}", due.unwrap_or_default()),
    }
}

/// Replaces what was recorded by what there is.
async fn observed(host: &Arc<Host>, description: &Description, record: &Record, row: &mut Row) {
    match observe::one(host, description, record, &row.service).await {
        Ok((condition, detail)) => {
            row.condition = condition;
            if row.detail.is_empty() {
                row.detail = detail;
            }
        }
        Err(failure) => row.detail = format!("cannot be observed: {failure}"),
    }
}

impl Row {
    /// What the service does in the deployment that runs.
    fn note(&mut self, state: &State, updates: &[Update], now: Timestamp) {
        let course = state.course();
        let Some(service) = course.find(&self.service) else {
            return;
        };
        if let Some(step) = state.running().find(|step| step.service == service) {
            let until = instant::at(step.deadline, now);
            self.now = Some(format!(
                "{} runs in slot {}; it has until {until}",
                step.step, step.slot
            ));
            self.deadline = Some(step.deadline.to_string());
            self.said = updates.iter().rev().find_map(|update| match update {
                Update::Said(said) => {
                    let attempt = &said.attempt;
                    let is_its = attempt.service == self.service && attempt.step == step.step;
                    is_its.then(|| said.record.words())
                }
                Update::Fact { .. } => None,
            });
        } else if let Some(wait) = state.waiting(service) {
            self.now = Some(instant::waits(&wait, course, now));
            self.until = wait.until().map(|until| until.to_string());
        }
    }

    fn words(&self, width: usize) -> String {
        let number = |number| format!("#{number}");
        let deployment = self.deployment.map_or_else(|| "-".to_owned(), number);
        let now = self.now.iter().map(|now| match &self.said {
            Some(said) => format!("[{now}: {said}]"),
            None => format!("[{now}]"),
        });
        let clock = self.schedule.iter().map(|clock| clock.words.clone());
        let detail = Some(self.detail.clone()).filter(|detail| !detail.is_empty());
        let rest: Vec<String> = detail.into_iter().chain(clock).chain(now).collect();
        let condition = colour::state(&format!("{:<12}", self.condition));
        let line = format!(
            "  {:<width$}  {:<11}  {condition}  {deployment:>5}  {}",
            self.service,
            self.kind,
            rest.join("  "),
        );
        line.trim_end().to_owned()
    }
}

fn text(report: &Report) -> Result<()> {
    print::line(&format!("environment {}", report.environment))?;
    if let Some(running) = &report.running {
        let word = colour::state("running");
        let driver = report.driver.as_ref();
        let driver = driver.map(|driver| {
            let Driver {
                pid,
                since,
                command,
            } = driver;
            format!(", driven by pid {pid} since {since}, which {command}")
        });
        print::line(&format!("{word}: {running}{}", driver.unwrap_or_default()))?;
    }
    if let Some(interrupted) = &report.interrupted {
        let word = colour::state("interrupted");
        print::line(&format!(
            "{word}: {interrupted}; `stagewright resume` goes on"
        ))?;
    }
    if !report.queued.is_empty() {
        let word = colour::state("queued");
        print::line(&format!("{word}: {}", report.queued.join(", ")))?;
    }
    let width = report
        .services
        .iter()
        .map(|row| row.service.len())
        .max()
        .unwrap_or(0);
    for row in &report.services {
        print::line(&row.words(width))?;
    }
    Ok(())
}
