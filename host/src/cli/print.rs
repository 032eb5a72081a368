//! The only place that writes to standard output and standard error.

use std::fmt::Write as _;
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
    line(&steady(&serde_json::to_string(object)?))
}

/// JSON in which nothing steers a terminal: what could is escaped, which a reader of JSON
/// undoes. (RFC 8259 wants that of the first 32 characters only.)
pub(super) fn steady(json: &str) -> String {
    let mut steady = String::with_capacity(json.len());
    for character in json.chars() {
        if is_steady(character) {
            steady.push(character);
        } else {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                // Writing to a string cannot fail.
                let _ = write!(steady, "\\u{unit:04x}");
            }
        }
    }
    steady
}

/// So many of something: `1 service`, `2 services`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        number => format!("{number} {noun}s"),
    }
}

/// Neither a control character beyond those that lay JSON out, nor one that changes the
/// direction of writing (Unicode Standard Annex 9) or breaks lines.
fn is_steady(character: char) -> bool {
    !matches!(character,
        '\u{7f}'..='\u{9f}' | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}')
}

/// Tells a person something that is not a result.
pub(crate) fn note(text: &str) {
    // Nobody is left to tell when standard error is gone.
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::steady;

    #[test]
    fn json_says_the_same_without_steering_a_terminal() {
        let text = "a\u{9b}31m \u{202e}gnp.exe \u{1b}[2J é \"\n\u{2028}";
        let json = steady(&serde_json::to_string(text).unwrap());
        assert_eq!(
            json,
            "\"a\\u009b31m \\u202egnp.exe \\u001b[2J é \\\"\\n\\u2028\""
        );
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }
}
