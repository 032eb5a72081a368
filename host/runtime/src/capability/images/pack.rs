//! A folder as a layer: read once, archived, compressed and hashed twice on the way.
//!
//! The same content gives the same bytes on every machine: entries in one order, times zero,
//! owners root, modes 0644 or 0755, and a gzip header that says nothing. Pipes, sockets and
//! devices are left out. Directories above the target are not in the layer, so that it never
//! replaces a link of the base by a directory.

mod gzip;
mod memory;

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};
use std::time::SystemTime;

use oci_spec::image::MediaType;
use tar::{Builder, EntryType, Header};
use tempfile::NamedTempFile;

use self::gzip::Gzip;
use self::memory::Memory;
use super::digest::Hashing;
use super::draft::describe;
use super::{ImageError, Layer, Store};
use crate::folder::{Directory, Folder, FolderError, Interrupt, Kind, Next, Place, Stat};

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

/// Packs a file or a sub-tree, unless it was packed before and has not been touched since.
/// `now` is a moment before anything of it is looked at.
pub(crate) fn layer(
    store: &Store,
    source: &Folder,
    path: &str,
    target: &PackedAt,
    now: SystemTime,
    interrupt: &Interrupt,
) -> Result<Layer, ImageError> {
    let stamp = source.stamp(path, interrupt)?;
    let memory = Memory::of(store, &stamp, &target.0);
    if let Some(layer) = memory.recall() {
        return Ok(layer);
    }
    let layer = write(store, source, path, target, interrupt)?;
    if stamp.is_settled(now) {
        memory.remember(&layer)?;
    }
    Ok(layer)
}

fn write(
    store: &Store,
    source: &Folder,
    path: &str,
    target: &PackedAt,
    interrupt: &Interrupt,
) -> Result<Layer, ImageError> {
    let compressed = Gzip::new(Hashing::new(store.blobs().incoming()?))
        .map_err(ImageError::io("begin", "a layer"))?;
    let mut archive = Archive {
        tar: Builder::new(Hashing::new(compressed)),
        interrupt,
    };
    let place = source.find(path)?;
    archive.tree(source, &place, &target.0)?;
    let finish = || -> io::Result<_> {
        let (compressed, diff_id, _) = archive.tar.into_inner()?.finish();
        let (file, digest, size) = compressed.finish()?.finish();
        Ok((file, diff_id, digest, size))
    };
    let (file, diff_id, digest, size): (NamedTempFile, _, _, _) =
        finish().map_err(ImageError::io("write", "a layer"))?;
    store.blobs().adopt(file, digest, size)?;
    Ok(Layer {
        descriptor: describe(MediaType::ImageLayerGzip, digest, size)?,
        diff_id,
    })
}

struct Archive<'a, W: io::Write> {
    tar: Builder<W>,
    interrupt: &'a Interrupt,
}

impl<W: io::Write> Archive<'_, W> {
    fn tree(&mut self, source: &Folder, place: &Place, target: &Path) -> Result<(), ImageError> {
        let stat = place
            .stat()
            .map_err(FolderError::io("look at", &place.path))?;
        match (&place.name, stat.kind) {
            (Some(name), Kind::File) if target != Path::new("") => {
                self.file(&place.directory, name, &stat, target, &place.path)
            }
            (_, Kind::Directory) => {
                if target != Path::new("") {
                    self.directory(target)?;
                }
                let start = place
                    .open()
                    .map_err(FolderError::io("open the directory", &place.path))?;
                source.walk(place, self.interrupt).visit(&start, |found| {
                    let (target, place) = (target.join(found.path), place.path.join(found.path));
                    match found.stat.kind {
                        Kind::File => {
                            self.file(found.parent, found.name, &found.stat, &target, &place)?
                        }
                        Kind::Directory => self.directory(&target)?,
                        Kind::Link => self.link(found.parent, found.name, &target, &place)?,
                        Kind::Other => {}
                    }
                    Ok::<_, ImageError>(Next::On)
                })
            }
            (_, Kind::File) => Err(ImageError::Malformed {
                given: "/".to_owned(),
                expected: "a place for a file",
            }),
            _ => {
                let path = place.path.clone();
                Err(FolderError::WrongKind {
                    path,
                    expected: "a file or a directory",
                }
                .into())
            }
        }
    }

    fn file(
        &mut self,
        parent: &Directory,
        name: &OsStr,
        stat: &Stat,
        target: &Path,
        place: &Path,
    ) -> Result<(), ImageError> {
        let file = parent.file(name).map_err(FolderError::io("open", place))?;
        // What is in the header must be what follows it, even when somebody is writing.
        let size = file
            .metadata()
            .map_err(FolderError::io("look at", place))?
            .len();
        let mut header = header(
            EntryType::Regular,
            if stat.is_executable() { 0o755 } else { 0o644 },
        );
        header.set_size(size);
        let mut content = Content {
            file,
            left: size,
            interrupt: self.interrupt,
        };
        let written = self.tar.append_data(&mut header, target, &mut content);
        self.check(written, place)?;
        if content.left > 0 {
            return Err(FolderError::io("read", place)(io::Error::other(
                "it was cut short meanwhile",
            ))
            .into());
        }
        Ok(())
    }

    fn directory(&mut self, target: &Path) -> Result<(), ImageError> {
        let mut header = header(EntryType::Directory, 0o755);
        let written = self
            .tar
            .append_data(&mut header, target.join(""), io::empty());
        self.check(written, target)
    }

    fn link(
        &mut self,
        parent: &Directory,
        name: &OsStr,
        target: &Path,
        place: &Path,
    ) -> Result<(), ImageError> {
        let text = parent
            .read_link(name)
            .map_err(FolderError::io("read the link", place))?;
        let mut header = header(EntryType::Symlink, 0o777);
        let written = self.tar.append_link(&mut header, target, &text);
        self.check(written, place)
    }

    fn check(&self, written: io::Result<()>, place: &Path) -> Result<(), ImageError> {
        if self.interrupt.is_raised() {
            return Err(ImageError::Interrupted);
        }
        Ok(written.map_err(FolderError::io("pack", place))?)
    }
}

fn header(kind: EntryType, mode: u32) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(0);
    header
}

/// As many bytes of a file as its header promises.
struct Content<'a> {
    file: File,
    left: u64,
    interrupt: &'a Interrupt,
}

impl Read for Content<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        if self.interrupt.is_raised() {
            return Err(io::Error::other("interrupted"));
        }
        let count = Read::by_ref(&mut self.file).take(self.left).read(bytes)?;
        self.left -= count as u64;
        Ok(count)
    }
}
