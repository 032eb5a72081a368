//! Failures: a code for machines, a sentence and a remedy for people.
//!
//! The record itself comes from the contract; here is what makes it pleasant to write. A
//! failure is final unless it says otherwise, because trying again what cannot work only costs
//! the person time.

use std::fmt::Display;
use std::time::Duration;

pub use crate::bindings::types::{Failure, Retry};

impl Failure {
    /// A failure that is not worth trying again. `code` is dotted and stable
    /// (`image.not-found`), `message` one sentence that says what is wrong and where.
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

    /// Worth trying again when the host's backoff says so.
    #[must_use]
    pub fn retry_later(mut self) -> Self {
        self.retry = Retry::Later;
        self
    }

    /// Worth trying again, but not before this time has passed. At most 49 days.
    #[must_use]
    pub fn retry_after(mut self, pause: Duration) -> Self {
        self.retry = Retry::AfterMs(u32::try_from(pause.as_millis()).unwrap_or(u32::MAX));
        self
    }

    /// Adds a fact: an exit code, the last lines of a log.
    #[must_use]
    pub fn detail(mut self, name: impl Into<String>, value: impl Display) -> Self {
        self.details.push((name.into(), value.to_string()));
        self
    }
}

/// Turns what is missing or went wrong into a [`Failure`], so that `?` can take it from there.
///
/// ```
/// use stagewright_sdk::{Failure, OrFail};
///
/// fn port(text: &str) -> Result<u16, Failure> {
///     text.parse::<u16>().or_fail("config.port", format!("`{text}` is no port"))
/// }
///
/// assert_eq!(port("80"), Ok(80));
/// assert_eq!(
///     port("eighty").unwrap_err().message,
///     "`eighty` is no port: invalid digit found in string",
/// );
/// ```
pub trait OrFail<T> {
    /// The value, or a failure with this code and message; an error is named after the message.
    fn or_fail(self, code: &str, message: impl Into<String>) -> Result<T, Failure>;
}

impl<T> OrFail<T> for Option<T> {
    fn or_fail(self, code: &str, message: impl Into<String>) -> Result<T, Failure> {
        self.ok_or_else(|| Failure::new(code, message))
    }
}

impl<T, E: Display> OrFail<T> for Result<T, E> {
    fn or_fail(self, code: &str, message: impl Into<String>) -> Result<T, Failure> {
        self.map_err(|error| Failure::new(code, format!("{}: {error}", message.into())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_final_until_it_says_otherwise() {
        let failure = Failure::new("a.b", "It broke.");
        assert_eq!(failure.retry, Retry::Never);
        assert_eq!(failure.clone().retry_later().retry, Retry::Later);
        let pause = Duration::from_secs(5);
        assert_eq!(failure.retry_after(pause).retry, Retry::AfterMs(5_000));
    }

    #[test]
    fn a_pause_that_is_too_long_is_as_long_as_it_can_be() {
        let failure = Failure::new("a.b", "It broke.").retry_after(Duration::MAX);
        assert_eq!(failure.retry, Retry::AfterMs(u32::MAX));
    }

    #[test]
    fn what_is_missing_becomes_a_failure_with_hint_and_details() {
        let failure = None::<u8>
            .or_fail("thing.missing", "There is no thing.")
            .map_err(|failure| failure.hint("Make one.").detail("count", 0))
            .unwrap_err();
        assert_eq!(failure.hint.as_deref(), Some("Make one."));
        assert_eq!(failure.details, [("count".to_owned(), "0".to_owned())]);
    }
}
