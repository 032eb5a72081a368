//! OCI images, in the host's own store and in layouts beside the environment file.

pub use crate::bindings::images::{Draft, Image, ImageConfig, keep, kept, resolve};

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
