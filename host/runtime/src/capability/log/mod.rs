//! The log of a step: what its guest, its programs and the host say about it.
//!
//! Everything that is said goes through one [`StepLog`], which takes out secrets, escapes what
//! would disturb a terminal, and holds the flood back. It never blocks and never fails.

mod flow;
mod host;
mod line;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::harmless;
use crate::limits::Limits;
use crate::record::Level;
use crate::redactor::Redactor;
use flow::Flow;
use line::Spoken;

pub(crate) use host::Log;
pub use line::{LogLine, Origin};

/// Takes what a step says. Called from within the step, so it must not block: hand the line
/// on to a bounded channel or a buffered file.
pub trait Sink: Send + Sync {
    /// One line of the log.
    fn line(&self, line: LogLine);
    /// How far the step is.
    fn progress(&self, progress: Progress);
}

/// How far a step is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Work that is done, in the unit of `total`.
    pub done: u64,
    /// All work, when it is known.
    pub total: Option<u64>,
    /// What is being done.
    pub what: String,
}

/// The log of one call, shared by everything that speaks in it.
pub(crate) struct StepLog {
    sink: Arc<dyn Sink>,
    redactor: Arc<Redactor>,
    limits: Limits,
    state: Mutex<State>,
}

struct State {
    flow: Flow,
    last: Option<Spoken>,
}

/// Lines of one message that are looked at, at its beginning and again at its end. One message
/// may hold millions of line ends, and a host call is not interrupted.
const MOST_LINES: usize = 1_000;

impl StepLog {
    pub(crate) fn new(sink: Arc<dyn Sink>, redactor: Arc<Redactor>, limits: Limits) -> Self {
        let state = State {
            flow: Flow::new(&limits, Instant::now()),
            last: None,
        };
        Self {
            sink,
            redactor,
            limits,
            state: Mutex::new(state),
        }
    }

    pub(crate) fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// Writes a message; one that has several lines becomes several lines.
    pub(crate) fn write(
        &self,
        origin: Origin,
        level: Level,
        message: &str,
        fields: &[(String, String)],
    ) {
        let clean = self.redactor.redact(message);
        let fields: Vec<_> = fields
            .iter()
            .take(line::MOST_FIELDS)
            .map(|(name, value)| {
                let value = self.redactor.redact(value);
                (
                    harmless::line(name, line::LONGEST_FIELD),
                    harmless::line(&value, line::LONGEST_FIELD),
                )
            })
            .collect();
        let text = clean.trim_end_matches(['\n', '\r']);
        let speak = |text: &str| Spoken::new(origin, level, text, self.limits.log_line.as_usize());
        // Fields belong to the message as a whole and stand once, at its end.
        match ends(text) {
            None => self.pass_lines(text, speak, fields),
            Some((beginning, left_out, end)) => {
                self.pass_lines(beginning, speak, Vec::new());
                self.state().flow.skip(left_out);
                self.pass_lines(end, speak, fields);
            }
        }
    }

    fn pass_lines(
        &self,
        text: &str,
        speak: impl Fn(&str) -> Spoken,
        mut fields: Vec<(String, String)>,
    ) {
        let mut lines = text.split('\n').peekable();
        while let Some(line) = lines.next() {
            let mut line = speak(line);
            if lines.peek().is_none() {
                line.fields = std::mem::take(&mut fields);
            }
            self.pass(line);
        }
    }

    /// How far the step is.
    pub(crate) fn progress(&self, done: u64, total: Option<u64>, what: &str) {
        let what = harmless::line(&self.redactor.redact(what), line::LONGEST_FIELD);
        let mut state = self.state();
        if state.flow.admits_progress(Instant::now()) {
            drop(state);
            self.sink.progress(Progress { done, total, what });
        }
    }

    /// The last line that was said, whether or not it was passed on.
    pub(crate) fn last_line(&self) -> Option<String> {
        self.state().last.as_ref().map(Spoken::message)
    }

    /// Passes on what was held back of the end. Nothing is said after this.
    pub(crate) fn finish(&self) {
        let mut state = self.state();
        for line in state.flow.finish() {
            self.sink.line(line);
        }
    }

    fn pass(&self, line: Spoken) {
        let mut state = self.state();
        state.last = Some(line.clone());
        // Handed on under the lock, so that lines of several speakers keep one order.
        for line in state.flow.admit(line, Instant::now()) {
            self.sink.line(line);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The beginning and the end of a message that has too many lines, and how many are between.
fn ends(text: &str) -> Option<(&str, u64, &str)> {
    let (first, _) = text.match_indices('\n').nth(MOST_LINES - 1)?;
    let (last, _) = text.rmatch_indices('\n').nth(MOST_LINES - 1)?;
    let between = text.get(first + 1..last)?;
    let lines = between.bytes().filter(|&byte| byte == b'\n').count() as u64 + 1;
    Some((text.get(..first)?, lines, text.get(last + 1..)?))
}

#[cfg(test)]
mod tests;
