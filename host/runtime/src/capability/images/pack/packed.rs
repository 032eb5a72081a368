//! Files of a folder that others have chosen, as one plain archive: what a build engine is sent.

use std::io::Write;
use std::path::Path;

use super::archive::{self, Start};
use super::part::{Entry, Part};
use crate::capability::images::ImageError;
use crate::folder::{Folder, Interrupt, Stat};

/// An archive that has not been written yet.
#[derive(Debug)]
pub(crate) struct Packed {
    start: Start,
    part: Part,
}

impl Packed {
    /// Begins with nothing of the sub-tree `path`.
    pub(crate) fn of(source: &Folder, path: &str) -> Result<Self, ImageError> {
        Ok(Self {
            start: Start::find(source, path)?,
            part: Part::default(),
        })
    }

    /// Takes a file, directory or link; its path is relative to the sub-tree.
    pub(crate) fn add(&mut self, path: &Path, stat: Stat) {
        let path = path.to_owned();
        self.part.entries.push(Entry { path, stat });
    }

    /// How many were taken.
    pub(crate) fn len(&self) -> usize {
        self.part.entries.len()
    }

    /// Reads and writes all of them. Blocking.
    pub(crate) fn write(
        &self,
        target: &mut impl Write,
        interrupt: &Interrupt,
    ) -> Result<(), ImageError> {
        archive::write(&self.part, &self.start, Path::new(""), target, interrupt).map(drop)
    }
}
