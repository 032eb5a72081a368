//! Engines of others that the program talks to, the real ones: started when a test needs them,
//! gone with the test program however that ends.

mod certificate;
mod docker;
mod leash;
mod proxy;
mod registry;
mod tokens;

pub use certificate::Certificate;
pub use docker::{Docker, OwnDocker};
pub use proxy::{Asked, Fault, Proxy};
pub use registry::Registry;
pub use tokens::{Known, Tokens};
