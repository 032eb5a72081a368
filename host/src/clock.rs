//! Time, as `compose` hands it in: nobody else asks the operating system.

use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};
use stagewright_pipeline::Timestamp;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// The time of day, which somebody may set at any moment.
    fn now(&self) -> Timestamp;

    /// How long the machine has been up, which nobody can set.
    fn uptime(&self) -> Uptime;
}

/// A reading that only goes forward, evenly, until the machine is started anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uptime {
    /// Names the start of the machine that it counts from.
    pub boot: String,
    /// Milliseconds since then, sleep included.
    pub millis: u64,
}

/// The machine's clocks.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        // A clock before 1970 is a clock that was never set.
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    fn uptime(&self) -> Uptime {
        static BOOT: LazyLock<String> = LazyLock::new(|| {
            // Without a name no other reading counts as one of the same start.
            std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default()
        });
        let at = clock_gettime(ClockId::Boottime);
        let seconds = u64::try_from(at.tv_sec).unwrap_or_default();
        let millis = u64::try_from(at.tv_nsec / 1_000_000).unwrap_or_default();
        Uptime {
            boot: BOOT.trim().to_owned(),
            millis: seconds.saturating_mul(1_000).saturating_add(millis),
        }
    }
}
