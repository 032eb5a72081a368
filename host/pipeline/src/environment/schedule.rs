//! When a job runs by the clock: five fields, as cron writes them, in UTC.
//!
//! UTC alone, so that no hour of the year is there twice or not at all. Which instant comes
//! next is arithmetic on an instant that is handed in; nothing here asks what time it is.

use std::fmt;

use chrono::{DateTime, Utc};
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use serde::{Deserialize, Serialize};

use crate::moment::Timestamp;

/// A checked schedule.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Schedule {
    text: String,
    cron: Cron,
}

/// A text that is no schedule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no schedule: {cause}")]
pub struct BadSchedule {
    text: String,
    cause: String,
}

impl Schedule {
    /// Reads the five fields: minute, hour, day of the month, month, day of the week.
    ///
    /// # Errors
    /// When it is something else, or names an instant that never comes.
    pub fn parse(text: &str) -> Result<Self, BadSchedule> {
        let bad = |cause: String| BadSchedule {
            text: text.chars().take(100).collect(),
            cause,
        };
        let fields = text.split_whitespace().count();
        if fields != 5 {
            return Err(bad(format!("it has {fields} fields instead of 5")));
        }
        let parser = CronParser::builder()
            .seconds(Seconds::Disallowed)
            .year(Year::Disallowed)
            .build();
        let cron = parser.parse(text).map_err(|error| bad(error.to_string()))?;
        let schedule = Self {
            text: text.to_owned(),
            cron,
        };
        match schedule.after(Timestamp(0)) {
            Some(_) => Ok(schedule),
            None => Err(bad("that day never comes".to_owned())),
        }
    }

    /// The first instant after `instant` at which it is due.
    #[must_use]
    pub fn after(&self, instant: Timestamp) -> Option<Timestamp> {
        let instant = DateTime::<Utc>::from_timestamp_millis(i64::try_from(instant.0).ok()?)?;
        let next = self.cron.find_next_occurrence(&instant, false).ok()?;
        Some(Timestamp(u64::try_from(next.timestamp_millis()).ok()?))
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq for Schedule {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Schedule {}

impl TryFrom<String> for Schedule {
    type Error = BadSchedule;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<Schedule> for String {
    fn from(schedule: Schedule) -> Self {
        schedule.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_instant_is_after_the_one_that_is_given() {
        let three = Schedule::parse("0 3 * * *").unwrap();
        let day = 24 * 3_600_000;
        assert_eq!(three.after(Timestamp(0)), Some(Timestamp(3 * 3_600_000)));
        let due = Timestamp(3 * 3_600_000);
        assert_eq!(three.after(due), Some(due.after(day)));
        let weekdays = Schedule::parse("*/15 9-17 * * mon-fri").unwrap();
        // The first of January 1970 was a Thursday.
        assert_eq!(
            weekdays.after(Timestamp(17 * 3_600_000 + 45 * 60_000)),
            Some(Timestamp(day + 9 * 3_600_000))
        );
    }

    #[test]
    fn what_is_no_schedule_is_refused() {
        for text in [
            "",
            "daily",
            "* * * *",
            "* * * * * *",
            "61 * * * *",
            "0 0 30 2 *",
        ] {
            let error = Schedule::parse(text).unwrap_err().to_string();
            assert!(error.contains("no schedule"), "{error}");
        }
    }

    #[test]
    fn it_is_stored_as_it_was_written() {
        let schedule = Schedule::parse("5 4 * * sun").unwrap();
        let text = serde_json::to_string(&schedule).unwrap();
        assert_eq!(text, "\"5 4 * * sun\"");
        assert_eq!(serde_json::from_str::<Schedule>(&text).unwrap(), schedule);
        assert!(serde_json::from_str::<Schedule>("\"never\"").is_err());
    }
}
