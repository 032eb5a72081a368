//! A cheap sign that a number of files have not been touched: what the file system says about
//! them, without reading a byte of content.
//!
//! Of a directory only its name counts: its times tell of names that come and go, and every
//! name is in the stamp itself.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::directory::{Kind, Stat};
use super::identity::settles;
use super::{Moment, hexadecimal};

/// What the file system said about some files of a sub-tree.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stamp {
    hash: Sha256,
    settles: (i64, i64),
}

impl Stamp {
    /// Adds what was said about the next one.
    pub(crate) fn add(&mut self, path: &Path, stat: &Stat) {
        let path = path.as_os_str().as_bytes();
        self.hash.update((path.len() as u64).to_le_bytes());
        self.hash.update(path);
        self.hash.update([stat.kind as u8]);
        if stat.kind == Kind::Directory {
            return;
        }
        self.settles = self.settles.max(settles(stat.changed));
        for (seconds, nanoseconds) in [stat.modified, stat.changed] {
            self.hash.update(seconds.to_le_bytes());
            self.hash.update(nanoseconds.to_le_bytes());
        }
        for number in [stat.size, stat.inode, stat.device, stat.mode.into()] {
            self.hash.update(number.to_le_bytes());
        }
    }

    /// Over paths, sizes, times, inodes and modes; hexadecimal.
    pub(crate) fn key(&self) -> String {
        hexadecimal(&self.hash.clone().finalize())
    }

    /// Whether every later change is sure to give another stamp, when the content is read at
    /// `moment` or after it.
    pub(crate) fn is_settled(&self, moment: Moment) -> bool {
        self.settles < moment.0
    }
}
