//! The images capability: OCI images in the host's own store, and in layouts beside an
//! environment file.

mod adopt;
mod blobs;
mod choice;
mod config;
mod digest;
mod draft;
mod error;
mod host;
mod image;
mod layout;
mod pack;
mod partial;
mod reference;
mod runnable;
mod store;
#[cfg(test)]
mod tests;
mod unpack;

pub use config::ImageConfig;
pub use digest::Digest;
pub use draft::Draft;
pub use error::ImageError;
pub use image::{Image, Layer};
pub use layout::Layout;
pub use reference::{Reference, Selector};
pub use runnable::check_runnable;
pub use store::{Scope, Store};
pub use unpack::{UnpackLimits, unpack};

pub(crate) use adopt::{Spool, diff_ids};
pub(crate) use choice::choose;
pub(crate) use host::{ImageAccess, ImagesContext, ImagesView};
pub(crate) use layout::{LARGEST_DOCUMENT, is_index};
pub(crate) use pack::Packed;
pub(crate) use partial::Partial;
