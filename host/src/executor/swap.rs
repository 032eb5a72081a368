//! A service whose deployer was exchanged while it was live: the old instance gives way, the
//! new one comes up, and what is left of the old one is removed by the very plugin that made
//! it. When the new one does not come up, the old one is started again.

use stagewright_pipeline::{PluginRecord, Step};
use stagewright_runtime::{Cancel, Plugin, record};

use super::attempt::Stop;
use super::workshop::{Attempt, Workshop};
use crate::description::Subject;

/// An instance that another deployer made.
struct Older {
    record: PluginRecord,
    plugin: Plugin,
}

impl Workshop {
    /// Deploys; the digests of plugins whose instances were removed come with the state.
    pub(super) async fn deploy(
        &self,
        attempt: &Attempt,
        subject: &Subject,
        plugin: &Plugin,
    ) -> Result<(record::State, Vec<String>), Stop> {
        let older = self.older(attempt, subject).await?;
        for old in &older {
            let call = self.call_for(attempt, subject, &old.record, attempt.cancel.clone())?;
            old.plugin.stop(call).await?;
        }
        match self.bring_up(attempt, subject, plugin).await {
            Ok(state) => Ok((state, self.remove(attempt, subject, plugin, older).await?)),
            Err(stop) => Err(self.bring_back(attempt, subject, &older, stop).await),
        }
    }

    async fn bring_up(
        &self,
        attempt: &Attempt,
        subject: &Subject,
        plugin: &Plugin,
    ) -> Result<record::State, Stop> {
        let reference = self.reference(&attempt.service)?;
        let rendered = self.rendered(subject, &subject.deploy).await?;
        let call = self.call(attempt, rendered, self.log(attempt)?);
        Ok(plugin.deploy(call, reference).await?)
    }

    /// Instances of deployers that go by another name. A newer version of the same plugin
    /// takes over what the older one made.
    async fn older(&self, attempt: &Attempt, subject: &Subject) -> Result<Vec<Older>, Stop> {
        let known = self.book.record(&attempt.service);
        let mut older = Vec::new();
        for instance in known.instances {
            if instance.plugin.name != subject.deploy.name {
                let plugin = self.plugin(&instance.plugin).await?;
                older.push(Older {
                    record: instance.plugin,
                    plugin,
                });
            }
        }
        Ok(older)
    }

    /// Removes what the older deployers made. Releases of this machine belong to the service,
    /// whoever supervises them: a deployer that supervises has taken them over already.
    async fn remove(
        &self,
        attempt: &Attempt,
        subject: &Subject,
        plugin: &Plugin,
        older: Vec<Older>,
    ) -> Result<Vec<String>, Stop> {
        let mut removed = Vec::new();
        for old in older {
            if !(supervises(&old.plugin) && supervises(plugin)) {
                let call = self.call_for(attempt, subject, &old.record, attempt.cancel.clone())?;
                old.plugin.destroy(call, false).await?;
            }
            removed.push(old.record.digest);
        }
        Ok(removed)
    }

    /// Starts the older instances again; the failure says when that did not work, either.
    async fn bring_back(
        &self,
        attempt: &Attempt,
        subject: &Subject,
        older: &[Older],
        stop: Stop,
    ) -> Stop {
        let mut left = Vec::new();
        for old in older {
            // The undoing goes on although the step was cancelled.
            if self.start_again(attempt, subject, old).await.is_err() {
                left.push(format!("what {} deployed is stopped", old.record.name));
            }
        }
        match stop {
            Stop::Failed(mut failure) => {
                let details = left.into_iter().map(|what| ("previous".to_owned(), what));
                failure.details.extend(details);
                Stop::Failed(failure)
            }
            Stop::Cancelled(mut remains) => {
                remains.extend(left);
                Stop::Cancelled(remains)
            }
        }
    }

    async fn start_again(
        &self,
        attempt: &Attempt,
        subject: &Subject,
        old: &Older,
    ) -> Result<(), Stop> {
        // The secrets that its variables name are asked for anew.
        let rendered = self.rendered(subject, &old.record).await?;
        let mut call = self.call(attempt, rendered, self.log(attempt)?);
        call.step.id = self.previous(attempt);
        call.cancel = Cancel::default();
        old.plugin.start(call).await?;
        Ok(())
    }

    /// A call of an older deployer, with the configuration that it had.
    fn call_for(
        &self,
        attempt: &Attempt,
        subject: &Subject,
        record: &PluginRecord,
        cancel: Cancel,
    ) -> Result<stagewright_runtime::Call, stagewright_pipeline::Failure> {
        let mut call = self.call(attempt, self.bare(subject, record)?, self.log(attempt)?);
        call.step.id = self.previous(attempt);
        call.cancel = cancel;
        Ok(call)
    }
}

impl Workshop {
    /// The id of the step belongs to the new deployer.
    fn previous(&self, attempt: &Attempt) -> String {
        format!("{}/previous", self.step_id(&attempt.service, Step::Deploy))
    }
}

fn supervises(plugin: &Plugin) -> bool {
    plugin
        .grants()
        .process
        .as_ref()
        .is_some_and(|grant| grant.supervise)
}
