//! OCI images, in the host's own store and in layouts beside the environment file.

pub use crate::bindings::images::{Draft, Image, ImageConfig, keep, kept, resolve};

use crate::{Failure, registry};

/// The image of a reference, wherever it is: `oci:…` in a layout beside the environment file,
/// `layout:…` in the host's own store, all others in a registry. A plugin that calls this needs
/// both capabilities, `images` and `registry`.
///
/// # Errors
/// When it is not there, or may not be used.
pub fn find(reference: &str) -> Result<Image, Failure> {
    match reference.starts_with("oci:") || reference.starts_with("layout:") {
        true => resolve(reference),
        false => registry::resolve(reference),
    }
}

/// Nothing said: a draft keeps all of its base.
impl Default for ImageConfig {
    fn default() -> Self {
        Self {
            entrypoint: Vec::new(),
            command: Vec::new(),
            environment: Vec::new(),
            working_directory: String::new(),
            user: String::new(),
            ports: Vec::new(),
            labels: Vec::new(),
        }
    }
}
