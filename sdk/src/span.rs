//! Durations as people write them in an environment file.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer, de};

/// A number and a unit: `500ms`, `30s`, `5m`, `2h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

impl Span {
    /// Reads a span; nothing when it is not one.
    ///
    /// ```
    /// use std::time::Duration;
    /// use stagewright_sdk::Span;
    ///
    /// assert_eq!(Span::parse("5m"), Some(Span(Duration::from_secs(300))));
    /// assert_eq!(Span::parse("5 minutes"), None);
    /// ```
    pub fn parse(text: &str) -> Option<Self> {
        let (number, unit) = text.split_at_checked(text.find(|c: char| !c.is_ascii_digit())?)?;
        let unit = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return None,
        };
        let millis = number.parse::<u64>().ok()?.checked_mul(unit)?;
        Some(Self(Duration::from_millis(millis)))
    }
}

/// In the largest unit that divides it.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis();
        match millis {
            0 => write!(f, "0s"),
            m if m % 3_600_000 == 0 => write!(f, "{}h", m / 3_600_000),
            m if m % 60_000 == 0 => write!(f, "{}m", m / 60_000),
            m if m % 1_000 == 0 => write!(f, "{}s", m / 1_000),
            m => write!(f, "{m}ms"),
        }
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text)
            .ok_or_else(|| de::Error::custom("a duration is a number and ms, s, m or h: `30s`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_reads_back() {
        for text in ["0s", "1ms", "1500ms", "30s", "5m", "2h"] {
            let span = Span::parse(text).unwrap();
            assert_eq!(span.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in ["", "s", "5", "5d", "-5s", "99999999999999999999s", "ä"] {
            assert_eq!(Span::parse(text), None, "{text}");
        }
    }
}
