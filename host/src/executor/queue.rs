//! Deployments that wait for their environment.
//!
//! The queue is in the journal: the deployments that have not ended, by number. Only the
//! order and the merging are decided here, by the pure queue of the core.

use std::sync::Arc;

use anyhow::{Context, Result, bail};
use stagewright_journal::{
    Append, Claim, Deployment, DeploymentId, JournalError, NewDeployment, State as Life,
};
use stagewright_pipeline::{Course, Fact, Input, Moment, Queue, Request, State, Timestamp, decide};

use super::Driver;
use crate::compose::Host;
use crate::control::Reply;
use crate::description::Description;
use crate::follow::read_description;

/// How many deployments of one environment may wait.
const MOST: usize = 100;

/// Records a deployment, to be driven by whoever drives the environment.
///
/// # Errors
/// When too many wait already, or the journal cannot be written.
pub(crate) async fn enqueue(
    host: &Host,
    description: &Description,
    trigger: &str,
) -> Result<DeploymentId> {
    let environment = &description.environment.name;
    let waiting = host.journal.unfinished(environment).await?;
    if waiting.len() >= MOST {
        bail!(
            "{} deployments of `{environment}` are waiting already; cancel some",
            waiting.len()
        );
    }
    let position = u32::try_from(waiting.len())?;
    let deployment = queued(description, trigger, position, host.clock.now())?;
    Ok(host.journal.create(deployment).await?)
}

/// A deployment as it is recorded, behind so many others.
///
/// # Errors
/// When the description makes no course.
pub(super) fn queued(
    description: &Description,
    trigger: &str,
    position: u32,
    now: Timestamp,
) -> Result<NewDeployment> {
    Ok(NewDeployment {
        environment: description.environment.name.clone(),
        action: description.action.to_string(),
        trigger: trigger.to_owned(),
        description: serde_json::to_string(description)?,
        time_ms: now.0,
        bodies: facts(description, now, Input::Queue { position })?,
    })
}

/// Ends queued deployments whose place a later one of the same kind has taken.
pub(super) async fn merge(host: &Host, claim: &Claim) -> Result<()> {
    let environment = claim.environment();
    let mut queue = Queue::new(MOST);
    for deployment in host.journal.unfinished(environment).await? {
        if deployment.state != Life::Queued {
            continue;
        }
        let description = read_description(&*host.journal, &deployment.id).await?;
        let only = description.only.iter().cloned().collect();
        let request = Request {
            environment: environment.to_owned(),
            action: description.action,
            only: (!description.only.is_empty()).then_some(only),
        };
        let place = queue.push(deployment.id.to_string(), request)?;
        if let Some(older) = place.merged {
            let input = Input::Merge {
                into: deployment.id.to_string(),
            };
            let append = before_begin(host, claim, &older.parse()?, input).await?;
            host.journal
                .append(append.merged_into(deployment.id))
                .await?;
        }
    }
    Ok(())
}

/// What is written to a deployment that has not begun.
async fn before_begin(
    host: &Host,
    claim: &Claim,
    id: &DeploymentId,
    input: Input,
) -> Result<Append> {
    let Some(deployment) = host.journal.deployment(id).await? else {
        bail!("there is no deployment {id}");
    };
    let description = read_description(&*host.journal, id).await?;
    let now = host.clock.now();
    let bodies = facts(&description, now, input)?;
    Ok(Append::new(
        claim.clone(),
        id.clone(),
        deployment.last_seq + 1,
        now.0,
        bodies,
    ))
}

/// The facts that follow from an input before the deployment begins, as they are stored.
fn facts(description: &Description, now: Timestamp, input: Input) -> Result<Vec<String>> {
    let course = Course::new(&description.course_spec(), description.action)?;
    let moment = Moment {
        now,
        random: 0,
        host_slots: 0,
    };
    let facts = decide(&State::new(Arc::new(course)), &moment, input)?;
    Ok(facts.iter().map(Fact::to_json).collect::<Result<_, _>>()?)
}

/// Cancels a deployment that waits, while another one is driven.
pub(super) async fn cancel(host: &Host, claim: &Claim, id: &DeploymentId) -> Result<Reply> {
    let Some(deployment) = host.journal.deployment(id).await? else {
        return Ok(Reply::Refused(format!("there is no deployment {id}")));
    };
    Ok(match deployment.state {
        Life::Ended => Reply::Refused("it has ended already".to_owned()),
        Life::Running => Reply::Refused("it was interrupted; `resume` it first".to_owned()),
        Life::Queued => {
            end_queued(host, claim, &deployment).await?;
            Reply::Accepted
        }
    })
}

/// Cancels a deployment that nobody drives: one that waits at once, one that was interrupted
/// by taking it up to its end. `false`: it had ended already.
///
/// # Errors
/// When another process has begun to drive it meanwhile, or the journal fails.
pub(crate) async fn cancel_alone(host: &Arc<Host>, id: &DeploymentId, force: bool) -> Result<bool> {
    // Whoever drove it may have ended it, and not have given the lock back yet.
    if existing(host, id).await?.state == Life::Ended {
        return Ok(false);
    }
    let Some(driver) = Driver::try_new(host, id.environment()).await? else {
        bail!(
            "another process has just begun to drive `{}`; try again",
            id.environment()
        );
    };
    let deployment = existing(host, id).await?;
    match deployment.state {
        Life::Ended => return Ok(false),
        Life::Queued => end_queued(host, &driver.claim, &deployment).await?,
        Life::Running => {
            let (reply, _) = tokio::sync::oneshot::channel();
            let request = crate::control::Request::Cancel {
                deployment: id.clone(),
                force,
            };
            // The channel has room: nobody else knows the new driver yet.
            let _ = driver.requests().try_send((request, reply));
            driver.run(Some(id)).await?;
        }
    }
    Ok(true)
}

async fn existing(host: &Host, id: &DeploymentId) -> Result<Deployment> {
    let deployment = host.journal.deployment(id).await?;
    deployment.with_context(|| format!("there is no deployment {id}"))
}

async fn end_queued(host: &Host, claim: &Claim, deployment: &Deployment) -> Result<()> {
    let input = Input::Cancel { force: true };
    let append = before_begin(host, claim, &deployment.id, input).await?;
    match host.journal.append(append.ended("cancelled")).await {
        Err(JournalError::Conflict { .. }) => bail!("{} has just begun; try again", deployment.id),
        other => Ok(other.map(drop)?),
    }
}
