//! Guests that misbehave, each beside three honest services, through the real program.
//!
//! What is shown of each: the honest services end well, and before it where it does not end by
//! itself; its error names the cause, the limit and the remedy; its slot is used again at once;
//! the memory of the host returns to its level; and nothing that it says reaches a terminal.

mod assembled;
mod beside;
mod cancelled;
mod endless;
mod exports;
mod finite;
mod memory;
mod refused;
mod slots;
mod speech;
mod stage;
