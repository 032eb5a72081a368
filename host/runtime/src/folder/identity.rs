//! What a file system says about a file without it being read, and when that can be trusted.
//!
//! The time of the last change of an inode cannot be set by programs, so a file whose identity
//! is the same has the same content — but for changes that fall into one tick of the clock that
//! times are taken from. Whoever keeps an identity must therefore ask
//! [`Identity::is_settled`] with the [`Moment`] at which it began to read.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;

use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

/// Seconds that a file system may cut off its times (FAT keeps every second one).
const COARSEST: i64 = 2;

/// Which file it is, and in which state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The file system.
    pub device: u64,
    /// The file in it.
    pub inode: u64,
    /// Bytes.
    pub size: u64,
    /// Kind and permission bits.
    pub mode: u32,
    /// When the content was changed: seconds and nanoseconds since 1970. Programs can set it.
    pub modified: (i64, i64),
    /// When content or attributes were changed, the same way. Programs cannot set it.
    pub changed: (i64, i64),
}

impl Identity {
    /// What the file system said.
    #[must_use]
    pub fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            mode: metadata.mode(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// Whether every change after `moment` is sure to give the file another identity.
    #[must_use]
    pub fn is_settled(&self, moment: Moment) -> bool {
        settles(self.changed) < moment.0
    }
}

/// The end of the tick in which something was changed. A time of whole microseconds may have
/// been cut off by the file system; only few others have such a time.
pub(super) fn settles((seconds, nanoseconds): (i64, i64)) -> (i64, i64) {
    match nanoseconds % 1_000 {
        0 => (seconds.saturating_add(COARSEST), nanoseconds),
        _ => (seconds, nanoseconds),
    }
}

/// A moment on the clock that the kernel takes the times of files from, which goes in ticks of
/// some milliseconds: seconds and nanoseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub(crate) (i64, i64));

impl Moment {
    /// Now.
    #[must_use]
    pub fn now() -> Self {
        let time = clock_gettime(ClockId::RealtimeCoarse);
        Self((time.tv_sec, time.tv_nsec))
    }
}
