//! An input that breaks a promise, and all that is needed to see it again.

use std::fmt;
use std::path::PathBuf;

/// How much of an input is shown.
const SHOWN: usize = 2_000;

/// Why a target did not end well.
pub enum Finding {
    /// The property panicked.
    Broken {
        /// The target.
        target: String,
        /// The seed of the input; nothing for one that was not mutated.
        seed: Option<u64>,
        /// What the panic said of the smallest input.
        said: String,
        /// The smallest input that still breaks the property.
        input: Vec<u8>,
        /// Where that input was left, unless it could not be.
        file: Option<PathBuf>,
    },
    /// Inputs were only ever taken, or only ever refused: the target tests half of what it
    /// should.
    OneSided {
        /// The target.
        target: String,
        /// How many inputs were taken.
        accepted: u64,
        /// How many were refused.
        refused: u64,
    },
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broken {
                target,
                seed,
                said,
                input,
                file,
            } => {
                let shown = input.get(..SHOWN).unwrap_or(input);
                writeln!(f, "{target}: {said}")?;
                match seed {
                    Some(seed) => writeln!(f, "again with STAGEWRIGHT_FUZZ_SEED={seed}")?,
                    None => writeln!(f, "the input is one of those that the target began with")?,
                }
                if let Some(file) = file {
                    writeln!(f, "the input is in {}", file.display())?;
                }
                write!(f, "input ({} bytes): {}", input.len(), shown.escape_ascii())
            }
            Self::OneSided {
                target,
                accepted,
                refused,
            } => write!(
                f,
                "{target}: {accepted} inputs were taken and {refused} refused; both must happen"
            ),
        }
    }
}

/// As [`Display`](fmt::Display), for it is what a test prints that unwraps a result.
impl fmt::Debug for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Finding {}
