//! Does a program of the release say that it is well?

use std::time::Duration;

use super::super::process::{Exit, Release};
use super::Error;

/// The longest that one program may take, in milliseconds.
const LONGEST: u32 = 300_000;

/// Runs a program in the release, with the environment of its process, and answers with how
/// it ended. What it prints is not kept.
///
/// # Errors
/// [`Error::TimedOut`] when it took too long, and what hinders it from starting.
pub async fn exec(release: &Release, argv: &[String], timeout_ms: u32) -> Result<Exit, Error> {
    let timeout_ms = timeout_ms.min(LONGEST);
    let timeout = Duration::from_millis(timeout_ms.into());
    let ended = release.execute(argv, timeout).await?;
    ended.ok_or_else(|| Error::TimedOut {
        program: argv.first().cloned().unwrap_or_default(),
        timeout_ms,
    })
}
