//! What the environment says about a run: how long it lasts, and where it begins.

use std::path::PathBuf;
use std::time::Duration;

/// How long one target runs where nothing is said.
const USUAL: Duration = Duration::from_secs(2);

/// Where the mutated inputs of a usual run begin.
const USUAL_SEED: u64 = 1;

/// For how long a target runs: `STAGEWRIGHT_FUZZ_SECONDS`.
pub(crate) fn time() -> Duration {
    number("STAGEWRIGHT_FUZZ_SECONDS").map_or(USUAL, Duration::from_secs)
}

/// The seed of the first mutated input: `STAGEWRIGHT_FUZZ_SEED`, else a fresh one in a run whose
/// time is given. In the usual run it is always the same, so that a change fails for what is in
/// it and not by chance.
pub(crate) fn seed() -> u64 {
    let chosen = number("STAGEWRIGHT_FUZZ_SEED");
    let fresh = number("STAGEWRIGHT_FUZZ_SECONDS").map(|_| u64::from(fastrand::u32(..)));
    chosen.or(fresh).unwrap_or(USUAL_SEED)
}

/// Where inputs that broke something are left: `fuzz` in cargo's target folder, which the
/// test's own program is three levels below.
pub(crate) fn folder() -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    let target = program.ancestors().nth(3);
    target.map_or_else(std::env::temp_dir, |target| target.join("fuzz"))
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}
