//! What a deployment would do, asked of the same code that would do it. Changes nothing and
//! needs no lock.

use std::sync::Arc;

use anyhow::Result;
use serde::Serialize;
use stagewright_journal::DeploymentId;
use stagewright_pipeline::{Change, Phase, Verdict};
use stagewright_runtime::Cancel;

use super::ledger::Book;
use super::render::UNRESOLVED;
use super::workshop::Workshop;
use crate::compose::Host;
use crate::description::{Description, Subject};

/// Looks at what a deployment would do.
pub(crate) struct Foresight {
    workshop: Workshop,
}

/// What would happen to one service.
pub(crate) struct Seen {
    /// None: nothing is built for it.
    pub(crate) build: Option<Verdict>,
    /// None: it cannot be told before the image is built; it will be deployed.
    pub(crate) deploy: Option<Verdict>,
    /// What its deployer would change.
    pub(crate) changes: Vec<Intended>,
}

/// One thing that a deployer would change.
#[derive(Debug, Serialize)]
pub(crate) struct Intended {
    /// `create`, `update`, `replace`, `delete`, `none`.
    pub(crate) action: String,
    /// What is changed.
    pub(crate) object: String,
    /// Why.
    pub(crate) reason: String,
    /// The service does not answer meanwhile.
    pub(crate) downtime: bool,
}

impl Foresight {
    /// Begins to look.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub(crate) async fn new(host: &Arc<Host>, description: &Description) -> Result<Self> {
        let id = DeploymentId::new(&description.environment.name, 0);
        let book = Book::open(&*host.journal, &id).await?;
        let workshop = Workshop::new(Arc::clone(host), &id, description.clone(), book);
        Ok(Self { workshop })
    }

    /// The program that the service's deployer starts on this machine, if it starts any.
    pub(crate) async fn program(&self, subject: &Subject) -> Option<String> {
        let plugin = self.workshop.plugin(&subject.deploy).await.ok()?;
        let process = plugin.grants().process.as_ref();
        process.filter(|grant| grant.supervise)?;
        let config: serde_json::Value = serde_json::from_str(&subject.deploy.config).ok()?;
        let word = config
            .get("command")
            .and_then(|command| command.get(0)?.as_str());
        Some(word.unwrap_or("the command of its image").to_owned())
    }

    /// What would happen to a service, as far as it can be told now.
    pub(crate) async fn look(&self, subject: &Subject) -> Seen {
        let name = &subject.service.name;
        // As long as the deployment itself would wait.
        let timeouts = subject.service.timeouts;
        let assess = |phase| {
            let left = match phase {
                Phase::Build => timeouts.build,
                Phase::Deploy => timeouts.deploy,
            };
            let left = left.millis();
            self.workshop.assess(name, phase, left, Cancel::default())
        };
        let build = async {
            match &subject.build {
                Some(_) => Some(assess(Phase::Build).await),
                None => None,
            }
        };
        // Both are only looked at, so the second need not wait for what the first comes to.
        let (build, deploy) = tokio::join!(build, assess(Phase::Deploy));
        let builds = matches!(build, Some(Verdict::Changed(_) | Verdict::Failed(_)));
        let known = self.workshop.book.record(name);
        let is_left_alone = self.workshop.leaves_alone(subject, &known).is_some();
        let deploy = if is_left_alone {
            Some(deploy)
        } else if let Some(failure) = self.workshop.missing_output(subject) {
            Some(Verdict::Failed(Box::new(failure)))
        } else {
            (!builds).then(|| later(deploy))
        };
        let stays = matches!(deploy, Some(Verdict::Unchanged(_)));
        let changes = if stays {
            Vec::new()
        } else {
            self.changes(subject, builds).await
        };
        Seen {
            build,
            deploy,
            changes,
        }
    }

    /// What the deployer would do. A deployer that cannot tell says so in a change of its own.
    async fn changes(&self, subject: &Subject, builds: bool) -> Vec<Intended> {
        let answer = async {
            let rendered = self.workshop.bare(subject, &subject.deploy)?;
            let call = self.workshop.question(
                rendered,
                Cancel::default(),
                subject.service.timeouts.deploy.millis(),
            );
            let known = self.workshop.reference(&subject.service.name).ok();
            let plugin = self.workshop.plugin(&subject.deploy).await?;
            let changes = plugin.plan(call, known.filter(|_| !builds)).await;
            changes.map_err(|error| super::workshop::failure(error.failure()))
        };
        match answer.await {
            Ok(changes) => changes
                .into_iter()
                .map(|change| Intended {
                    action: change.action,
                    object: change.object,
                    reason: change.reason,
                    downtime: change.downtime,
                })
                .collect(),
            Err(failure) => vec![Intended {
                action: "unknown".to_owned(),
                object: subject.service.name.clone(),
                reason: failure.to_string(),
                downtime: false,
            }],
        }
    }
}

/// A variable that is not known yet will be, once the jobs before the service have run.
fn later(deploy: Verdict) -> Verdict {
    match deploy {
        Verdict::Failed(failure) if failure.code == UNRESOLVED => {
            Verdict::Changed(Box::new(Change {
                reasons: vec!["its variables wait for the outputs of jobs".to_owned()],
                ..Change::default()
            }))
        }
        seen => seen,
    }
}
