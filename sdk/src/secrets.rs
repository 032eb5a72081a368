//! Secrets that the service's variables name. A secret goes to where it is used without
//! passing through the plugin; revealing one is a grant of its own.

pub use crate::bindings::secrets::{Secret, get};
