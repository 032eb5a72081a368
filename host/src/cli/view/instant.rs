//! Instants as people read them: by the clock, and how far away they are.

use stagewright_pipeline::Timestamp;
use stagewright_pipeline::course::Course;
use stagewright_pipeline::wait::Wait;

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// `14:03:05 UTC (in 3 s)`; with its date when it is a day away or more.
pub(crate) fn at(instant: Timestamp, now: Timestamp) -> String {
    let away = instant.since(now);
    let written = instant.to_string();
    let (date, time) = written.split_at_checked(11).unwrap_or((&written, ""));
    let clock = time.get(..8).unwrap_or(time);
    let date = if away < DAY {
        ""
    } else {
        date.get(..10).unwrap_or(date)
    };
    let separator = if date.is_empty() { "" } else { " " };
    format!("{date}{separator}{clock} UTC ({})", distance(away))
}

/// In the largest unit of which there are two, rounded up, so that nothing seems to be over
/// before it is.
fn distance(millis: u64) -> String {
    match millis {
        0 => "now".to_owned(),
        1..=119_999 => format!("in {} s", millis.div_ceil(SECOND)),
        120_000..=7_199_999 => format!("in {} min", millis.div_ceil(MINUTE)),
        7_200_000..=172_799_999 => format!("in {} h", millis.div_ceil(HOUR)),
        _ => format!("in {} days", millis.div_ceil(DAY)),
    }
}

/// What a service waits for, with the instant where there is one.
pub(crate) fn waits(wait: &Wait, course: &Course, now: Timestamp) -> String {
    match *wait {
        Wait::Backoff { until, attempt } => retries(until, attempt, now),
        ref other => other.sentence(course).to_string(),
    }
}

/// That a step is tried again.
pub(crate) fn retries(until: Timestamp, attempt: u16, now: Timestamp) -> String {
    format!("retries at {}, attempt {attempt}", at(until, now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_told_by_the_clock_and_by_its_distance() {
        // 2026-01-01T00:00:00Z
        let now = Timestamp(1_767_225_600_000);
        for (away, told) in [
            (0, "00:00:00 UTC (now)"),
            (1, "00:00:00 UTC (in 1 s)"),
            (2_001, "00:00:02 UTC (in 3 s)"),
            (119_999, "00:01:59 UTC (in 120 s)"),
            (10 * MINUTE, "00:10:00 UTC (in 10 min)"),
            (3 * HOUR, "03:00:00 UTC (in 3 h)"),
            (DAY, "2026-01-02 00:00:00 UTC (in 24 h)"),
            (9 * DAY, "2026-01-10 00:00:00 UTC (in 9 days)"),
        ] {
            assert_eq!(at(now.after(away), now), told);
        }
        assert_eq!(at(now, now.after(5)), "00:00:00 UTC (now)");
    }
}
