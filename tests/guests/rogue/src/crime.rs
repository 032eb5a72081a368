//! What can be done in any export, without a folder or a program at hand.

use std::hint::black_box;

use serde::Deserialize;
use stagewright_sdk::{Failure, Retry, cancel, clock, log};

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Crime {
    /// Computes for ever.
    Loop,
    /// Calls the host for ever.
    Chatter,
    /// Logs for ever.
    Babble,
    /// Waits for ever.
    Sleep,
    /// Answers well, after its deadline.
    Late,
    /// Takes memory until there is none.
    Memory,
    /// Calls itself until the stack is full.
    Recursion,
    /// Panics, as a plugin does that has a bug.
    Panic,
    /// Traps without a word.
    Trap,
    /// Ends its process, as a program would.
    Exit,
    /// Logs 1 GiB in long lines, then fails.
    Flood,
    /// Logs 32 million lines of one character in 64 messages, then fails.
    Blank,
    /// Says what moves cursors, in its log and in its failure.
    Escapes,
    /// Fails with more than anybody reads.
    GiantFailure,
    /// Answers with more than anybody reads.
    GiantAnswer,
    /// Copies a tree for ever.
    Copy,
    /// Hashes a tree for ever.
    Digest,
    /// Lists a tree for ever.
    List,
    /// Packs a tree for ever.
    Pack,
    /// Keeps images for ever.
    Keep,
    /// Takes handles, and gives none back.
    Handles,
    /// Runs a program that does not end.
    Run,
    /// Waits for a job that does not end.
    Wait,
    /// Asks a port that accepts and says nothing.
    Http,
    /// As before, by gRPC.
    Grpc,
    /// Runs a check that does not end.
    Exec,
    /// Asks a port that nobody listens on, again and again.
    Tcp,
}

/// A terminal is cleared, retitled and made to answer; letters change places.
const ESCAPES: &str = "\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m\r\u{8}\u{202e}txt.exe\u{2028}";
/// How much one message of the flood holds.
const MESSAGE: usize = 1024 * 1024;

/// Does what is asked for, if it can be done anywhere.
pub(crate) fn commit(crime: Crime) -> Result<(), Failure> {
    match crime {
        Crime::Loop => spin(|| {}),
        Crime::Chatter => spin(|| {
            black_box(cancel::requested());
        }),
        Crime::Babble => spin(|| log::info("and another thing")),
        Crime::Sleep => spin(|| {
            let _ = clock::sleep(std::time::Duration::from_secs(3600));
        }),
        Crime::Late => {
            let deadline = clock::remaining().map(|left| clock::elapsed() + left);
            let late = deadline.map(|deadline| deadline + std::time::Duration::from_millis(50));
            while late.is_some_and(|late| clock::elapsed() < late) {}
            Ok(())
        }
        Crime::Memory => hoard(),
        Crime::Recursion => {
            black_box(deeper(0));
            Ok(())
        }
        Crime::Panic => break_down(),
        Crime::Trap => trap(),
        Crime::Exit => {
            crate::exit::exit(Err(()));
            Ok(())
        }
        Crime::Flood => flood(1024, &long_lines()),
        Crime::Blank => flood(64, &".\n".repeat(MESSAGE / 2)),
        Crime::Escapes => Err(escape()),
        Crime::GiantFailure => Err(crate::answer::giant_failure()),
        _ => Ok(()),
    }
}

fn spin(mut turn: impl FnMut()) -> ! {
    loop {
        turn();
        black_box(());
    }
}

/// Touches what it takes, so that it is really there.
fn hoard() -> Result<(), Failure> {
    let mut hoard: Vec<Vec<u8>> = Vec::new();
    loop {
        hoard.push(black_box(vec![1; 1024 * 1024]));
    }
}

#[expect(unconditional_recursion, reason = "that is the crime")]
fn deeper(depth: u64) -> u64 {
    black_box(deeper(black_box(depth + 1))) + 1
}

#[expect(clippy::panic, reason = "that is the crime")]
fn break_down() -> Result<(), Failure> {
    panic!("the rogue broke down")
}

fn trap() -> Result<(), Failure> {
    #[cfg(target_arch = "wasm32")]
    core::arch::wasm32::unreachable();
    #[cfg(not(target_arch = "wasm32"))]
    std::process::abort();
}

/// One message of lines of 8 KiB.
fn long_lines() -> String {
    let line = "x".repeat(8 * 1024 - 1) + "\n";
    line.repeat(MESSAGE / line.len())
}

fn flood(messages: usize, message: &str) -> Result<(), Failure> {
    for _ in 0..messages {
        log::info(message);
    }
    log::info("the end of the flood");
    Err(Failure::new("rogue.flood", "it has said everything"))
}

fn escape() -> Failure {
    log::write(
        log::Level::Info,
        &format!("log {ESCAPES}"),
        &[(format!("name {ESCAPES}"), format!("value {ESCAPES}"))],
    );
    stagewright_sdk::progress::report(1, Some(2), &format!("progress {ESCAPES}"));
    let mut failure = Failure::new(
        format!("rogue.{ESCAPES}"),
        format!("the message {ESCAPES} goes on"),
    )
    .hint(format!("the hint {ESCAPES}"));
    failure.retry = Retry::Never;
    failure.details = vec![(format!("name {ESCAPES}"), format!("value {ESCAPES}"))];
    failure
}
