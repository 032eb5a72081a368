//! A cheap sign that a sub-tree has not been touched: what the file system says about it,
//! without reading a byte of content.
//!
//! The time of the last change of an inode cannot be set by programs, so equal stamps mean
//! equal content — but for changes within the granularity of that time. Whoever keeps a
//! stamp must therefore ask [`Stamp::is_settled`] about the moment *before* the content was
//! read.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sha2::{Digest as _, Sha256};

use super::directory::Stat;
use super::walk::Next;
use super::{Folder, FolderError, Interrupt, hexadecimal};

/// Coarser than the clocks of the file systems in use.
const GRANULARITY: Duration = Duration::from_secs(2);

/// What the file system said about a sub-tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// Over paths, sizes, times, inodes and modes; hexadecimal.
    pub(crate) key: String,
    newest: (i64, i64),
}

impl Stamp {
    /// Whether every later change is sure to give another stamp, when the content is read at
    /// `moment` or after it.
    pub(crate) fn is_settled(&self, moment: SystemTime) -> bool {
        let newest = Duration::new(
            u64::try_from(self.newest.0).unwrap_or(u64::MAX),
            u32::try_from(self.newest.1).unwrap_or(0).min(999_999_999),
        );
        let moment = moment.duration_since(UNIX_EPOCH).unwrap_or_default();
        newest
            .checked_add(GRANULARITY)
            .is_some_and(|safe| safe < moment)
    }
}

impl Folder {
    /// The stamp of a file or sub-tree.
    pub(crate) fn stamp(&self, path: &str, interrupt: &Interrupt) -> Result<Stamp, FolderError> {
        let place = self.find(path)?;
        let mut stamper = Stamper {
            hash: Sha256::new(),
            newest: (0, 0),
        };
        let stat = place
            .stat()
            .map_err(FolderError::io("look at", &place.path))?;
        stamper.add(Path::new(""), &stat);
        if stat.kind == super::Kind::Directory {
            let start = place
                .open()
                .map_err(FolderError::io("open the directory", &place.path))?;
            self.walk(&place, interrupt).visit(&start, |found| {
                stamper.add(found.path, &found.stat);
                Ok::<_, FolderError>(Next::On)
            })?;
        }
        Ok(Stamp {
            key: hexadecimal(&stamper.hash.finalize()),
            newest: stamper.newest,
        })
    }
}

struct Stamper {
    hash: Sha256,
    newest: (i64, i64),
}

impl Stamper {
    fn add(&mut self, path: &Path, stat: &Stat) {
        let path = path.as_os_str().as_bytes();
        self.newest = self.newest.max(stat.changed);
        let mut record = Vec::with_capacity(path.len() + 72);
        record.extend((path.len() as u64).to_le_bytes());
        record.extend(path);
        for number in [
            stat.modified.0,
            stat.modified.1,
            stat.changed.0,
            stat.changed.1,
        ] {
            record.extend(number.to_le_bytes());
        }
        for number in [stat.size, stat.inode, stat.device, stat.mode.into()] {
            record.extend(number.to_le_bytes());
        }
        record.push(stat.kind as u8);
        self.hash.update(record);
    }
}
