//! Engines of others that the program talks to, the real ones: started when a test needs them,
//! gone with the test program however that ends.

mod docker;
mod leash;
mod registry;

pub use docker::{Docker, OwnDocker};
pub use registry::Registry;
