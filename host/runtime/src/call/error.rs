//! How a call ends when it does not end well.
//!
//! Every way of ending names its cause and a way out, and can be turned into the record that
//! journals and people get.

use std::time::Duration;

use crate::harmless;
use crate::limits::LimitHit;
use crate::record::{CANCELLED, Failure, Retry};
use crate::redactor::Redactor;

/// A call did not end well.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum StepError {
    /// The plugin said so.
    #[error("{}", .0.message)]
    Failed(Box<Failure>),
    /// The plugin broke off.
    #[error("plugin {} broke off in `{}`: {}", .0.plugin, .0.function, .0.what)]
    Trapped(Box<Trapped>),
    /// It took too long and was ended.
    #[error("plugin {plugin} was still in `{function}` after {}{}", seconds(*.after), beyond(.limit.as_ref()))]
    TimedOut {
        /// By reference.
        plugin: String,
        /// The exported function that was called.
        function: &'static str,
        /// How long it ran.
        after: Duration,
        /// The limit of the plugin that ended it, as the configuration spells it, and its
        /// value. None: it was the deadline of the step.
        limit: Option<(&'static str, String)>,
        /// What could not be ended in time and may still go on in the host.
        remains: Vec<String>,
    },
    /// It was cancelled and was ended.
    #[error("the step was cancelled")]
    Cancelled {
        /// What could not be ended in time and may still go on in the host. Empty: the
        /// cancelling is confirmed.
        remains: Vec<String>,
    },
    /// The plugin cannot be asked this.
    #[error("plugin {plugin} {why}")]
    Refused {
        /// By reference.
        plugin: String,
        /// As the rest of a sentence.
        why: String,
    },
    /// The host itself is at fault, or the machine.
    #[error("{0}")]
    Host(String),
}

/// How a plugin broke off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trapped {
    /// By reference.
    pub plugin: String,
    /// The exported function that was called.
    pub function: &'static str,
    /// What happened, in one sentence.
    pub what: String,
    /// The limit that it ran into, as the configuration spells it, and its value.
    pub limit: Option<(&'static str, String)>,
    /// The last thing that it logged.
    pub last_line: Option<String>,
}

impl From<Failure> for StepError {
    fn from(failure: Failure) -> Self {
        Self::Failed(Box::new(failure))
    }
}

impl StepError {
    /// The record of it, for journals and people.
    pub fn failure(&self) -> Failure {
        match self {
            Self::Failed(failure) => Failure::clone(failure),
            Self::Trapped(trapped) => {
                let Trapped {
                    plugin,
                    limit,
                    last_line,
                    ..
                } = trapped.as_ref();
                let failure = match limit {
                    Some((name, value)) => Failure::new("plugin.limit", self.to_string())
                        .hint(raise(name, plugin))
                        .detail(*name, value),
                    None => Failure::new("plugin.trapped", self.to_string())
                        .hint(format!("this is a fault of {plugin}: tell its author")),
                };
                match last_line {
                    Some(line) => failure.detail("last line", line),
                    None => failure,
                }
            }
            Self::TimedOut {
                plugin,
                limit,
                remains,
                ..
            } => {
                let hint = match limit {
                    Some((name, _)) => raise(name, plugin),
                    None => {
                        "look at the log for what it waited for, or give it longer with `timeouts`"
                            .to_owned()
                    }
                };
                let failure = Failure::new("step.timed-out", self.to_string());
                with_remains(failure.hint(hint).retry(Retry::Later), remains)
            }
            Self::Cancelled { remains } => {
                with_remains(Failure::new(CANCELLED, self.to_string()), remains)
            }
            Self::Refused { .. } => Failure::new("plugin.refused", self.to_string())
                .hint("`stagewright plugin inspect` tells what the plugin offers"),
            Self::Host(_) => Failure::new("host.fault", self.to_string()),
        }
    }

    /// What happened, and what can be done about it, in one line.
    pub(crate) fn advice(&self) -> String {
        match self.failure().hint {
            Some(hint) => format!("{self}: {hint}"),
            None => self.to_string(),
        }
    }

    /// The same, without secrets and control characters in what the guest said.
    pub(crate) fn cleaned(self, redactor: &Redactor) -> Self {
        match self {
            Self::Failed(failure) => {
                let mut failure = redactor.redact_failure(*failure);
                harmless::failure(&mut failure);
                failure.into()
            }
            Self::Trapped(mut trapped) => {
                redactor.replace(&mut trapped.what);
                Self::Trapped(trapped)
            }
            other => other,
        }
    }

    pub(crate) fn trapped(
        plugin: &str,
        function: &'static str,
        what: String,
        hit: Option<LimitHit>,
        last_line: Option<String>,
    ) -> Self {
        let what = match &hit {
            Some(hit) => format!(
                "it exceeded its limit `{}` of {} ({what})",
                hit.name, hit.value
            ),
            None => what,
        };
        let limit = hit.map(|hit| (hit.name, hit.value));
        let plugin = plugin.to_owned();
        Self::Trapped(Box::new(Trapped {
            plugin,
            function,
            what,
            limit,
            last_line,
        }))
    }
}

fn with_remains(failure: Failure, remains: &[String]) -> Failure {
    remains.iter().fold(failure, |failure, what| {
        failure.detail("may still go on", what)
    })
}

fn raise(limit: &str, plugin: &str) -> String {
    format!(
        "raise `{limit}` under the limits of {plugin} in the operator's configuration, if it is to be trusted with more"
    )
}

fn beyond(limit: Option<&(&'static str, String)>) -> String {
    limit.map_or_else(String::new, |(name, value)| {
        format!(", beyond its limit `{name}` of {value}")
    })
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}
