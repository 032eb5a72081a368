//! What deployments need of this machine: is it there, and what can be done when it is not.
//!
//! Nothing is changed by looking, and nothing is taken for granted: what is said to be there
//! was asked.

mod engines;
mod environment;
mod machine;

use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use crate::compose::Host;

/// Something that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// What was looked at, as a person names it: `disk`, `service api`.
    pub(crate) subject: String,
    /// How it is.
    pub(crate) state: State,
    /// What was found there.
    pub(crate) found: String,
    /// What can be done about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hint: Option<String>,
}

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum State {
    /// It is there.
    Ready,
    /// It is there, and deployments would do better with more of it.
    Poor,
    /// It is needed, and not there.
    Missing,
    /// It is not there, and nothing that was looked at needs it.
    Unneeded,
}

impl State {
    /// In one word.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Poor => "poor",
            Self::Missing => "missing",
            Self::Unneeded => "unneeded",
        }
    }
}

impl Finding {
    fn new(subject: impl Into<String>, state: State, found: impl Into<String>) -> Self {
        Self {
            subject: subject.into(),
            state,
            found: found.into(),
            hint: None,
        }
    }

    fn hint(self, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..self
        }
    }
}

/// Looks at this machine, and at what an environment needs of it.
pub(crate) async fn examine(host: &Arc<Host>, file: Option<&Path>) -> Vec<Finding> {
    let mut findings = machine::examine(host);
    let (resolved, of_environment) = match file {
        Some(file) => environment::examine(host, file).await,
        None => (None, Vec::new()),
    };
    findings.extend(engines::examine(host, resolved.as_ref()).await);
    findings.extend(of_environment);
    findings
}
