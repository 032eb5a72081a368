//! What stands in for the host where a plugin's logic is tested: log lines on standard error,
//! and time that moves when somebody sleeps. No part of a guest.

use std::cell::Cell;
use std::time::Duration;

use crate::log::Level;

thread_local! {
    static NOW: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

pub(crate) fn elapsed() -> Duration {
    NOW.get()
}

pub(crate) fn pass(time: Duration) {
    NOW.set(NOW.get().saturating_add(time));
}

#[expect(
    clippy::print_stderr,
    reason = "there is no host whose log could take the line"
)]
pub(crate) fn line(level: Level, message: &str, fields: &[(String, String)]) {
    eprintln!("{level:?}: {message} {fields:?}");
}
