//! Images in container registries. The host has the credentials, and lets a plugin use the
//! repositories that are granted to it.

pub use crate::bindings::registry::{exists, pull, push, resolve, tag, tags};
