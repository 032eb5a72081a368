//! Answers that are larger than anybody wants to read.

use stagewright_sdk::{Failure, Output, State};

/// Bytes of one text that is too large: more than the host takes in one call.
const TEXT: usize = 32 * 1024 * 1024;
/// Items of a list that is too long: with their texts more than the host takes.
const ITEMS: usize = 1_000_000;

pub(crate) fn giant_text() -> String {
    "y".repeat(TEXT)
}

pub(crate) fn giant_list() -> Vec<(String, String)> {
    (0..ITEMS).map(|_| ("n".repeat(8), "v".repeat(8))).collect()
}

/// Within what one call may hand over, and far beyond what is ever shown.
pub(crate) fn giant_failure() -> Failure {
    let mut failure = Failure::new("rogue.giant", "m".repeat(TEXT / 8));
    failure.details = (0..50_000)
        .map(|at| (format!("detail {at}"), "d".to_owned()))
        .collect();
    failure
}

pub(crate) fn giant_state() -> State {
    let output = |at: usize| Output {
        name: format!("output-{at}"),
        value: "o".to_owned(),
        sensitive: false,
    };
    State::new("ready", "It has much to say.").outputs((0..50_000).map(output).collect())
}
