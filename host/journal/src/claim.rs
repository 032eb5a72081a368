//! The right to write to the deployments of an environment, which outlives no later one.
//!
//! The lock of an environment is held by a process, and a process can lose it without knowing:
//! it is stopped, and somebody removes the file of the lock. So whoever takes the lock also
//! claims the environment in the journal, and every append says by which claim; the journal
//! compares them inside the transaction that writes. Claims are made by a journal only.

/// One driver's right to write, given by [`Journal::claim`](crate::Journal::claim).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    environment: String,
    number: u64,
}

impl Claim {
    pub(crate) fn new(environment: String, number: u64) -> Self {
        Self {
            environment,
            number,
        }
    }

    /// The environment that is claimed.
    pub fn environment(&self) -> &str {
        &self.environment
    }

    /// Counted from 1 in its environment; the latest alone is good.
    pub fn number(&self) -> u64 {
        self.number
    }
}
