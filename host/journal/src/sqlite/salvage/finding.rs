//! What a walk through a journal comes upon.

use serde::Serialize;

use crate::Deployment;

/// Something that was read, or something that could not be.
#[derive(Clone, Debug)]
pub enum Finding {
    /// A row.
    Row(Found),
    /// What is wrong, in words. A row that can be read and is wrong comes before.
    Damage(String),
}

/// Whether a row is what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Check {
    /// It is.
    Holds,
    /// It was written before rows had seals, so nobody can tell.
    None,
    /// It is not.
    Broken,
}

impl Check {
    pub(super) fn of(is_sealed: bool, holds: bool) -> Self {
        match (is_sealed, holds) {
            (true, true) => Self::Holds,
            (false, true) => Self::None,
            (_, false) => Self::Broken,
        }
    }
}

/// A row, as it is stored now. Texts that are no valid UTF-8 any more have replacement
/// characters where they are not.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Found {
    /// An environment.
    Environment {
        /// Its name.
        name: String,
        /// The number of its last deployment, where that could be read.
        last_number: Option<u64>,
    },
    /// A deployment.
    Deployment {
        /// Its row.
        #[serde(flatten)]
        deployment: Box<Deployment>,
        /// Is it as it was written?
        check: Check,
    },
    /// What a deployment is made of.
    Description {
        /// Of which deployment.
        deployment: String,
        /// The text.
        body: String,
        /// Is it as it was written?
        check: Check,
    },
    /// A fact of a deployment.
    Fact {
        /// Of which deployment.
        deployment: String,
        /// Its number.
        seq: i64,
        /// When it was decided, in milliseconds since 1970.
        time_ms: i64,
        /// The text.
        body: String,
        /// Is it as it was written, after the one that was before it?
        check: Check,
    },
    /// A document of an environment.
    Document {
        /// Of which environment.
        environment: String,
        /// Its key.
        key: String,
        /// The text.
        body: String,
        /// Is it as it was written?
        check: Check,
    },
}
