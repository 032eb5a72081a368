//! One line of a log, made harmless for terminals and bounded in size.

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
