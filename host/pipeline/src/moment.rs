//! Time as the core sees it: instants that are handed in, never read from a clock.
//!
//! Exists so that a live run, a replay and a simulation differ only in who makes the
//! [`Moment`]. Must never ask the machine what time it is.

use std::fmt;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// Milliseconds since the Unix epoch, UTC.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// The instant this many milliseconds later.
    #[must_use]
    pub const fn after(self, milliseconds: u64) -> Self {
        Self(self.0.saturating_add(milliseconds))
    }

    /// Milliseconds from `earlier` to here; 0 when `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// RFC 3339 with milliseconds: `2026-01-01T00:00:00.000Z`. Instants beyond the year 9999 are
/// written as that year's last.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = i64::try_from(self.0 / 1_000).unwrap_or(i64::MAX);
        let at = OffsetDateTime::from_unix_timestamp(seconds)
            .unwrap_or_else(|_| time::PrimitiveDateTime::MAX.assume_utc());
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
            at.year(),
            u8::from(at.month()),
            at.day(),
            at.hour(),
            at.minute(),
            at.second(),
            self.0 % 1_000
        )
    }
}

/// Everything that a decision depends on beside the state and the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// When the decision is made.
    pub now: Timestamp,
    /// Fresh random bits; the jitter of backoffs is drawn from them.
    pub random: u64,
    /// How many steps the host lets this deployment run at once, those that run included.
    pub host_slots: u32,
}

#[cfg(test)]
mod tests {
    use super::Timestamp;

    #[test]
    fn instants_read_as_rfc_3339() {
        assert_eq!(Timestamp(0).to_string(), "1970-01-01T00:00:00.000Z");
        assert_eq!(
            Timestamp(1_767_225_600_017).to_string(),
            "2026-01-01T00:00:00.017Z"
        );
        assert!(Timestamp(u64::MAX).to_string().starts_with("9999-12-31T"));
    }

    #[test]
    fn arithmetic_saturates() {
        assert_eq!(Timestamp(5).since(Timestamp(9)), 0);
        assert_eq!(Timestamp(u64::MAX).after(1), Timestamp(u64::MAX));
    }
}
