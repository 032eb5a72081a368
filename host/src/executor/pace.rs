//! The time of one deployment: the time of day when it was taken up, and what has passed since
//! by a clock that nobody can set.
//!
//! Deadlines, pauses and grace periods are instants of this time. So none of them comes a day
//! early or late because the clock of the machine was put right meanwhile, in this process or
//! between two drivers: the reading that it started from is in the journal, and counts until
//! the machine is started anew. Must never be used to tell people what time it is now.

use std::sync::Arc;

use anyhow::Result;
use serde::{Deserialize, Serialize};
use stagewright_journal::{DeploymentId, Journal};
use stagewright_pipeline::Timestamp;

use crate::clock::{Clock, Uptime};

/// The key under which the start of an environment's last deployment is kept.
const DOCUMENT: &str = "pace";

/// Tells the time of a deployment.
pub(super) struct Pace {
    clock: Arc<dyn Clock>,
    start: Start,
}

/// Two readings that were taken together.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Start {
    /// Of this deployment.
    deployment: u64,
    now: Timestamp,
    uptime: Uptime,
}

impl Pace {
    /// Goes on from where an earlier driver of the deployment began, if that was since the
    /// machine was started; else begins anew, at `last` at the earliest.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub(super) async fn take_up(
        journal: &dyn Journal,
        clock: Arc<dyn Clock>,
        id: &DeploymentId,
        last: Timestamp,
    ) -> Result<Self> {
        let uptime = clock.uptime();
        let kept = journal.document(id.environment(), DOCUMENT).await?;
        let kept: Option<Start> = kept.as_deref().map(serde_json::from_str).transpose()?;
        let goes_on = |start: &Start| {
            start.deployment == id.number()
                && !uptime.boot.is_empty()
                && start.uptime.boot == uptime.boot
                && start.uptime.millis <= uptime.millis
        };
        let start = kept.filter(goes_on).unwrap_or_else(|| Start {
            deployment: id.number(),
            now: clock.now().max(last),
            uptime,
        });
        Ok(Self { clock, start })
    }

    /// The instant that it is.
    pub(super) fn now(&self) -> Timestamp {
        let passed = self.clock.uptime().millis;
        let Start { now, uptime, .. } = &self.start;
        now.after(passed.saturating_sub(uptime.millis))
    }

    /// What the next driver goes on from, to be kept under this key.
    ///
    /// # Errors
    /// When it cannot be written as JSON, which never happens.
    pub(super) fn document(&self) -> Result<(&'static str, String)> {
        Ok((DOCUMENT, serde_json::to_string(&self.start)?))
    }
}
