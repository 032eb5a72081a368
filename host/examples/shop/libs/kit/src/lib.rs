//! What the programs of the shop share: HTTP, JSON, settings, and the client of the database.
//!
//! It exists so that each program is about its own subject, and so that the whole shop builds
//! with nothing but a Rust toolchain. Every size and every wait in it is bounded. It must never
//! grow into a framework: what only one program needs belongs to that program.

pub mod http;
pub mod json;
pub mod log;
pub mod product;
pub mod program;
pub mod setting;
pub mod store;
