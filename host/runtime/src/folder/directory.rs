//! One open directory, and what can be done with the names in it.
//!
//! Every operation takes a single name and follows no link, so a path is walked one open
//! directory at a time and nothing that is swapped in meanwhile can lead it astray. This is
//! the only module that names cap-std, which keeps the handle and refuses, as a second wall,
//! whatever would leave the directory.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cap_std::fs::{Dir, DirBuilder, DirBuilderExt, Metadata, MetadataExt};
use rustix::fs::{Mode, OFlags};

/// Names in one directory; more are refused, because they have to be sorted in memory.
pub(crate) const MOST_NAMES: usize = 500_000;

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Directory,
    Link,
    /// A device, a pipe or a socket; it is never opened.
    Other,
}

/// What the file system knows about a name, without following it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) kind: Kind,
    pub(crate) size: u64,
    /// Permission bits, without setuid, setgid and sticky.
    pub(crate) mode: u32,
    /// Seconds and nanoseconds since 1970.
    pub(crate) modified: (i64, i64),
    /// The same, of the last change of content or attributes; nobody can set it.
    pub(crate) changed: (i64, i64),
    pub(crate) inode: u64,
    pub(crate) device: u64,
}

impl Stat {
    pub(crate) fn is_executable(&self) -> bool {
        self.kind == Kind::File && self.mode & 0o111 != 0
    }

    fn new(metadata: &Metadata) -> Self {
        let kind = match metadata.file_type() {
            kind if kind.is_file() => Kind::File,
            kind if kind.is_dir() => Kind::Directory,
            kind if kind.is_symlink() => Kind::Link,
            _ => Kind::Other,
        };
        Self {
            kind,
            size: metadata.size(),
            mode: metadata.mode() & 0o777,
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
            inode: metadata.ino(),
            device: metadata.dev(),
        }
    }
}

/// An open directory. Clones share the handle.
#[derive(Clone, Debug)]
pub(crate) struct Directory(Arc<Dir>);

impl Directory {
    /// Opens a folder of this machine; the only way in.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
        Ok(Self(Arc::new(Dir::from_std_file(file))))
    }

    /// The directory of that name, unless it is a link to one.
    pub(crate) fn child(&self, name: &OsStr) -> io::Result<Self> {
        let file = self.open_plainly(name, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty())?;
        Ok(Self(Arc::new(Dir::from_std_file(file))))
    }

    /// A regular file, for reading.
    pub(crate) fn file(&self, name: &OsStr) -> io::Result<File> {
        regular(self.open_plainly(name, OFlags::RDONLY | OFlags::NONBLOCK, Mode::empty())?)
    }

    /// A regular file, for writing; made when it is not there.
    pub(crate) fn file_to_edit(&self, name: &OsStr) -> io::Result<File> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::NONBLOCK;
        regular(self.open_plainly(name, flags, Mode::from_raw_mode(0o644))?)
    }

    /// A file that was not there before.
    pub(crate) fn new_file(&self, name: &OsStr) -> io::Result<File> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
        self.open_plainly(name, flags, Mode::from_raw_mode(0o600))
    }

    fn open_plainly(&self, name: &OsStr, flags: OFlags, mode: Mode) -> io::Result<File> {
        let flags = flags | OFlags::NOFOLLOW | OFlags::NOCTTY | OFlags::CLOEXEC;
        Ok(File::from(rustix::fs::openat(
            &*self.0,
            single(name)?,
            flags,
            mode,
        )?))
    }

    pub(crate) fn stat(&self, name: &OsStr) -> io::Result<Stat> {
        Ok(Stat::new(&self.0.symlink_metadata(single(name)?)?))
    }

    pub(crate) fn stat_self(&self) -> io::Result<Stat> {
        Ok(Stat::new(&self.0.dir_metadata()?))
    }

    /// All names, sorted by their bytes.
    pub(crate) fn names(&self) -> io::Result<Vec<OsString>> {
        let mut names = Vec::new();
        for entry in self.0.entries()? {
            if names.len() == MOST_NAMES {
                return Err(io::Error::new(
                    io::ErrorKind::FileTooLarge,
                    "more than 500,000 names in one directory",
                ));
            }
            names.push(entry?.file_name());
        }
        names.sort_unstable();
        Ok(names)
    }

    /// At most so many of its names, in no order.
    pub(crate) fn some_names(&self, most: usize) -> io::Result<Vec<OsString>> {
        let entries = self.0.entries()?.take(most);
        entries
            .map(|entry| entry.map(|entry| entry.file_name()))
            .collect()
    }

    pub(crate) fn make(&self, name: &OsStr) -> io::Result<()> {
        self.0
            .create_dir_with(single(name)?, DirBuilder::new().mode(0o755))
    }

    pub(crate) fn read_link(&self, name: &OsStr) -> io::Result<PathBuf> {
        self.0.read_link_contents(single(name)?)
    }

    /// Makes a link with exactly this text, wherever it leads.
    pub(crate) fn make_link(&self, name: &OsStr, target: &Path) -> io::Result<()> {
        self.0.symlink_contents(target, single(name)?)
    }

    /// Gives a file of this tree a further name.
    pub(crate) fn hard_link(&self, name: &OsStr, to: &Self, new: &OsStr) -> io::Result<()> {
        self.0.hard_link(single(name)?, &to.0, single(new)?)
    }

    pub(crate) fn rename(&self, name: &OsStr, to: &Self, new: &OsStr) -> io::Result<()> {
        self.0.rename(single(name)?, &to.0, single(new)?)
    }

    pub(crate) fn remove_file(&self, name: &OsStr) -> io::Result<()> {
        self.0.remove_file(single(name)?)
    }

    pub(crate) fn remove_directory(&self, name: &OsStr) -> io::Result<()> {
        self.0.remove_dir(single(name)?)
    }

    /// Gives this directory permission bits.
    pub(crate) fn set_mode(&self, mode: u32) -> io::Result<()> {
        Ok(rustix::fs::chmodat(
            &*self.0,
            ".",
            Mode::from_raw_mode(mode),
            rustix::fs::AtFlags::empty(),
        )?)
    }

    /// Gives this directory a time of modification, in seconds and nanoseconds since 1970.
    pub(crate) fn set_modified(&self, modified: (i64, i64)) -> io::Result<()> {
        set_modified(&*self.0, modified)
    }

    /// Waits until the whole file system that holds this directory is on disk: one wait for
    /// ten thousand files, instead of one for each.
    pub(crate) fn sync_file_system(&self) -> io::Result<()> {
        Ok(rustix::fs::syncfs(&*self.0)?)
    }
}

/// Gives an open file a time of modification, in seconds and nanoseconds since 1970.
pub(crate) fn set_modified(file: impl std::os::fd::AsFd, modified: (i64, i64)) -> io::Result<()> {
    let time = rustix::fs::Timespec {
        tv_sec: modified.0,
        tv_nsec: modified.1,
    };
    let times = rustix::fs::Timestamps {
        last_access: time,
        last_modification: time,
    };
    Ok(rustix::fs::futimens(file, &times)?)
}

fn regular(file: File) -> io::Result<File> {
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "it is not a regular file",
        ))
    }
}

fn single(name: &OsStr) -> io::Result<&Path> {
    let bytes = name.as_bytes();
    if bytes.is_empty() || bytes == b"." || bytes == b".." || bytes.contains(&b'/') {
        return Err(io::Error::new(
            io::ErrorKind::InvalidFilename,
            "it is not a single name",
        ));
    }
    Ok(Path::new(name))
}
