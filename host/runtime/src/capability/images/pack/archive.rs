//! One part of a folder as a tar archive (the GNU dialect, for long names).
//!
//! The same content gives the same bytes on every machine: entries in one order, times zero,
//! owners root, modes 0644 or 0755. Pipes, sockets and devices are left out.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use tar::{Builder, EntryType, Header};

use super::super::ImageError;
use super::part::{Entry, Part};
use crate::folder::{Directory, Folder, FolderError, Interrupt, Kind, Place, Stat};

/// Bytes that are read at once.
const STRIDE: u64 = 128 * 1024;

/// What is packed: a directory with all that is in it, or one file.
#[derive(Debug)]
pub(super) struct Start {
    /// The directory, or the one that holds the file.
    directory: Directory,
    /// Of the file.
    name: Option<OsString>,
    /// Where it is in the folder.
    pub(super) place: Place,
    pub(super) stat: Stat,
}

impl Start {
    pub(super) fn find(source: &Folder, path: &str) -> Result<Self, ImageError> {
        let place = source.find(path)?;
        let stat = place
            .stat()
            .map_err(FolderError::io("look at", &place.path))?;
        let (directory, name) = match stat.kind {
            Kind::Directory => {
                let opened = place.open();
                let opened = opened.map_err(FolderError::io("open the directory", &place.path))?;
                (opened, None)
            }
            Kind::File => (place.directory.clone(), place.name.clone()),
            Kind::Link | Kind::Other => {
                let path = place.path;
                let expected = "a file or a directory";
                return Err(FolderError::WrongKind { path, expected }.into());
            }
        };
        Ok(Self {
            directory,
            name,
            place,
            stat,
        })
    }

    pub(super) fn directory(&self) -> &Directory {
        &self.directory
    }
}

/// Writes the archive of a part that goes to `target` in the image.
pub(super) fn write<W: Write>(
    part: &Part,
    start: &Start,
    target: &Path,
    inner: W,
    interrupt: &Interrupt,
) -> Result<W, ImageError> {
    let mut archive = Archive {
        tar: Builder::new(inner),
        start,
        way: Vec::new(),
        interrupt,
    };
    for entry in &part.entries {
        archive.entry(entry, target)?;
    }
    archive
        .tar
        .into_inner()
        .map_err(ImageError::io("write", "a layer"))
}

struct Archive<'a, W: Write> {
    tar: Builder<W>,
    start: &'a Start,
    /// The directories between the start and the entry before, from the outermost.
    way: Vec<(OsString, Directory)>,
    interrupt: &'a Interrupt,
}

impl<W: Write> Archive<'_, W> {
    fn entry(&mut self, entry: &Entry, target: &Path) -> Result<(), ImageError> {
        if self.interrupt.is_raised() {
            return Err(ImageError::Interrupted);
        }
        let is_start = entry.path == Path::new("");
        let place = match is_start {
            true => self.start.place.path.clone(),
            false => self.start.place.path.join(&entry.path),
        };
        let target = match is_start {
            true => target.to_owned(),
            false => target.join(&entry.path),
        };
        let start = self.start;
        let parent = match entry.stat.kind {
            Kind::File | Kind::Link => self.parent(&entry.path, &place)?,
            // The root of an image is there without being packed.
            Kind::Directory if target != Path::new("") => return self.directory(&target),
            Kind::Directory | Kind::Other => return Ok(()),
        };
        let name = entry.path.file_name().or(start.name.as_deref());
        let name = name.unwrap_or_default();
        match entry.stat.kind {
            Kind::Link => self.link(&parent, name, &target, &place),
            _ => self.file(&parent, name, &entry.stat, &target, &place),
        }
    }

    /// Opens the directory that holds an entry, from where the entry before was.
    fn parent(&mut self, path: &Path, place: &Path) -> Result<Directory, ImageError> {
        let parts: Vec<&OsStr> = path.parent().into_iter().flatten().collect();
        let shared = self.way.iter().zip(&parts);
        let shared = shared.take_while(|((open, _), part)| open == *part).count();
        self.way.truncate(shared);
        for part in parts.into_iter().skip(shared) {
            let opened = self.last().child(part);
            let opened = opened.map_err(FolderError::io("open what holds", place))?;
            self.way.push((part.to_owned(), opened));
        }
        Ok(self.last().clone())
    }

    fn last(&self) -> &Directory {
        self.way
            .last()
            .map_or(&self.start.directory, |(_, directory)| directory)
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
        let content = Content {
            file,
            left: size,
            interrupt: self.interrupt,
        };
        let capacity = usize::try_from(size.min(STRIDE)).unwrap_or_default();
        let mut content = BufReader::with_capacity(capacity, content);
        let written = self.tar.append_data(&mut header, target, &mut content);
        self.check(written, place)?;
        if content.get_ref().left > 0 {
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
        let text: PathBuf = parent
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
