//! Lines on standard output, which the deployment keeps as the log of the service.

use std::fmt;
use std::io::{self, Write};

/// Prints one line, with the name of the program in front.
///
/// A line that cannot be written is dropped: there is no other place to complain to, and a
/// service must not stop serving because nobody reads its log any more.
pub fn line(program: &str, text: fmt::Arguments<'_>) {
    let _ = writeln!(io::stdout().lock(), "{program}: {text}");
}
