//! What an assessment answers: is there something to do for this service, and why?
//!
//! The executor assesses (fingerprints, `exists`, `observe`), the core only acts on the
//! answer; what it does not understand it keeps for the ledger. Must never decide about
//! slots or order.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::fingerprint::Fingerprint;
use crate::outcome::Output;

/// The answer to an assessment of one phase of one service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// There is nothing to do in this phase.
    Unchanged(Box<Standing>),
    /// There is.
    Changed(Box<Change>),
    /// It could not be found out.
    Failed(Box<Failure>),
}

impl Verdict {
    /// Something is to be done, for this reason.
    #[must_use]
    pub fn changed(reason: impl Into<String>) -> Self {
        Self::Changed(Box::new(Change {
            reasons: vec![reason.into()],
            ..Change::default()
        }))
    }

    /// The image that was built before will do.
    #[must_use]
    pub fn unchanged(reference: Option<String>, reason: impl Into<String>) -> Self {
        Self::Unchanged(Box::new(Standing {
            reference,
            reason: reason.into(),
            ..Standing::default()
        }))
    }
}

/// What stands already, and will do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// The image where deployers find it, by digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// For people: `unchanged since deployment 41`.
    pub reason: String,
    /// What it was found equal by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Fingerprint>,
    /// The recorded outputs of a job, which are kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<Output>,
}

/// What is to be done, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// For people: `variable LOG_LEVEL changed`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
    /// What success will be remembered by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Fingerprint>,
    /// The image is built already, by digest, and only has to be pushed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub built: Option<String>,
    /// Who will do it. Recorded before the effect, for it has to undo it one day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plugin: Option<PluginRecord>,
    /// Outputs of jobs that it is given though they may have answered otherwise since, by job:
    /// what it was given when it was what it is brought back to.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub given: BTreeMap<String, Vec<Output>>,
}

/// A plugin and its configuration, exactly enough to call it again later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginRecord {
    /// As it is named: `builtin:process`, `oci://…` without a tag.
    pub name: String,
    /// `sha256:…` of the component.
    pub digest: String,
    /// JSON of `with`.
    pub config: String,
}
