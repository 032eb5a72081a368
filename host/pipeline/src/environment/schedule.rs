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

/// What the five fields are called, and which values they can have.
const FIELDS: [(&str, &str); 5] = [
    ("minute", "0 to 59"),
    ("hour", "0 to 23"),
    ("day of the month", "1 to 31 or `L`, the last"),
    ("month", "1 to 12 or `jan` to `dec`"),
    (
        "day of the week",
        "0 to 7, Sunday being both, or `sun` to `sat`",
    ),
];

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
        match text.split_whitespace().count() {
            5 => {}
            1 => return Err(bad("it has 1 field instead of 5".to_owned())),
            fields => return Err(bad(format!("it has {fields} fields instead of 5"))),
        }
        let cron = cron(text).ok_or_else(|| bad(cause(text)))?;
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

fn cron(text: &str) -> Option<Cron> {
    let parser = CronParser::builder()
        .seconds(Seconds::Disallowed)
        .year(Year::Disallowed)
        .build();
    parser.parse(text).ok()
}

/// Which of five fields it is that cannot be read: the first that is wrong among stars.
fn cause(text: &str) -> String {
    for (index, (word, (name, values))) in text.split_whitespace().zip(FIELDS).enumerate() {
        let mut alone = ["*"; FIELDS.len()];
        if let Some(field) = alone.get_mut(index) {
            *field = word;
        }
        if cron(&alone.join(" ")).is_none() {
            let word: String = word.chars().take(40).collect();
            return format!(
                "its {name} `{word}` cannot be read; values are {values}, written as `*`, a \
                 value, a list `1,5`, a range `1-5` or every so many `*/5`"
            );
        }
    }
    "its fields do not go together".to_owned()
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
        for (text, cause) in [
            ("", "it has 0 fields instead of 5"),
            ("daily", "it has 1 field instead of 5"),
            ("* * * *", "it has 4 fields instead of 5"),
            ("* * * * * *", "it has 6 fields instead of 5"),
            (
                "61 * * * *",
                "its minute `61` cannot be read; values are 0 to 59,",
            ),
            (
                "* 24 * * *",
                "its hour `24` cannot be read; values are 0 to 23,",
            ),
            (
                "0 0 32 * *",
                "its day of the month `32` cannot be read; values are 1 to 31 or",
            ),
            (
                "0 0 1 januar *",
                "its month `januar` cannot be read; values are 1 to 12 or",
            ),
            (
                "0 0 * * 8",
                "its day of the week `8` cannot be read; values are 0 to 7,",
            ),
            ("*/0 * * * *", "its minute `*/0` cannot be read"),
            ("0 9-5 * * *", "its hour `9-5` cannot be read"),
            ("0 0 30 2 *", "that day never comes"),
        ] {
            let error = Schedule::parse(text).unwrap_err().to_string();
            let expected = format!("`{text}` is no schedule: {cause}");
            assert!(error.starts_with(&expected), "{error}");
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
