//! The end of a release: brought about, or waited for.

use std::time::Duration;

use tokio::time::timeout;

use super::error::Error;
use super::launch::{Condition, Exit};
use super::lost;
use super::protocol::{Reply, Request};
use super::record;
use super::release::Release;

/// When a shim that did not hear is asked again.
const ASK_AGAIN: Duration = Duration::from_millis(100);

impl Release {
    /// Ends the process and all its descendants: asks, and kills after the grace. Nothing is
    /// left of them when this returns. Does nothing when nothing runs.
    ///
    /// # Errors
    /// [`Error::Unkillable`], or what the system says.
    pub async fn stop(&self) -> Result<(), Error> {
        while let Some(shim) = self.shim()? {
            let was_heard = match self.ask(&Request::Stop).await? {
                Some(Reply::Failed(failure)) => return Err(self.failed(failure)),
                Some(Reply::Ended(_)) => true,
                None => false,
                Some(_) => return Err(self.unexpected()),
            };
            // Its lock is free and its socket is closed only when it has ended. One that did not
            // hear, as it was only beginning, is asked again.
            let gone = lost::gone(shim);
            let ended = match was_heard {
                true => Ok(gone.await),
                false => timeout(ASK_AGAIN, gone).await,
            };
            if let Ok(ended) = ended {
                ended.map_err(Error::io("wait for the shim of", self.layout.folder()))?;
            }
        }
        let Some(mut record) = self.record()? else {
            return Ok(());
        };
        if record.condition.is_live() {
            let grace = Duration::from_millis(record.stop_grace_ms);
            lost::end(&record, self.layout.folder(), grace).await?;
            record.condition = Condition::Stopped;
            record.detail.clear();
            record::store(&self.layout.record(), &record)
                .map_err(Error::io("write", self.layout.record()))?;
        }
        Ok(())
    }

    /// Waits for the end of a process that is not kept running, and answers at once when it
    /// has ended already.
    ///
    /// # Errors
    /// [`Error::KeptRunning`], [`Error::NotRunning`] when it was never started,
    /// [`Error::ExitUnknown`] when nobody saw its end.
    pub async fn wait(&self) -> Result<Exit, Error> {
        if self.shim()?.is_some() {
            if self.record()?.is_some_and(|record| record.keep_running) {
                return Err(Error::KeptRunning {
                    step_id: self.step_id().to_owned(),
                });
            }
            match self.ask(&Request::Wait).await? {
                Some(Reply::Ended(Some(exit))) => return Ok(exit),
                // The shim went away meanwhile: what it wrote last decides.
                Some(Reply::Ended(None)) | None => {}
                Some(Reply::Failed(failure)) => return Err(self.failed(failure)),
                Some(_) => return Err(self.unexpected()),
            }
        }
        let Some(record) = self.record()? else {
            return Err(self.not_running(&self.state()?));
        };
        if record.condition.is_live()
            && let Some(main) = record.process
        {
            lost::gone(main)
                .await
                .map_err(Error::io("wait for a process of", self.layout.folder()))?;
        }
        match record.exit {
            Some(exit) if !record.condition.is_live() => Ok(exit),
            _ => Err(Error::ExitUnknown {
                step_id: self.step_id().to_owned(),
                detail: match self.state()?.detail {
                    detail if detail.is_empty() => "it was stopped before it began".to_owned(),
                    detail => detail,
                },
            }),
        }
    }
}
