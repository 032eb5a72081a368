//! The parts of a folder, each of which becomes a layer of its own.
//!
//! A small folder is one part. A large one is cut, so that a changed file costs the work, the
//! disk and the push of its part alone. Where it is cut depends on the paths and sizes of the
//! files around that place and on nothing else: the same folder gives the same parts on every
//! machine, and behind a file that came or went the cuts soon fall into the same places again.

use std::path::{Path, PathBuf};

use super::super::Digest;
use crate::folder::{Kind, Stamp, Stat};

/// Parts of one folder. Some programs stack no more than 127 layers.
pub(super) const MOST_PARTS: usize = 24;
/// A part has at least so many bytes, and twice as many on average; later parts of a folder
/// are larger, as it would otherwise have too many of them.
const SMALLEST: u64 = 16 * 1024 * 1024;
/// Parts before the next ones are twice as large.
const DOUBLES_AFTER: u32 = 6;
/// A part is cut anywhere when it is so many times larger than the smallest.
const LARGEST: u64 = 4;
/// What the archive adds to each file.
const HEADER: u64 = 512;

/// Neighbours in the order of the walk.
#[derive(Debug, Default)]
pub(super) struct Part {
    pub(super) entries: Vec<Entry>,
    pub(super) stamp: Stamp,
    weight: u64,
}

/// A file, directory or link.
#[derive(Debug)]
pub(super) struct Entry {
    /// From the start of the walk; empty for the start itself.
    pub(super) path: PathBuf,
    pub(super) stat: Stat,
}

/// Cuts a walk into parts.
#[derive(Debug)]
pub(super) struct Cutter {
    most: usize,
    made: u32,
    part: Part,
}

impl Cutter {
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            made: 0,
            part: Part::default(),
        }
    }

    /// Takes the next one of the walk. The answer is a part that is complete with it.
    pub(super) fn add(&mut self, path: &Path, stat: Stat) -> Option<Part> {
        self.part.stamp.add(path, &stat);
        let size = if stat.kind == Kind::File {
            stat.size
        } else {
            0
        };
        let weight = HEADER.saturating_add(size);
        self.part.weight = self.part.weight.saturating_add(weight);
        let ends = self.ends_with(path, weight);
        let path = path.to_owned();
        self.part.entries.push(Entry { path, stat });
        ends.then(|| {
            self.made += 1;
            std::mem::take(&mut self.part)
        })
    }

    /// What is left.
    pub(super) fn finish(self) -> Option<Part> {
        (!self.part.entries.is_empty()).then_some(self.part)
    }

    /// Cuts behind a file once in `smallest` bytes on average, whatever the sizes of files.
    fn ends_with(&self, path: &Path, weight: u64) -> bool {
        let smallest = SMALLEST << (self.made / DOUBLES_AFTER).min(16);
        if self.part.weight < smallest || self.made as usize + 1 >= self.most {
            return false;
        }
        let draw = Digest::of(path.as_os_str().as_encoded_bytes()).draw();
        let is_place = (u128::from(draw) * u128::from(smallest)) >> 64 < u128::from(weight);
        is_place || self.part.weight >= LARGEST * smallest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1024 * 1024;

    fn cut(files: impl IntoIterator<Item = (u32, u64)>, most: usize) -> Vec<Vec<PathBuf>> {
        let mut cutter = Cutter::new(most);
        let mut parts = Vec::new();
        for (name, size) in files {
            let stat = Stat {
                kind: Kind::File,
                size,
                mode: 0o644,
                modified: (0, 0),
                changed: (0, 0),
                inode: 0,
                device: 0,
            };
            parts.extend(cutter.add(Path::new(&format!("{name:06}")), stat));
        }
        parts.extend(cutter.finish());
        let paths = |part: Part| part.entries.into_iter().map(|entry| entry.path).collect();
        parts.into_iter().map(paths).collect()
    }

    #[test]
    fn a_small_folder_is_one_part_and_no_folder_is_more_than_so_many() {
        assert_eq!(cut((0..100).map(|name| (name, MIB / 8)), 24).len(), 1);
        assert_eq!(cut([(0, 900 * MIB)], 24).len(), 1);
        assert!(cut([], 24).is_empty());
        assert_eq!(cut((0..20_000).map(|name| (name, MIB)), 24).len(), 24);
        assert_eq!(cut((0..20_000).map(|name| (name, MIB)), 1).len(), 1);
        let parts = cut((0..10_000).map(|name| (name, MIB / 10)), 24).len();
        assert!((10..24).contains(&parts), "{parts}");
    }

    #[test]
    fn files_without_content_count_too() {
        let parts = cut((0..400_000).map(|name| (name, 0)), 24);
        assert!(parts.len() > 2, "{}", parts.len());
    }

    #[test]
    fn a_file_that_comes_changes_few_parts() {
        let files = || (0..10_000).map(|name| (name * 2, MIB / 10));
        let before = cut(files(), 24);
        let more = files().take(1000).chain([(1999, MIB)]);
        let after = cut(more.chain(files().skip(1000)), 24);
        let same = after.iter().filter(|part| before.contains(part)).count();
        assert!(same + 4 >= after.len(), "{same} of {}", after.len());
    }
}
