//! The only place that writes to standard output and standard error.

use std::io::{ErrorKind, Write};

use anyhow::Result;
use serde::Serialize;

/// Prints one line. A reader that has gone away (`| head`) ends the program's interest in
/// printing, not the work behind it.
///
/// # Errors
/// When standard output cannot be written for another reason.
pub(crate) fn line(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}

/// Prints one JSON object on a line of its own.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn json(object: &impl Serialize) -> Result<()> {
    line(&serde_json::to_string(object)?)
}

/// Tells a person something that is not a result.
pub(crate) fn note(text: &str) {
    // Nobody is left to tell when standard error is gone.
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}
