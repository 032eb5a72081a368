//! How much of a log is passed on: so many lines a second, so many a call, and always the
//! end.
//!
//! What is held back is counted and said. Its last lines are kept, since the end of a log
//! tells why something broke.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::line::{LogLine, Origin, Spoken};
use crate::limits::Limits;
use crate::record::Level;

/// Reports of progress that are passed on in one second; people cannot see more.
const REPORTS: Duration = Duration::from_millis(50);

#[derive(Debug)]
pub(super) struct Flow {
    rate: f64,
    tokens: f64,
    refilled: Instant,
    remaining: u32,
    held: VecDeque<Spoken>,
    longest_tail: usize,
    left_out: u64,
    reported: Option<Instant>,
}

impl Flow {
    pub(super) fn new(limits: &Limits, now: Instant) -> Self {
        let rate = f64::from(limits.log_lines_per_second.max(1));
        Self {
            rate,
            tokens: rate,
            refilled: now,
            remaining: limits.log_lines,
            held: VecDeque::new(),
            longest_tail: limits.log_tail as usize,
            left_out: 0,
            reported: None,
        }
    }

    /// What is to be passed on now that this line was said.
    pub(super) fn admit(&mut self, line: Spoken, now: Instant) -> Vec<LogLine> {
        let elapsed = now.saturating_duration_since(self.refilled).as_secs_f64();
        self.tokens = (self.tokens + elapsed * self.rate).min(self.rate);
        self.refilled = now;
        if self.remaining == 0 || self.tokens < 1.0 {
            self.hold(line);
            return Vec::new();
        }
        self.tokens -= 1.0;
        self.remaining -= 1;
        self.left_out += self.held.len() as u64;
        self.held.clear();
        self.notice().into_iter().chain([line.into()]).collect()
    }

    /// So many lines come now that nobody needs to look at: they are left out, and those
    /// before them that were held back.
    pub(super) fn skip(&mut self, lines: u64) {
        self.left_out += lines + self.held.len() as u64;
        self.held.clear();
    }

    /// The end of what was held back.
    pub(super) fn finish(&mut self) -> Vec<LogLine> {
        self.notice()
            .into_iter()
            .chain(self.held.drain(..).map(LogLine::from))
            .collect()
    }

    /// May progress be reported at this moment?
    pub(super) fn admits_progress(&mut self, now: Instant) -> bool {
        let due = self
            .reported
            .is_none_or(|at| now.saturating_duration_since(at) >= REPORTS);
        if due {
            self.reported = Some(now);
        }
        due
    }

    fn hold(&mut self, line: Spoken) {
        if self.held.len() >= self.longest_tail && self.held.pop_front().is_some() {
            self.left_out += 1;
        }
        if self.longest_tail > 0 {
            self.held.push_back(line);
        } else {
            self.left_out += 1;
        }
    }

    fn notice(&mut self) -> Option<LogLine> {
        let left_out = std::mem::take(&mut self.left_out);
        (left_out > 0).then(|| LogLine {
            origin: Origin::Host,
            level: Level::Warn,
            message: format!("{left_out} lines were left out here: more than the log takes"),
            fields: Vec::new(),
        })
    }
}
