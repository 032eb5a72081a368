//! A Docker engine, through its API: builds, containers, the network of an environment and the
//! volumes of its services.
//!
//! Everything that is made here carries [`labels`], and only what carries those of the step's
//! own service is seen or touched. Who can reach the engine's socket is root on its machine, so
//! no guest ever gets near it: what a guest can say is typed, and this room decides what it
//! becomes. It must never make a container privileged, put it into the machine's network, give
//! it folders or devices of the machine, or put a secret anywhere but into the environment of
//! a container or the secret mounts of a build.

mod address;
mod announce;
mod build;
mod build_output;
mod container;
mod context;
mod create;
mod engine;
mod error;
mod export;
mod host;
mod ignore;
mod labels;
mod load;
mod logs;
mod network;
mod outputs;
mod pipe;
mod probe;
mod settings;
mod state;
mod volume;

pub use container::Container;
pub use engine::{Engine, Info};
pub use error::Error;
pub use settings::{Settings, Tls};

pub(crate) use host::{DockerAccess, DockerContext, DockerView};
