//! What is not needed any more, as those tell of it who know where it lies.
//!
//! Who asks says what is needed. Beside that, whatever was made or used since a given moment
//! stays, since somebody may be about to need it.

use std::fs::File;
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// A file whose time is this young is not marked as used again.
const YOUNG: Duration = Duration::from_secs(60);

/// Something that was removed, or would be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Garbage {
    /// What it is, as people call it.
    pub name: String,
    /// Bytes on the disk.
    pub bytes: u64,
}

/// How garbage is collected.
#[derive(Clone, Copy, Debug)]
pub struct Sweep {
    /// What was made or used since then stays.
    pub before: SystemTime,
    /// Tells what would be removed, and removes nothing.
    pub dry_run: bool,
}

impl Sweep {
    /// Is a file old enough? One whose time cannot be told is not.
    pub(crate) fn takes(&self, metadata: &std::fs::Metadata) -> bool {
        metadata
            .modified()
            .is_ok_and(|changed| changed < self.before)
    }
}

/// Marks a file or a folder as used just now.
///
/// # Errors
/// When it is not there any more, or not ours.
pub fn touch(path: &Path) -> io::Result<()> {
    let file = File::open(path)?;
    let now = SystemTime::now();
    let changed = file.metadata()?.modified()?;
    if now.duration_since(changed).is_ok_and(|age| age < YOUNG) {
        return Ok(());
    }
    file.set_modified(now)
}
