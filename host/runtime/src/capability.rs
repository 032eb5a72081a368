//! What the host offers to guests, one room each.
//!
//! Every room has the same shape: `mod` holds the context that a call brings along and what
//! of it is granted, `host` implements the WIT interface over it, and where there is IO, the
//! client beside them does it and knows nothing of guests. A capability that a call was not
//! given answers with a failure; it is never missing silently.

pub mod cancel;
pub mod clock;
pub mod docker;
pub mod images;
pub mod log;
pub mod probe;
pub mod process;
pub mod progress;
pub(crate) mod refusal;
pub mod registry;
pub mod secrets;
pub mod workspace;
