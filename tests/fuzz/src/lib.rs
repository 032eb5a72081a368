//! Runs a property over mutated inputs, for as long as a test may take.
//!
//! What the host reads was written by others: files, answers, bytes on disk and on the wire.
//! A [`Target`] takes inputs as they really are, changes them at random and hands them to a
//! property, which says whether the input was taken or refused and panics where a promise is
//! broken. It needs no nightly compiler and no instrumentation, so every ordinary test run
//! fuzzes a little; by hand it goes on for as long as one likes:
//!
//! ```console
//! $ STAGEWRIGHT_FUZZ_SECONDS=600 cargo test --workspace -- fuzz
//! ```
//!
//! A failure names the seed of its input (`STAGEWRIGHT_FUZZ_SEED` repeats it) and leaves the
//! input, made smaller, in `target/fuzz/`. Only tests may depend on this crate.

mod finding;
mod mutation;
mod panic;
mod settings;
mod shrink;
mod target;
mod watch;

pub use finding::Finding;
pub use mutation::Shape;
pub use target::{Counts, Target, Verdict};
