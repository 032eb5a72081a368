//! Why something with a registry did not work.

use std::time::Duration;

use crate::capability::images::ImageError;
use crate::harmless;
use crate::record::{Failure, Retry};

/// Bytes of what a registry says that are shown.
const LONGEST: usize = 1024;

/// What went wrong with a registry, or on the way to it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// A reference, a repository or a tag that cannot be read as one.
    #[error("`{}` is not {expected}", harmless::line(.given, LONGEST))]
    Malformed {
        /// What was given.
        given: String,
        /// With its article, and what it looks like.
        expected: &'static str,
    },
    /// No answer, or half of one.
    #[error("the registry {registry} cannot be reached: {reason}")]
    Unreachable {
        /// By host.
        registry: String,
        /// What the network said.
        reason: String,
    },
    /// It cannot be known that it is the one that was meant.
    #[error("there is no secure connection to the registry {registry}: {reason}")]
    Insecure {
        /// By host.
        registry: String,
        /// What is wrong with its TLS.
        reason: String,
    },
    /// It does not know who asks.
    #[error("the registry {registry} does not let {who} in{}", told(.said))]
    Unauthorized {
        /// By host.
        registry: String,
        /// Who asked, without anything secret.
        who: String,
        /// What it said.
        said: String,
    },
    /// It knows who asks, and says no.
    #[error("the registry {registry} refuses to {doing}{}", told(.said))]
    Denied {
        /// By host.
        registry: String,
        /// A verb and what it is about.
        doing: String,
        /// What it said.
        said: String,
    },
    /// There is no such thing.
    #[error("there is no {what} in the registry {registry}")]
    NotFound {
        /// By host.
        registry: String,
        /// What was looked for.
        what: String,
    },
    /// It cannot answer now.
    #[error("the registry {registry} answers with {status}{}", told(.said))]
    Unavailable {
        /// By host.
        registry: String,
        /// Of HTTP.
        status: u16,
        /// What it said.
        said: String,
        /// When it wants to be asked again.
        after: Option<Duration>,
    },
    /// It answers with what it should not.
    #[error("the registry {registry} refuses to {doing}: {status}{}", told(.said))]
    Rejected {
        /// By host.
        registry: String,
        /// A verb and what it is about.
        doing: String,
        /// Of HTTP.
        status: u16,
        /// What it said.
        said: String,
    },
    /// It breaks the protocol, or sends what is not what was asked for.
    #[error("the registry {registry} is not to be relied on: {reason}")]
    Unsound {
        /// By host.
        registry: String,
        /// What is wrong.
        reason: String,
    },
    /// The operator's certificates or credentials cannot be used.
    #[error("what is configured for the registry {registry} cannot be used: {reason}")]
    Configuration {
        /// By host.
        registry: String,
        /// What is wrong, without anything secret.
        reason: String,
    },
    /// A secret of the operator's that is not there.
    #[error("{}", .0.message)]
    Secret(Box<Failure>),
    /// The image itself, or the host's own store.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// The step ended before the operation did.
    #[error("stopped, because the step has ended")]
    Interrupted,
}

/// What a registry said, as the rest of a sentence.
fn told(said: &str) -> String {
    match said {
        "" => String::new(),
        said => format!(": {}", harmless::line(said, LONGEST)),
    }
}

impl RegistryError {
    pub(super) fn malformed(given: &str, expected: &'static str) -> Self {
        Self::Malformed {
            given: given.chars().take(200).collect(),
            expected,
        }
    }

    /// The stable code that a guest is given.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "registry.malformed",
            Self::Unreachable { .. } => "registry.unreachable",
            Self::Insecure { .. } => "registry.insecure",
            Self::Unauthorized { .. } => "registry.unauthorized",
            Self::Denied { .. } => "registry.denied",
            Self::NotFound { .. } => "registry.not-found",
            Self::Unavailable { .. } => "registry.unavailable",
            Self::Rejected { .. } => "registry.rejected",
            Self::Unsound { .. } => "registry.unsound",
            Self::Configuration { .. } => "registry.configuration",
            Self::Secret(_) => "registry.secret",
            Self::Image(error) => error.code(),
            Self::Interrupted => "registry.interrupted",
        }
    }

    /// Whether the same request may go well in a moment.
    pub(super) fn is_temporary(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Unavailable { .. })
    }

    /// When the registry wants to be asked again.
    pub(super) fn after(&self) -> Option<Duration> {
        match self {
            Self::Unavailable { after, .. } => *after,
            _ => None,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Unreachable { .. } => {
                "look whether it answers, and whether its name and port are right".to_owned()
            }
            Self::Insecure { registry, .. } => format!(
                "if it speaks http without TLS, say so in the operator's configuration: `registries: {{ \"{registry}\": {{ plain_http: true }} }}`; if its certificate is your own, name its `ca` there"
            ),
            Self::Unauthorized { registry, .. } => format!(
                "give `username` and `password`, or `credentials: docker`, under `registries` → `{registry}` in the operator's configuration"
            ),
            Self::Denied { registry, .. } => format!(
                "let the registry allow it to this user, or configure another one under `registries` → `{registry}`"
            ),
            Self::NotFound { .. } => {
                "look at the name and the tag; a registry may also hide what it does not let be seen"
                    .to_owned()
            }
            Self::Image(error) => error.hint()?.to_owned(),
            Self::Configuration { .. } => "mend it in the operator's configuration".to_owned(),
            _ => return None,
        })
    }
}

impl From<RegistryError> for Failure {
    fn from(error: RegistryError) -> Self {
        match error {
            RegistryError::Interrupted | RegistryError::Image(ImageError::Interrupted) => {
                Self::cancelled("the transfer of an image")
            }
            RegistryError::Secret(failure) => *failure,
            RegistryError::Image(error) => error.into(),
            error => {
                let retry = match error.after() {
                    _ if !error.is_temporary() => Retry::Never,
                    Some(after) => {
                        Retry::AfterMs(u32::try_from(after.as_millis()).unwrap_or(u32::MAX))
                    }
                    None => Retry::Later,
                };
                let failure = Self::new(error.code(), error.to_string()).retry(retry);
                match error.hint() {
                    Some(hint) => failure.hint(hint),
                    None => failure,
                }
            }
        }
    }
}
