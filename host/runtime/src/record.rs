//! The records that host and plugins exchange, as the WIT defines them.
//!
//! They are the generated types themselves, so that there is one definition; here they only
//! get constructors that read well. What a record means is documented in `wit/`.

pub use crate::bindings::deployer::{Change, State};
pub use crate::bindings::described::{Description, Need, Problem};
pub use crate::bindings::offered::log::Level;
pub use crate::bindings::offered::types::{
    Failure, Output, Port, Retry, Service, Step, Value, Variable,
};

impl Failure {
    /// A failure that trying again does not mend. `code` is dotted and lower case.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            hint: None,
            retry: Retry::Never,
            details: Vec::new(),
        }
    }

    /// What the person can do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// It may go well when it is tried again.
    #[must_use]
    pub fn retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    /// One further fact.
    #[must_use]
    pub fn detail(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.details.push((name.into(), value.into()));
        self
    }
}

/// The code of a failure that only says that the step was cancelled.
pub const CANCELLED: &str = "cancelled";

impl Failure {
    /// The answer of a host call that ended early because its step was cancelled.
    pub(crate) fn cancelled(what: &str) -> Self {
        Self::new(
            CANCELLED,
            format!("{what} was ended, because the step was cancelled"),
        )
    }

    /// The answer of a capability that this call was not given.
    pub(crate) fn not_granted(what: &str) -> Self {
        Self::new(
            "capability.not-granted",
            format!("this call has no access to `{what}`"),
        )
        .hint("grant it to the plugin in the operator's configuration")
    }
}
