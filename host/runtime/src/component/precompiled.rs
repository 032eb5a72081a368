//! Loads compiled components. The only unsafe code of this crate that is not generated.
//!
//! A compiled component is machine code, and loading it means trusting it. What is loaded
//! here was written by this host into a folder that only the host can write
//! ([`cache`](super::cache) sees to that), under a name that holds the digest of the
//! component and the hash of everything that the engine's code generation depends on.

#![allow(
    unsafe_code,
    reason = "wasmtime cannot check machine code; the folder it comes from is the host's own"
)]

use std::path::Path;

use wasmtime::Engine;
use wasmtime::component::Component;

/// Maps a compiled component into memory.
///
/// # Errors
/// When it was compiled by another version of wasmtime, or for another machine.
pub(super) fn load(engine: &Engine, path: &Path) -> wasmtime::Result<Component> {
    // SAFETY: the callers hand in only paths inside the cache folder, which holds nothing but
    // what `Engine::precompile_component` wrote there as a whole.
    unsafe { Component::deserialize_file(engine, path) }
}
