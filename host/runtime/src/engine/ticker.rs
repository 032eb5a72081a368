//! The thread that makes time pass for guests: it ticks the engine's epoch every 10 ms, so
//! that a guest that never calls the host still gives its thread back.
//!
//! It ticks only while something runs, sleeps without waking otherwise, and ends with the
//! engine.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use wasmtime::EngineWeak;

/// How long a guest may run before others get a turn.
const TICK: Duration = Duration::from_millis(10);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<Count>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Count {
    running: u32,
    ended: bool,
    /// The thread has to be woken: it waits for something to run, not for the next tick.
    asleep: bool,
}

/// Owns the thread, which ends when this is dropped.
#[derive(Debug)]
pub(super) struct Ticker {
    shared: Arc<Shared>,
}

/// While it lives, the epoch ticks.
#[derive(Debug)]
pub(super) struct Running {
    shared: Arc<Shared>,
}

impl Ticker {
    pub(super) fn start(engine: EngineWeak) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let seen = Arc::clone(&shared);
        std::thread::Builder::new()
            .name("epoch".into())
            .spawn(move || tick(&seen, &engine))?;
        Ok(Self { shared })
    }

    pub(super) fn running(&self) -> Running {
        self.shared.change(|count| count.running += 1);
        Running {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl Shared {
    fn change(&self, change: impl FnOnce(&mut Count)) {
        let mut count = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut count);
        if std::mem::take(&mut count.asleep) || count.ended {
            self.changed.notify_one();
        }
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.change(|count| count.ended = true);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shared.change(|count| count.running -= 1);
    }
}

fn tick(shared: &Shared, engine: &EngineWeak) {
    loop {
        let count = shared.state.lock().unwrap_or_else(PoisonError::into_inner);
        let count = shared
            .changed
            .wait_while(count, |count| {
                count.asleep = count.running == 0 && !count.ended;
                count.asleep
            })
            .unwrap_or_else(PoisonError::into_inner);
        let (count, _) = shared
            .changed
            .wait_timeout_while(count, TICK, |count| !count.ended)
            .unwrap_or_else(PoisonError::into_inner);
        let ended = count.ended;
        drop(count);
        match engine.upgrade() {
            Some(engine) if !ended => engine.increment_epoch(),
            _ => return,
        }
    }
}
