//! How things end: an attempt, a service, a phase, a stage, a deployment.
//!
//! These words are shared by facts and events. Must never print the value of a sensitive
//! output.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::course::ServiceId;
use crate::failure::Failure;
use crate::fingerprint::Fingerprint;

/// How one attempt of a step ended, as the executor saw it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It did what it was asked to.
    Succeeded(Box<Product>),
    /// It did not, and says why.
    Failed(Box<Failure>),
    /// It was stopped because the deployment was cancelled.
    Cancelled {
        /// The abort was seen to have happened; else something may be left.
        confirmed: bool,
        /// What may remain, one sentence each.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        remains: Vec<String>,
    },
}

impl Outcome {
    /// A success that brought nothing to remember.
    #[must_use]
    pub fn succeeded() -> Self {
        Self::Succeeded(Box::default())
    }

    /// A success that brought an image, by digest.
    #[must_use]
    pub fn made(reference: impl Into<String>) -> Self {
        Self::Succeeded(Box::new(Product {
            reference: Some(reference.into()),
            ..Product::default()
        }))
    }

    /// A failure.
    #[must_use]
    pub fn failed(failure: Failure) -> Self {
        Self::Failed(Box::new(failure))
    }
}

/// What a successful step brought.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    /// The image by digest: of a build where it was made, of a push where deployers find it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The condition that the deployer reports: `ready`, `completed`, `stopped`, ...
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// What a job answered with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<Output>,
    /// Digests of plugins whose instances were removed, as another one serves the service now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<String>,
    /// Of a build: what it was made from, when that is not what was decided on, as its source
    /// was changed meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Fingerprint>,
}

/// A name and a value that came out of a job.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// What `{{job.name}}` refers to.
    pub name: String,
    /// The value. Of a sensitive output the executor may put a handle here instead.
    pub value: String,
    /// Shown nowhere; given on only as a secret.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sensitive: bool,
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value: &dyn fmt::Debug = if self.sensitive {
            &format_args!("<sensitive>")
        } else {
            &self.value
        };
        f.debug_struct("Output")
            .field("name", &self.name)
            .field("value", value)
            .finish()
    }
}

/// How a service came out of a deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Settlement {
    /// All of its steps succeeded.
    Succeeded,
    /// There was nothing to do.
    Unchanged,
    /// It took no part, or not to its end.
    Skipped(SkipReason),
    /// A step failed for good; the failure is with the step.
    Failed,
    /// The deployment was cancelled before it was done.
    Cancelled {
        /// What ran was seen to have stopped; else something may be left.
        confirmed: bool,
    },
}

/// Why a service took no part, or not to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SkipReason {
    /// The environment file says so.
    Declared,
    /// A service that it needs did not come up.
    NeedFailed(ServiceId),
    /// A failure of this service stopped the deployment (`fail-fast`).
    Halted(ServiceId),
    /// A failure of this service stopped the stages after its own (`finish-stage`).
    StageFailed(ServiceId),
    /// Another service of its stage was not built, and `overlap: none` deploys a stage only
    /// when all of it is built.
    StageNotBuilt,
}

/// How a phase, a stage or a deployment ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// Nothing in it failed.
    Succeeded,
    /// Something in it failed.
    Failed,
    /// The deployment was cancelled.
    Cancelled,
    /// Nothing in it failed, but a failure elsewhere kept it from its end.
    Skipped,
}

impl Ending {
    /// As it is written in events.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Skipped => "skipped",
        }
    }
}
