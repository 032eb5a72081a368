//! `logs`: what the steps of a deployment wrote, or what a running release prints.

use std::sync::Arc;

use anyhow::{Context, Result, bail};
use stagewright_journal::DeploymentId;
use stagewright_pipeline::environment::{Variable, near};
use stagewright_pipeline::{Action, Fact, Outcome, Timestamp, event};
use stagewright_runtime::Redactor;

use super::arguments::{Logs, Output};
use super::view::{self, colour, said_text};
use super::{Exit, drive, print, target};
use crate::compose::Host;
use crate::description::Description;
use crate::executor::sealed_values;
use crate::follow::{Follower, Update};
use crate::logs::Said;
use crate::resolve::standing;

/// How many of the last lines of a release are shown.
const TAIL: usize = 200;

pub(crate) async fn run(host: &Arc<Host>, logs: &Logs, output: Output) -> Result<Exit> {
    let deployment = target::deployment(host, logs.target.as_deref()).await?;
    let id = deployment.id;
    if let (true, Some(service)) = (logs.release, &logs.service) {
        return of_release(host, id.environment(), service, output).await;
    }
    let mut follower = Follower::new(Arc::clone(&host.journal), &host.home, id.clone()).await?;
    if let Some(service) = &logs.service
        && follower.state().course().find(service).is_none()
    {
        bail!(no_service(service, &id.to_string(), follower.description()));
    }
    let mut shown = Shown {
        deployment: id.to_string(),
        service: logs.service.as_deref(),
        output,
    };
    if logs.follow {
        return follow(host, &id, &mut follower, &mut shown).await;
    }
    // The first reading finds which attempts go on, the second one what they have said.
    for _ in 0..2 {
        let updates = follower.read().await?;
        shown.show(&follower, &updates)?;
    }
    Ok(Exit::Success)
}

/// Shows what is said until the deployment ends, or nobody drives it any more.
async fn follow(
    host: &Host,
    id: &DeploymentId,
    follower: &mut Follower,
    shown: &mut Shown<'_>,
) -> Result<Exit> {
    loop {
        let has_begun = follower.has_begun();
        let updates = tokio::select! {
            updates = follower.next() => match updates? {
                Some(updates) => updates,
                None => return Ok(Exit::Success),
            },
            free = drive::wait_for_driver(host, id.environment()), if has_begun => {
                free?;
                let rest = follower.read().await?;
                if rest.is_empty() && !follower.has_ended().await? {
                    print::note(&format!("nobody drives {id}; `stagewright resume` goes on"));
                    return Ok(Exit::Lost);
                }
                rest
            }
        };
        shown.show(follower, &updates)?;
    }
}

/// What is shown of a deployment: what its steps said, and why they failed.
struct Shown<'a> {
    deployment: String,
    service: Option<&'a str>,
    output: Output,
}

impl Shown<'_> {
    fn show(&mut self, follower: &Follower, updates: &[Update]) -> Result<()> {
        updates.iter().try_for_each(|update| match update {
            Update::Said(said) if self.is_wanted(&said.attempt.service) => self.said(said),
            Update::Said(_) => Ok(()),
            Update::Fact { seq, time_ms, fact } => {
                self.failed(follower, *seq, Timestamp(*time_ms), fact)
            }
        })
    }

    fn is_wanted(&self, service: &str) -> bool {
        self.service.is_none_or(|only| only == service)
    }

    fn said(&self, said: &Said) -> Result<()> {
        match self.output {
            Output::Json => print::json(&view::said_event(&self.deployment, said)?),
            Output::Text => said_text(said).map_or(Ok(()), |text| print::line(&text)),
        }
    }

    fn failed(&self, follower: &Follower, seq: u64, time: Timestamp, fact: &Fact) -> Result<()> {
        let Fact::StepEnded {
            service,
            step,
            outcome: Outcome::Failed(failure),
            ..
        } = fact
        else {
            return Ok(());
        };
        let course = follower.state().course();
        let name = course.service_name(*service);
        if !self.is_wanted(name) {
            return Ok(());
        }
        match self.output {
            Output::Json => print::json(&event(course, &self.deployment, seq, time, fact)),
            Output::Text => view::failure_lines(
                &format!("  {name} {step} {}", colour::state("failed")),
                failure,
            )
            .iter()
            .try_for_each(|line| print::line(line)),
        }
    }
}

async fn of_release(host: &Host, environment: &str, service: &str, output: Output) -> Result<Exit> {
    let releases = host
        .runtime()?
        .supervisor()
        .service(environment, service)?
        .releases()?;
    let standing = standing(host, environment, Action::Restart, &[], false).await?;
    let Some(newest) = releases.first() else {
        if standing.subject(service).is_none() {
            bail!(no_service(service, &format!("`{environment}`"), &standing));
        }
        bail!("{service} of `{environment}` has no release on this machine");
    };
    let lines = newest
        .tail(TAIL)
        .with_context(|| format!("the log of {service} is unreadable"))?;
    let redactor = secrets_of(host, environment, service, &standing).await?;
    for text in lines.iter().map(|line| harmless(&redactor.redact(line))) {
        match output {
            Output::Json => {
                print::json(&serde_json::json!({ "service": service, "message": text }))?;
            }
            Output::Text => print::line(&text)?,
        }
    }
    Ok(Exit::Success)
}

/// That there is no such service, and which there are.
fn no_service(service: &str, place: &str, description: &Description) -> String {
    let names = description
        .subjects
        .iter()
        .map(|subject| subject.service.name.as_str());
    let names = near::list(names).unwrap_or_else(|| "none".to_owned());
    format!("there is no service `{service}` in {place}; there are {names}")
}

/// What must not be shown of what a service prints. Its program's own secrets were taken out
/// as it printed them; it may have made others, or have been told some.
async fn secrets_of(
    host: &Host,
    environment: &str,
    service: &str,
    standing: &Description,
) -> Result<Redactor> {
    let redactor = Redactor::new();
    let variables = standing
        .subject(service)
        .map(|subject| &subject.service.variables);
    for variable in variables
        .into_iter()
        .flat_map(|variables| variables.values())
    {
        if let Variable::Secret(name) = variable
            && let Ok(value) = host.secrets.value(name).await
        {
            redactor.add(value.expose());
        }
    }
    for value in sealed_values(host, environment)? {
        redactor.add(&value);
    }
    Ok(redactor)
}

/// A line that cannot disturb a terminal.
fn harmless(line: &str) -> String {
    let shown = line.chars().map(|c| {
        if c.is_control() && c != '\t' {
            '\u{fffd}'
        } else {
            c
        }
    });
    shown.collect()
}
