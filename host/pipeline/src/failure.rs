//! Why something did not work: the record that plugins answer with, as the core keeps it.
//!
//! Mirrors `types.failure` of the WIT, so that a plugin's own words reach the person who
//! reads them. Must never hold a secret; who makes one redacts first.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why something did not work, for a machine (`code`) and for a person (the rest).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Stable, dotted, lower case: `image.not-found`, `process.exited`.
    pub code: String,
    /// One sentence: what is wrong, and where.
    pub message: String,
    /// What the person can do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// When it may be tried again.
    #[serde(default)]
    pub retry: Retry,
    /// Further facts as name and value: the exit code, the last lines of a log.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<(String, String)>,
}

/// When a failed step may be tried again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Retry {
    /// It would fail again.
    #[default]
    Never,
    /// When the backoff says so.
    Later,
    /// When the backoff says so, but not before this many milliseconds.
    AfterMs(u32),
}

impl Failure {
    /// A failure that would only repeat itself.
    #[must_use]
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            hint: None,
            retry: Retry::Never,
            details: Vec::new(),
        }
    }

    /// Says what the person can do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Says when it may be tried again.
    #[must_use]
    pub fn retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    /// Adds a further fact.
    #[must_use]
    pub fn detail(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.details.push((name.into(), value.into()));
        self
    }
}

/// The message, then the hint.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.code)?;
        match &self.hint {
            Some(hint) => write!(f, "; {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Failure {}
