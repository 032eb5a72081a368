//! The workspace capability: the folders of a step, handed to its guest.

mod cache;
mod client;

pub use cache::{AttachedCache, Caches};
pub use client::{Source, Workspace};
