//! How a program of the shop starts and how it ends.

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

/// The error of a program's main part, of any kind.
pub type Failure = Box<dyn Error + Send + Sync>;

/// Runs the main part of a program. An error becomes a line on standard error and exit code 1.
pub fn run(program: &str, main: impl FnOnce() -> Result<(), Failure>) -> ExitCode {
    match main() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // The exit code says it too, should nobody read standard error.
            let _ = writeln!(io::stderr().lock(), "{program}: {failure}");
            ExitCode::FAILURE
        }
    }
}
