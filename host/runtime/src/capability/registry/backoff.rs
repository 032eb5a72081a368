//! How long to wait before a registry is asked again, and when to give up.

use std::time::Duration;

use super::RegistryError;

/// Tries without anything new in between.
const MOST: u32 = 6;
const FIRST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(5);
/// A registry that wants to be left alone for longer is left to the retries of the step, which
/// hold no slot meanwhile.
const PATIENCE: Duration = Duration::from_secs(20);

/// Counts the tries of one piece of work.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// There was progress since the last failure, so it counts as the first one again.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }

    /// How long to wait after this error.
    ///
    /// # Errors
    /// The error itself, when it is to be given up.
    pub(super) fn pause(&mut self, error: RegistryError) -> Result<Duration, RegistryError> {
        self.failures += 1;
        if !error.is_temporary() || self.failures >= MOST {
            return Err(error);
        }
        match error.after() {
            Some(after) if after > PATIENCE => Err(error),
            Some(after) => Ok(after),
            None => {
                let doubled = FIRST.saturating_mul(1 << self.failures.min(10).saturating_sub(1));
                Ok(doubled.min(LONGEST))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unavailable(after: Option<u64>) -> RegistryError {
        RegistryError::Unavailable {
            registry: "example.org".into(),
            status: 503,
            said: String::new(),
            after: after.map(Duration::from_secs),
        }
    }

    #[test]
    fn pauses_grow_and_end() {
        let mut backoff = Backoff::new();
        let pauses: Vec<u128> = (1..MOST)
            .map(|_| backoff.pause(unavailable(None)).unwrap().as_millis())
            .collect();
        assert_eq!(pauses, [200, 400, 800, 1600, 3200]);
        assert!(backoff.pause(unavailable(None)).is_err());
        backoff.reset();
        assert_eq!(backoff.pause(unavailable(None)).unwrap(), FIRST);
    }

    #[test]
    fn a_registry_says_itself_how_long_within_reason() {
        let mut backoff = Backoff::new();
        let pause = backoff.pause(unavailable(Some(7))).unwrap();
        assert_eq!(pause, Duration::from_secs(7));
        let error = backoff.pause(unavailable(Some(600))).unwrap_err();
        assert_eq!(error.after(), Some(Duration::from_secs(600)));
    }

    #[test]
    fn what_is_final_is_not_tried_again() {
        assert!(Backoff::new().pause(RegistryError::Interrupted).is_err());
    }
}
