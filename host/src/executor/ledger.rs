//! The ledger of an environment while it is driven: folded from every fact, and kept in the
//! journal in the same transaction as the facts that changed it.

use std::sync::{Arc, PoisonError, RwLock};

use anyhow::{Context, Result};
use stagewright_journal::{DeploymentId, Journal};
use stagewright_pipeline::{Course, Fact, Ledger, Record};

/// The key under which the ledger of an environment is kept.
const DOCUMENT: &str = "ledger";

/// The ledger, shared with those who read it while steps run.
#[derive(Clone)]
pub(super) struct Book {
    ledger: Arc<RwLock<Ledger>>,
    deployment: u64,
}

impl Book {
    pub(super) async fn open(journal: &dyn Journal, id: &DeploymentId) -> Result<Self> {
        let ledger = read(journal, id.environment()).await?;
        Ok(Self {
            ledger: Arc::new(RwLock::new(ledger)),
            deployment: id.number(),
        })
    }

    /// For questions that look nothing up.
    pub(super) fn of_nothing(id: &DeploymentId) -> Self {
        Self {
            ledger: Arc::default(),
            deployment: id.number(),
        }
    }

    /// Folds facts. The document to write with them, when they changed anything.
    ///
    /// # Errors
    /// When the ledger cannot be written as JSON.
    pub(super) fn apply(&self, course: &Course, facts: &[Fact]) -> Result<Option<(&str, String)>> {
        let concerns = |fact: &Fact| {
            matches!(
                fact,
                Fact::ServiceAssessed { .. } | Fact::StepStarted { .. } | Fact::StepEnded { .. }
            )
        };
        if !facts.iter().any(concerns) {
            return Ok(None);
        }
        let mut ledger = self.ledger.write().unwrap_or_else(PoisonError::into_inner);
        for fact in facts {
            ledger.apply(self.deployment, course, fact);
        }
        Ok(Some((DOCUMENT, serde_json::to_string(&*ledger)?)))
    }

    /// What is known of a service at this moment.
    pub(super) fn record(&self, service: &str) -> Record {
        let ledger = self.ledger.read().unwrap_or_else(PoisonError::into_inner);
        ledger.service(service).cloned().unwrap_or_default()
    }
}

/// What is known of an environment.
///
/// # Errors
/// When the journal cannot be read, or a newer program wrote the ledger.
pub(crate) async fn read(journal: &dyn Journal, environment: &str) -> Result<Ledger> {
    let Some(text) = journal.document(environment, DOCUMENT).await? else {
        return Ok(Ledger::default());
    };
    serde_json::from_str(&text).with_context(|| {
        format!("what is known of environment `{environment}` cannot be read by this version")
    })
}
