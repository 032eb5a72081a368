//! `logs`: what the steps of a deployment wrote, or what a running release prints.

use std::sync::Arc;

use anyhow::{Context, Result, bail};
use stagewright_journal::DeploymentId;
use stagewright_pipeline::Action;
use stagewright_pipeline::environment::Variable;
use stagewright_runtime::Redactor;

use super::arguments::{Logs, Output};
use super::view::{self, said_text};
use super::{Exit, drive, print, target};
use crate::compose::Host;
use crate::executor::sealed_values;
use crate::follow::{Follower, Update};
use crate::logs::{LogReader, Said};
use crate::resolve::standing;

/// How many of the last lines of a release are shown.
const TAIL: usize = 200;

pub(crate) async fn run(host: &Arc<Host>, logs: &Logs, output: Output) -> Result<Exit> {
    let deployment = target::deployment(host, logs.target.as_deref()).await?;
    let id = deployment.id;
    if let (true, Some(service)) = (logs.release, &logs.service) {
        return of_release(host, id.environment(), service, output).await;
    }
    let name = id.to_string();
    let wanted = |said: &Said| {
        logs.service
            .as_ref()
            .is_none_or(|only| *only == said.attempt.service)
    };
    if !logs.follow {
        let mut reader = LogReader::new(host.home.logs(&name));
        let mut said = Vec::new();
        for attempt in reader.attempts()? {
            said.extend(reader.read(&attempt)?.into_iter().filter(wanted));
        }
        said.sort_by(|one, other| one.record.time().cmp(other.record.time()));
        return said
            .iter()
            .try_for_each(|said| show(&name, said, output))
            .map(|()| Exit::Success);
    }
    follow(host, id, &wanted, output).await
}

/// Shows what is said until the deployment ends, or nobody drives it any more.
async fn follow(
    host: &Arc<Host>,
    id: DeploymentId,
    wanted: &dyn Fn(&Said) -> bool,
    output: Output,
) -> Result<Exit> {
    let name = id.to_string();
    let mut follower = Follower::new(Arc::clone(&host.journal), &host.home, id.clone()).await?;
    loop {
        let updates = tokio::select! {
            updates = follower.next() => match updates? {
                Some(updates) => updates,
                None => return Ok(Exit::Success),
            },
            free = drive::wait_for_driver(host, id.environment()), if follower.has_begun() => {
                free?;
                let rest = follower.read().await?;
                if rest.is_empty() && !follower.has_ended().await? {
                    print::note(&format!("nobody drives {id}; `stagewright resume` goes on"));
                    return Ok(Exit::Lost);
                }
                rest
            }
        };
        for update in updates {
            if let Update::Said(said) = update
                && wanted(&said)
            {
                show(&name, &said, output)?;
            }
        }
    }
}

fn show(deployment: &str, said: &Said, output: Output) -> Result<()> {
    match output {
        Output::Json => print::json(&view::said_event(deployment, said)?),
        Output::Text => said_text(said).map_or(Ok(()), |text| print::line(&text)),
    }
}

async fn of_release(host: &Host, environment: &str, service: &str, output: Output) -> Result<Exit> {
    let releases = host
        .runtime()?
        .supervisor()
        .service(environment, service)?
        .releases()?;
    let Some(newest) = releases.first() else {
        bail!("{service} of `{environment}` has no release on this machine");
    };
    let lines = newest
        .tail(TAIL)
        .with_context(|| format!("the log of {service} is unreadable"))?;
    let redactor = secrets_of(host, environment, service).await?;
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

/// What must not be shown of what a service prints.
async fn secrets_of(host: &Host, environment: &str, service: &str) -> Result<Redactor> {
    let redactor = Redactor::new();
    let standing = standing(host, environment, Action::Restart, &[], false).await?;
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
