//! A flag that ends a long operation on files from outside.
//!
//! The operations are ordinary blocking code on a thread of their own, and no thread can be
//! stopped from outside: they look at this flag between pieces of work.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Raised once by whoever started an operation; all clones see it.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// A flag that nobody has raised.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks the operations that hold this flag to end soon.
    pub fn raise(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was raised.
    #[must_use]
    pub fn is_raised(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
