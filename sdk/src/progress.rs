//! How far a step is, for people who watch.

/// Says that `done` of `total` is done, `total` being in the same unit and left out when it is
/// not known. Says nothing outside the sandbox.
pub fn report(done: u64, total: Option<u64>, what: &str) {
    #[cfg(target_arch = "wasm32")]
    crate::bindings::progress::report(done, total, what);
    #[cfg(not(target_arch = "wasm32"))]
    let _ = (done, total, what);
}
