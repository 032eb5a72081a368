//! A folder as layers: read once, archived, compressed and hashed twice on the way, several
//! layers at a time.
//!
//! The same content gives the same bytes on every machine. Directories above the target are
//! not in the layers, so that they never replace a link of the base by a directory.

mod archive;
pub(super) mod gzip;
pub(super) mod memory;
mod packed;
mod part;

use std::collections::BTreeMap;
use std::io;
use std::num::NonZero;
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use oci_spec::image::MediaType;
use tempfile::NamedTempFile;

use self::archive::Start;
use self::gzip::Gzip;
use self::memory::Memory;
pub(crate) use self::packed::Packed;
use self::part::{Cutter, MOST_PARTS, Part};
use super::digest::Hashing;
use super::draft::describe;
use super::{ImageError, Layer, Store};
use crate::folder::{Folder, Interrupt, Kind, Moment, Next};

/// Layers that are packed at the same time; each is compressed on all cores.
const MOST_PACKERS: usize = 4;
/// Files, directories and links of one folder.
const MOST_ENTRIES: u64 = 1_000_000;

/// Where something goes in an image: the absolute path without its first `/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PackedAt(PathBuf);

impl PackedAt {
    pub(crate) fn parse(target: &str) -> Result<Self, ImageError> {
        let malformed = || ImageError::Malformed {
            given: target.chars().take(200).collect(),
            expected: "an absolute path in an image: `/app/server`, without `..`",
        };
        let path = Path::new(target);
        if !path.is_absolute() || target.len() > 4096 || target.contains('\0') {
            return Err(malformed());
        }
        let parts = path
            .components()
            .filter(|component| !matches!(component, Component::RootDir));
        let plain = parts.map(|component| match component {
            Component::Normal(part) => Ok(part),
            _ => Err(malformed()),
        });
        Ok(Self(plain.collect::<Result<PathBuf, _>>()?))
    }
}

/// Turns files into layers of a store.
pub(crate) struct Packer<'a> {
    pub(crate) store: &'a Store,
    /// Layers that a folder is cut into at most.
    pub(crate) most: usize,
    /// Tells the time.
    pub(crate) clock: fn() -> Moment,
    pub(crate) interrupt: &'a Interrupt,
}

impl Packer<'_> {
    /// Packs a file or a sub-tree; parts that were packed before and have not been touched
    /// since are not read again.
    pub(crate) fn layers(
        &self,
        source: &Folder,
        path: &str,
        target: &PackedAt,
    ) -> Result<Vec<Layer>, ImageError> {
        let start = Start::find(source, path)?;
        if start.stat.kind == Kind::File && target.0 == Path::new("") {
            return Err(ImageError::Malformed {
                given: "/".to_owned(),
                expected: "a place for a file",
            });
        }
        let work = Work {
            packer: self,
            start: &start,
            target: &target.0,
            memory: Memory::of(self.store),
            layers: Mutex::default(),
            has_failed: AtomicBool::new(false),
        };
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        let (parts, queue) = sync_channel(1);
        let queue = Mutex::new(queue);
        thread::scope(|scope| {
            let packers: Vec<_> = (0..cores.min(MOST_PACKERS))
                .map(|_| scope.spawn(|| work.take_from(&queue)))
                .collect();
            let cut = self.cut(source, &start, |part| {
                parts.send(part).is_ok() && !work.has_failed.load(Ordering::Relaxed)
            });
            drop(parts);
            let mut outcome = cut;
            for packer in packers {
                let lost = |_| ImageError::io("pack", "a layer")(io::Error::other("a thread died"));
                outcome = outcome.and(packer.join().map_err(lost).flatten());
            }
            outcome
        })?;
        work.finish()
    }

    /// Walks over everything; ends early when `hand_over` says so.
    fn cut(
        &self,
        source: &Folder,
        start: &Start,
        mut hand_over: impl FnMut((usize, Part)) -> bool,
    ) -> Result<(), ImageError> {
        let mut cutter = Cutter::new(self.most.min(MOST_PARTS));
        let mut number = 0;
        let mut send = |part: Option<Part>| {
            part.is_none_or(|part| {
                number += 1;
                hand_over((number, part))
            })
        };
        let mut entries = 1;
        let mut goes_on = send(cutter.add(Path::new(""), start.stat));
        if start.stat.kind == Kind::Directory {
            let walk = source.walk(&start.place, self.interrupt);
            walk.visit(start.directory(), |found| {
                entries += 1;
                if entries > MOST_ENTRIES {
                    return Err(ImageError::TooLarge {
                        what: "the folder that is packed".to_owned(),
                        limit: MOST_ENTRIES,
                        unit: "files",
                    });
                }
                goes_on = goes_on && send(cutter.add(found.path, found.stat));
                Ok(if goes_on { Next::On } else { Next::Stop })
            })?;
        }
        send(cutter.finish());
        Ok(())
    }
}

/// The packing of one folder, which several threads share.
struct Work<'a> {
    packer: &'a Packer<'a>,
    start: &'a Start,
    target: &'a Path,
    memory: Memory<'a>,
    layers: Mutex<BTreeMap<usize, Layer>>,
    has_failed: AtomicBool,
}

impl Work<'_> {
    /// Packs parts until there are no more. After a failure they are only taken away.
    fn take_from(&self, queue: &Mutex<Receiver<(usize, Part)>>) -> Result<(), ImageError> {
        let mut outcome = Ok(());
        loop {
            let part = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok((number, part)) = part else {
                return outcome;
            };
            if self.has_failed.load(Ordering::Relaxed) {
                continue;
            }
            match self.layer(&part) {
                Ok(layer) => {
                    let mut layers = self.layers.lock().unwrap_or_else(PoisonError::into_inner);
                    layers.insert(number, layer);
                }
                Err(error) => {
                    self.has_failed.store(true, Ordering::Relaxed);
                    outcome = Err(error);
                }
            }
        }
    }

    fn layer(&self, part: &Part) -> Result<Layer, ImageError> {
        if let Some(layer) = self.memory.recall(&part.stamp, self.target) {
            return Ok(layer);
        }
        let moment = (self.packer.clock)();
        let layer = self.write(part)?;
        if part.stamp.is_settled(moment) {
            self.memory.remember(&part.stamp, self.target, &layer)?;
        }
        Ok(layer)
    }

    fn write(&self, part: &Part) -> Result<Layer, ImageError> {
        let blobs = self.packer.store.blobs();
        let archive = Hashing::new(Gzip::new(Hashing::new(blobs.incoming()?)));
        let interrupt = self.packer.interrupt;
        let archive = archive::write(part, self.start, self.target, archive, interrupt)?;
        let (gzip, diff_id, _) = archive.finish();
        let compressed = gzip.finish().map_err(ImageError::io("write", "a layer"))?;
        let (file, digest, size): (NamedTempFile, _, _) = compressed.finish();
        blobs.adopt(file, digest, size)?;
        Ok(Layer {
            descriptor: describe(MediaType::ImageLayerGzip, digest, size)?,
            diff_id,
        })
    }

    /// The layers in the order of their parts.
    fn finish(self) -> Result<Vec<Layer>, ImageError> {
        self.memory.tidy()?;
        let layers = self.layers.into_inner();
        let layers = layers.unwrap_or_else(PoisonError::into_inner);
        Ok(layers.into_values().collect())
    }
}
