//! What a drive writes down: facts, with everything that must be true together with them.

use anyhow::Result;
use stagewright_journal::{Append, NewDeployment};
use stagewright_pipeline::environment::Rollback;
use stagewright_pipeline::{Ending, Fact, Timestamp};

use super::Drive;
use crate::executor::queue::queued;
use crate::resolve::undoing;

/// How many bodies go into one transaction.
const BATCH: usize = 10_000;

impl Drive {
    /// Appends facts; durable when it answers.
    ///
    /// # Errors
    /// When the journal cannot be written: then nothing may follow from them.
    pub(super) async fn append(&mut self, now: Timestamp, facts: &[Fact]) -> Result<()> {
        for batch in facts.chunks(BATCH) {
            let bodies: Vec<String> = batch.iter().map(Fact::to_json).collect::<Result<_, _>>()?;
            let count = bodies.len() as u64;
            let (claim, id) = (self.claim.clone(), self.id.clone());
            let mut append = Append::new(claim, id, self.seq + 1, now.0, bodies);
            for fact in batch {
                match fact {
                    Fact::DeploymentStarted { .. } => {
                        append = self.at_this_pace(append)?.started();
                    }
                    Fact::DeploymentResumed => append = self.at_this_pace(append)?,
                    Fact::DeploymentEnded { result } => append = append.ended(result.as_str()),
                    _ => {}
                }
            }
            let documents = self
                .book
                .apply(self.state.course(), batch, self.seq + count)?;
            for (key, body) in documents {
                append = append.document(key, body);
            }
            if let Some(Fact::DeploymentEnded {
                result: Ending::Failed,
            }) = batch.last()
                && let Some(undoing) = self.undoing_or_none(now).await
            {
                append = append.then(undoing);
            }
            self.host.journal.append(append).await?;
            self.seq += count;
        }
        Ok(())
    }

    fn at_this_pace(&self, append: Append) -> Result<Append> {
        let (key, body) = self.pace.document()?;
        Ok(append.document(key, body))
    }

    /// A rollback that cannot be made is no reason not to record that the deployment failed.
    async fn undoing_or_none(&self, now: Timestamp) -> Option<NewDeployment> {
        self.undoing(now).await.unwrap_or_else(|error| {
            tracing::error!("{} is not rolled back: {error:#}", self.id);
            None
        })
    }

    /// The rollback that follows this deployment, which has failed. It is recorded in the same
    /// write as the failure, so that a crash between the two cannot lose it. Where a newer
    /// deployment waits already, that one decides what comes.
    async fn undoing(&self, now: Timestamp) -> Result<Option<NewDeployment>> {
        let description = &self.workshop.description;
        let wanted = description.environment.rollback == Rollback::Automatic;
        if !wanted || !description.action.has_builds() {
            return Ok(None);
        }
        let waiting = self.host.journal.unfinished(self.id.environment()).await?;
        if waiting.iter().any(|other| other.id != self.id) {
            return Ok(None);
        }
        let number = self.id.number();
        let replaced = description.parts().map(|part| part.service.name.clone());
        let replaced = replaced.filter(|name| {
            let deployed = self.book.record(name).deployed;
            deployed.is_some_and(|deployed| deployed.deployment == number)
        });
        let undone = undoing(&self.host, &self.id, &replaced.collect()).await?;
        undone
            .map(|undone| {
                queued(
                    &undone,
                    &format!("automatic rollback of {}", self.id),
                    0,
                    now,
                )
            })
            .transpose()
    }
}
