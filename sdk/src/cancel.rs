//! Whether the step was cancelled. Ask between pieces of work; calls to the host end by
//! themselves.

/// Was this step cancelled? Never, outside the sandbox.
pub fn requested() -> bool {
    #[cfg(target_arch = "wasm32")]
    return crate::bindings::cancel::requested();
    #[cfg(not(target_arch = "wasm32"))]
    return false;
}
