//! What is wrong with an environment file: where, what, and what to do about it.
//!
//! A reader of a file wants every mistake at once, in the order of the file, each with a line
//! to jump to. So nothing in this room stops at the first error: everything is collected here.
//! Problems never quote more than a few words of the file.

use std::collections::HashSet;
use std::fmt;

use serde::{Deserialize, Serialize};

/// How many problems are kept; the rest is counted.
const MOST: usize = 500;
/// The most characters of a message or hint.
const LONGEST: usize = 500;

/// A place in a text, counted from 1 as editors do; columns are characters, not bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Position {
    /// The line.
    pub line: u32,
    /// The character in the line.
    pub column: u32,
}

impl Position {
    /// The first character of a text.
    pub const START: Self = Self { line: 1, column: 1 };
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Problem {
    /// The file, as the user named it.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The character in the line, from 1.
    pub column: u32,
    /// What is wrong, as a sentence without its full stop.
    pub message: String,
    /// What to do about it, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            file,
            line,
            column,
            message,
            hint,
        } = self;
        write!(f, "{file}:{line}:{column}: {message}")?;
        match hint {
            Some(hint) => write!(f, "; {hint}"),
            None => Ok(()),
        }
    }
}

/// Something wrong at a place of the document, before the name of the file is known to it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Finding {
    /// Where.
    pub position: Position,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Finding {
    /// A finding without a hint.
    pub fn new(position: Position, message: impl Into<String>) -> Self {
        Self {
            position,
            message: message.into(),
            hint: None,
        }
    }

    /// The same with a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The problem that this is in a file.
    pub fn in_file(self, file: &str) -> Problem {
        Problem {
            file: file.to_owned(),
            line: self.position.line,
            column: self.position.column,
            message: printable(&self.message, LONGEST),
            hint: self.hint.map(|hint| printable(&hint, LONGEST)),
        }
    }
}

/// Everything that is wrong with a file, in the order of the file. Never empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problems {
    /// The problems, sorted by position.
    pub problems: Vec<Problem>,
    /// How many more there were than are kept.
    #[serde(default)]
    pub left_out: usize,
}

impl Problems {
    /// What was found, which must be something: sorted, and without repetitions.
    pub fn of(file: &str, mut findings: Vec<Finding>) -> Self {
        // A sort that keeps the order of equals leaves findings of one place as they were made.
        findings.sort_by_key(|finding| finding.position);
        let mut seen = HashSet::new();
        findings.retain(|finding| seen.insert(finding.clone()));
        let left_out = findings.len().saturating_sub(MOST);
        findings.truncate(MOST);
        let problems = findings
            .into_iter()
            .map(|finding| finding.in_file(file))
            .collect();
        Self { problems, left_out }
    }

    /// `Err` when anything was found.
    pub fn none_of(file: &str, findings: Vec<Finding>) -> Result<(), Self> {
        match findings.is_empty() {
            true => Ok(()),
            false => Err(Self::of(file, findings)),
        }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{problem}")?;
        }
        match self.left_out {
            0 => Ok(()),
            more => write!(f, "\nand {more} more"),
        }
    }
}

impl std::error::Error for Problems {}

/// Enough of a text from the file to find it by.
pub(super) fn excerpt(text: &str) -> String {
    printable(text.lines().next().unwrap_or_default(), 40)
}

/// At most so many characters, none of which could steer a terminal.
fn printable(text: &str, most: usize) -> String {
    let clean = |c: char| if c.is_control() { ' ' } else { c };
    let mut short: String = text.chars().take(most).map(clean).collect();
    if text.chars().nth(most).is_some() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_file_steers_a_terminal_or_fills_it() {
        let message = format!("unknown `\u{1b}[31m{}`", "x".repeat(1_000));
        let problem = Finding::new(Position::START, message)
            .hint("\n")
            .in_file("f");
        let text = problem.to_string();
        assert!(text.starts_with("f:1:1: unknown ` [31mxx"), "{text}");
        assert!(text.chars().count() < 530 && !text.chars().any(char::is_control));
    }
}
