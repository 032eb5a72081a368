//! The ledger of an environment: folded from facts, and kept now and then as a document with
//! the number of the last fact that is in it, so that nobody has to fold from the beginning.

use std::sync::{Arc, PoisonError, RwLock};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use stagewright_journal::{Deployment, DeploymentId, Journal, State as Life};
use stagewright_pipeline::{Course, Fact, Ledger, Record};

use crate::follow::read_description;

/// The key under which the ledger of an environment is kept.
const DOCUMENT: &str = "ledger";
/// The key under which the ledger is kept as a deployment left it.
pub(crate) fn left_by(deployment: u64) -> String {
    format!("left-by/{deployment}")
}
/// The ledger is kept again after so many facts: writing all of it with each would cost more
/// than the facts themselves.
const INTERVAL: u64 = 1_000;
/// How many facts are read at once.
const PAGE: usize = 1_000;

/// A ledger as it is kept.
#[derive(Default, Serialize, Deserialize)]
struct Kept {
    /// The number of the last deployment that is in it.
    deployment: u64,
    /// The number of the last fact of that deployment that is in it.
    seq: u64,
    ledger: Ledger,
}

/// The ledger while its environment is driven, shared with those who read it.
#[derive(Clone)]
pub(super) struct Book {
    ledger: Arc<RwLock<Ledger>>,
    deployment: u64,
    /// The number of the last fact that was kept.
    kept: u64,
}

impl Book {
    pub(super) async fn open(journal: &dyn Journal, id: &DeploymentId) -> Result<Self> {
        let ledger = read(journal, id.environment()).await?;
        Ok(Self {
            ledger: Arc::new(RwLock::new(ledger)),
            deployment: id.number(),
            kept: 0,
        })
    }

    /// For questions that look nothing up.
    pub(super) fn of_nothing(id: &DeploymentId) -> Self {
        Self {
            ledger: Arc::default(),
            deployment: id.number(),
            kept: 0,
        }
    }

    /// Folds facts, the last of which has the number `seq`. The documents to write with them,
    /// by key, when it is time for that.
    ///
    /// # Errors
    /// When the ledger cannot be written as JSON.
    pub(super) fn apply(
        &mut self,
        course: &Course,
        facts: &[Fact],
        seq: u64,
    ) -> Result<Vec<(String, String)>> {
        let mut ledger = self.ledger.write().unwrap_or_else(PoisonError::into_inner);
        for fact in facts {
            ledger.apply(self.deployment, course, fact);
        }
        let is_over = matches!(facts.last(), Some(Fact::DeploymentEnded { .. }));
        if !is_over && seq < self.kept + INTERVAL {
            return Ok(Vec::new());
        }
        self.kept = seq;
        #[derive(Serialize)]
        struct Keeping<'a> {
            deployment: u64,
            seq: u64,
            ledger: &'a Ledger,
        }
        let keeping = Keeping {
            deployment: self.deployment,
            seq,
            ledger: &ledger,
        };
        let kept = serde_json::to_string(&keeping)?;
        let left = (is_over && course.action().compares())
            .then(|| (left_by(self.deployment), kept.clone()));
        Ok(left
            .into_iter()
            .chain([(DOCUMENT.to_owned(), kept)])
            .collect())
    }

    /// What is known of a service at this moment.
    pub(super) fn record(&self, service: &str) -> Record {
        let ledger = self.ledger.read().unwrap_or_else(PoisonError::into_inner);
        ledger.service(service).cloned().unwrap_or_default()
    }
}

/// What was known of an environment when a deployment had ended. `None`: it did not deploy, or
/// that is not kept any more.
///
/// # Errors
/// When the journal cannot be read, or a newer program wrote to it.
pub(crate) async fn read_left_by(
    journal: &dyn Journal,
    environment: &str,
    deployment: u64,
) -> Result<Option<Ledger>> {
    let text = journal.document(environment, &left_by(deployment)).await?;
    let kept: Option<Kept> = text.as_deref().map(serde_json::from_str).transpose()?;
    Ok(kept.map(|kept| kept.ledger))
}

/// What is known of an environment, up to the last fact in the journal.
///
/// # Errors
/// When the journal cannot be read, or a newer program wrote to it.
pub(crate) async fn read(journal: &dyn Journal, environment: &str) -> Result<Ledger> {
    let mut kept = match journal.document(environment, DOCUMENT).await? {
        None => Kept::default(),
        Some(text) => serde_json::from_str(&text).with_context(|| {
            format!("what is known of environment `{environment}` cannot be read by this version")
        })?,
    };
    for deployment in journal.unfinished(environment).await? {
        if deployment.state == Life::Running && deployment.id.number() >= kept.deployment {
            catch_up(journal, &mut kept, &deployment).await?;
        }
    }
    Ok(kept.ledger)
}

/// Folds the facts of a running deployment that are not in the ledger yet.
async fn catch_up(journal: &dyn Journal, kept: &mut Kept, running: &Deployment) -> Result<()> {
    let id = &running.id;
    let mut seq = if id.number() == kept.deployment {
        kept.seq
    } else {
        0
    };
    let description = read_description(journal, id).await?;
    let course = Course::new(&description.course_spec(), description.action)?;
    loop {
        let entries = journal.read(id, seq, PAGE).await?;
        if entries.is_empty() {
            return Ok(());
        }
        for entry in entries {
            let fact = Fact::from_json(&entry.body)?;
            kept.ledger.apply(id.number(), &course, &fact);
            seq = entry.seq;
        }
    }
}
