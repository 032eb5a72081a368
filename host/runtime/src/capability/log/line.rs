//! One line of a log, made harmless for terminals and bounded in size.

use crate::harmless;
use crate::record::Level;

/// Fields beyond these are left out.
pub(super) const MOST_FIELDS: usize = 32;
/// Bytes of the name or the value of a field, and of what progress says.
pub(super) const LONGEST_FIELD: usize = 1_024;

/// Who says a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The plugin, through the `log` capability or its standard output.
    Plugin,
    /// A program that was run for it.
    Program,
    /// This host.
    Host,
}

impl Origin {
    /// `plugin`, `program`, `host`: as events spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Plugin => "plugin",
            Self::Program => "program",
            Self::Host => "host",
        }
    }
}

/// One line, without secrets, line breaks and control characters.
#[derive(Clone, Debug, PartialEq)]
pub struct LogLine {
    /// Who says it.
    pub origin: Origin,
    /// How much it matters.
    pub level: Level,
    /// What is said.
    pub message: String,
    /// Further facts as name and value.
    pub fields: Vec<(String, String)>,
}

/// A line as it was said. Made harmless only when it is passed on, because most lines of a
/// flood never are.
#[derive(Clone, Debug)]
pub(super) struct Spoken {
    pub(super) origin: Origin,
    pub(super) level: Level,
    /// Without secrets, and no longer than a line may be.
    text: String,
    longest: usize,
    pub(super) fields: Vec<(String, String)>,
}

impl Spoken {
    /// Of this text, from which secrets are gone, with at most so many bytes in the end.
    pub(super) fn new(origin: Origin, level: Level, text: &str, longest: usize) -> Self {
        let text = text.strip_suffix('\r').unwrap_or(text);
        // One character more than fits, so that the line shows that it was cut.
        let end = text.ceil_char_boundary(longest.saturating_add(1));
        let text = text.get(..end).unwrap_or(text).to_owned();
        Self {
            origin,
            level,
            text,
            longest,
            fields: Vec::new(),
        }
    }

    /// What is shown of the text.
    pub(super) fn message(&self) -> String {
        harmless::line(&self.text, self.longest)
    }
}

impl From<Spoken> for LogLine {
    fn from(spoken: Spoken) -> Self {
        Self {
            origin: spoken.origin,
            level: spoken.level,
            message: spoken.message(),
            fields: spoken.fields,
        }
    }
}

impl Level {
    /// `trace`, `debug`, `info`, `warn`, `error`: as events spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}
