//! All that a guest can reach: the sandbox and the capabilities.
mod bindings;
mod capability;
