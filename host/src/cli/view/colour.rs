//! Colours of states, always beside their words: whoever sees none of them misses nothing.
//!
//! Whether there are any is a property of this process's standard output, so it is decided
//! once, when the command line is read. Must never colour what a plugin or a program said.

use std::io::{IsTerminal, stdout};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::cli::arguments::Colour;

/// Are there colours? Not until it is decided.
static ON: AtomicBool = AtomicBool::new(false);

/// Decides for the rest of the process. Left to itself, there are colours on a terminal that
/// is not dumb, unless `NO_COLOR` (no-color.org) holds anything.
pub(crate) fn decide(wish: Colour) {
    let says = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let on = match wish {
        Colour::Always => true,
        Colour::Never => false,
        Colour::Auto => {
            stdout().is_terminal()
                && says("NO_COLOR").is_none()
                && says("TERM").is_none_or(|terminal| terminal != "dumb")
        }
    };
    ON.store(on, Ordering::Relaxed);
}

/// The word of a state, in its colour. Blanks around it do not matter.
pub(crate) fn state(word: &str) -> String {
    shade(word.trim(), word)
}

/// A text in the colour of a state.
pub(crate) fn shade(state: &str, text: &str) -> String {
    match code(state).filter(|_| ON.load(Ordering::Relaxed)) {
        Some(code) => format!("\u{1b}[{code}m{text}{RESET}"),
        None => text.to_owned(),
    }
}

/// Ends a colour (ECMA-48, SGR).
pub(crate) const RESET: &str = "\u{1b}[0m";

fn code(state: &str) -> Option<u8> {
    const RED: u8 = 31;
    const GREEN: u8 = 32;
    const YELLOW: u8 = 33;
    const CYAN: u8 = 36;
    const GREY: u8 = 90;
    Some(match state {
        "succeeded" | "done" | "ready" | "completed" => GREEN,
        "failed" | "lost" => RED,
        "waiting" | "queued" | "cancelled" | "was cancelled" | "stopped" | "interrupted" => YELLOW,
        "running" | "starting" | "started" => CYAN,
        "unchanged" | "skipped" | "was skipped" | "absent" | "not deployed" => GREY,
        _ => return None,
    })
}
