//! Time, which a guest has only from the host.
//!
//! Outside the sandbox time is virtual and belongs to the thread: it moves when somebody
//! sleeps, so a test of a waiting loop ends at once.

use std::time::Duration;

/// The longest wait that the host grants in one call.
#[cfg(target_arch = "wasm32")]
const LONGEST: Duration = Duration::from_secs(60);

/// Since the call began.
pub fn elapsed() -> Duration {
    #[cfg(target_arch = "wasm32")]
    return Duration::from_millis(crate::bindings::clock::elapsed());
    #[cfg(not(target_arch = "wasm32"))]
    return crate::outside::elapsed();
}

/// Until the host ends the step; none when it has no deadline, as outside the sandbox.
pub fn remaining() -> Option<Duration> {
    #[cfg(target_arch = "wasm32")]
    return crate::bindings::clock::remaining().map(Duration::from_millis);
    #[cfg(not(target_arch = "wasm32"))]
    return None;
}

/// Waits. False when the wait ended early because the step was cancelled.
#[must_use]
pub fn sleep(pause: Duration) -> bool {
    #[cfg(target_arch = "wasm32")]
    {
        let mut left = pause;
        while !left.is_zero() {
            let piece = left.min(LONGEST);
            // At most 60,000, and never 0: what is left below a millisecond is rounded up.
            let millis = piece.as_millis().max(1) as u32;
            if !crate::bindings::clock::sleep(millis) {
                return false;
            }
            left = left.saturating_sub(piece);
        }
        true
    }
    #[cfg(not(target_arch = "wasm32"))]
    {
        crate::outside::pass(pause);
        true
    }
}
