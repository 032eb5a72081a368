//! Time for guests, which have no clock of their own. They learn how long they have been
//! running, never what time it is.

use std::time::{Duration, Instant};

use wasmtime::component::HasData;

use crate::bindings::offered::clock;
use crate::call::Operations;

/// The longest wait of one call, in milliseconds.
const LONGEST_SLEEP: u32 = 60_000;

/// Marks the data that `clock` works on.
pub(crate) struct Time;

/// When the call began, when it is over, and what ends a wait early.
pub(crate) struct ClockView<'a> {
    pub(crate) began: Instant,
    pub(crate) deadline: Instant,
    pub(crate) operations: &'a mut Operations,
}

impl HasData for Time {
    type Data<'a> = ClockView<'a>;
}

impl clock::Host for ClockView<'_> {
    fn elapsed(&mut self) -> wasmtime::Result<u64> {
        Ok(milliseconds(self.began.elapsed()))
    }

    async fn remaining(&mut self) -> wasmtime::Result<Option<u64>> {
        Ok(Some(milliseconds(
            self.deadline.saturating_duration_since(Instant::now()),
        )))
    }

    async fn sleep(&mut self, milliseconds: u32) -> wasmtime::Result<bool> {
        let pause = Duration::from_millis(u64::from(milliseconds.min(LONGEST_SLEEP)));
        let cancelled = self.operations.requested().cancelled();
        Ok(tokio::time::timeout(pause, cancelled).await.is_err())
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
