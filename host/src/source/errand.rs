//! Runs blocking work on a thread of its own, so that it can be cancelled and watched.
//!
//! A thread of its own, and not one of the runtime's: work that waits for a silent server cannot
//! be interrupted, and must neither delay the answer to a cancel nor the end of the program.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use tokio::{
    sync::oneshot,
    time::{self, Instant, MissedTickBehavior},
};
use tokio_util::sync::CancellationToken;

use super::{
    SourceError,
    meter::{Meter, Report},
};

/// How long work may take to notice that it was cancelled before it is left alone. What it still
/// does then is under a temporary name, and it keeps its locks until it ends.
const GRACE: Duration = Duration::from_secs(2);
/// How often progress is told.
const REPORT_EVERY: Duration = Duration::from_millis(200);

/// What work is given: where it sees that it was cancelled, and where it tells how far it is.
pub(super) struct Errand {
    pub(super) interrupted: Arc<AtomicBool>,
    pub(super) meter: Meter,
}

impl Errand {
    pub(super) fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }
}

/// Interrupts the work when nobody waits for it any more.
struct Abandon(Arc<AtomicBool>);

impl Drop for Abandon {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Runs `work` to its end, or until shortly after `cancel` fires.
pub(super) async fn run<T: Send + 'static>(
    cancel: &CancellationToken,
    report: Option<&Report>,
    work: impl FnOnce(&Errand) -> Result<T, SourceError> + Send + 'static,
) -> Result<T, SourceError> {
    if cancel.is_cancelled() {
        return Err(SourceError::Cancelled);
    }
    let interrupted = Arc::new(AtomicBool::new(false));
    let abandon = Abandon(Arc::clone(&interrupted));
    let meter = Meter::default();
    let errand = Errand {
        interrupted,
        meter: meter.clone(),
    };
    let (sender, mut answer) = oneshot::channel();
    thread::Builder::new()
        .name("source".to_owned())
        .spawn(move || sender.send(work(&errand)))
        .map_err(SourceError::io("start a thread for", "source"))?;

    let mut ticks = time::interval(REPORT_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut given_up = None;
    loop {
        tokio::select! {
            biased;
            answer = &mut answer => return answer.unwrap_or_else(|_| Err(panicked())),
            () = cancel.cancelled(), if given_up.is_none() => {
                abandon.0.store(true, Ordering::Relaxed);
                given_up = Some(Instant::now() + GRACE);
            }
            () = time::sleep_until(given_up.unwrap_or_else(Instant::now)), if given_up.is_some() => {
                return Err(SourceError::Abandoned);
            }
            _ = ticks.tick(), if report.is_some() => {
                if let (Some(report), Some(progress)) = (report, meter.read()) {
                    report(&progress);
                }
            }
        }
    }
}

fn panicked() -> SourceError {
    let source = io::Error::other("its thread panicked");
    SourceError::io("finish the work on", "source")(source)
}
