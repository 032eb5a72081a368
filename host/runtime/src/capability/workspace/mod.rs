//! The workspace capability: the folders of a step, handed to its guest.

mod cache;
mod client;
mod handle;
mod host;
#[cfg(test)]
mod tests;

pub use cache::{AttachedCache, Caches};
pub use client::{Source, Workspace};
pub use handle::{Fetch, Handle, Supply};

pub(crate) use host::{WorkspaceAccess, WorkspaceContext, WorkspaceView};
