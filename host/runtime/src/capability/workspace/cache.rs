//! Caches: folders that survive between the builds of a service.
//!
//! Build tools are fast when they find what they made last time (`target`, `node_modules`).
//! A cache lives beside the workspaces and is *renamed* into a build's output and back, so it
//! costs nothing however large it is. One build at a time has it: an OS lock says which, and
//! a note on disk says where it went, so that a crash in between loses nothing.
//!
//! ```text
//! CACHES/NAME/lock      held while a build has the cache
//! CACHES/NAME/away      where it is, while it is not at home
//! CACHES/NAME/content   the cache itself, while it is at home
//! ```

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::folder::{Access, Directory, Folder, FolderError, Interrupt, Kind, Place, remove_named};

const LOCK: &str = "lock";
const AWAY: &str = "away";
const FRESH: &str = "away.new";
const CONTENT: &str = "content";
const LONGEST_NAME: usize = 64;
/// A note holds two paths.
const LONGEST_NOTE: u64 = 64 * 1024;

/// The caches of one service.
#[derive(Clone, Debug)]
pub struct Caches {
    root: PathBuf,
}

/// Where a cache has gone.
#[derive(Serialize, Deserialize)]
struct Note {
    /// The output folder, on this machine.
    folder: PathBuf,
    /// The place in it.
    path: PathBuf,
}

impl Caches {
    /// Opens the folder that holds them, makes it when it is not there, and brings home what
    /// a crashed run left in its workspace. To be called before that workspace is touched.
    pub fn open(root: &Path) -> Result<Self, FolderError> {
        fs::create_dir_all(root).map_err(FolderError::io("make the folder", root))?;
        let caches = Self {
            root: root.to_owned(),
        };
        for entry in fs::read_dir(root).map_err(FolderError::io("list", root))? {
            let entry = entry.map_err(FolderError::io("list", root))?;
            if entry.path().join(AWAY).exists() {
                let name = entry.file_name();
                match caches.hold(&name) {
                    Ok(held) => held.bring_home()?,
                    Err(FolderError::CacheBusy { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(caches)
    }

    /// Puts the cache of that name at `path` of an output folder, over what is there. It
    /// starts out empty.
    pub fn attach(
        &self,
        name: &str,
        folder: &Folder,
        path: &str,
    ) -> Result<AttachedCache, FolderError> {
        check(name)?;
        let held = self.hold(OsStr::new(name))?;
        held.bring_home()?;
        let place = folder.make_way(path)?;
        let Some(file_name) = place.name.clone() else {
            return Err(FolderError::WrongKind {
                path: place.path,
                expected: "a place for a cache",
            });
        };
        remove_named(&place.directory, &file_name, &place.path, &Interrupt::new())?;
        if !held.is_at_home()? {
            held.directory
                .make(OsStr::new(CONTENT))
                .map_err(held.io("make"))?;
        }
        held.note(&Note {
            folder: folder.location().to_owned(),
            path: place.path.clone(),
        })?;
        let moved = held
            .directory
            .rename(OsStr::new(CONTENT), &place.directory, &file_name);
        moved.map_err(FolderError::io("put the cache at", &place.path))?;
        Ok(AttachedCache {
            held,
            place,
            is_home: false,
        })
    }

    fn hold(&self, name: &OsStr) -> Result<Held, FolderError> {
        let path = self.root.join(name);
        match fs::create_dir(&path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(FolderError::io("make the folder", &path)(error));
            }
            _ => {}
        }
        let directory = Directory::open(&path).map_err(FolderError::io("open", &path))?;
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path.join(LOCK));
        let lock = lock.map_err(FolderError::io("open the lock of", &path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Held {
                name: name.to_owned(),
                path,
                directory,
                _lock: lock,
            }),
            Err(TryLockError::WouldBlock) => Err(FolderError::CacheBusy {
                name: name.to_string_lossy().into_owned(),
            }),
            Err(TryLockError::Error(error)) => Err(FolderError::io("lock", &path)(error)),
        }
    }
}

/// A cache in the output of a build. It goes home when this is finished or dropped.
#[derive(Debug)]
pub struct AttachedCache {
    held: Held,
    place: Place,
    is_home: bool,
}

impl AttachedCache {
    /// Brings the cache home. Where the build has removed or replaced it, the next build
    /// starts with an empty one.
    pub fn finish(mut self) -> Result<(), FolderError> {
        self.is_home = true;
        self.held.take_back(&self.place)
    }
}

impl Drop for AttachedCache {
    fn drop(&mut self) {
        // What fails here is made good when the caches are opened the next time.
        if !self.is_home {
            let _ = self.held.take_back(&self.place);
        }
    }
}

/// A cache that nobody else can have.
#[derive(Debug)]
struct Held {
    name: OsString,
    path: PathBuf,
    directory: Directory,
    /// Held for as long as the file is open.
    _lock: File,
}

impl Held {
    fn is_at_home(&self) -> Result<bool, FolderError> {
        match self.directory.stat(OsStr::new(CONTENT)) {
            Ok(stat) => Ok(stat.kind == Kind::Directory),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(self.io("look at")(error)),
        }
    }

    /// Undoes what a crashed run has left.
    fn bring_home(&self) -> Result<(), FolderError> {
        let Some(note) = self.read_note()? else {
            return Ok(());
        };
        if !self.is_at_home()?
            && let Ok(folder) = Folder::open(&note.folder, Access::Write)
            && let Some(path) = note.path.to_str()
            && let Ok(place) = folder.find_itself(path)
        {
            return self.take_back(&place);
        }
        self.forget_note()
    }

    fn take_back(&self, place: &Place) -> Result<(), FolderError> {
        let is_there = place.stat().is_ok_and(|stat| stat.kind == Kind::Directory);
        if let Some(name) = &place.name
            && is_there
            && !self.is_at_home()?
        {
            let moved = place
                .directory
                .rename(name, &self.directory, OsStr::new(CONTENT));
            moved.map_err(FolderError::io("take the cache back from", &place.path))?;
        }
        self.forget_note()
    }

    fn note(&self, note: &Note) -> Result<(), FolderError> {
        let text = serde_json::to_vec(note)
            .map_err(io::Error::other)
            .map_err(self.io("note the place of"))?;
        let write = || {
            // Whoever holds the cache is alone here, so what a crash left is written over.
            let fresh = self.path.join(FRESH);
            let mut file = File::create(&fresh)?;
            file.write_all(&text)?;
            file.sync_all()?;
            fs::rename(&fresh, self.path.join(AWAY))?;
            File::open(&self.path)?.sync_all()
        };
        write().map_err(self.io("note the place of"))
    }

    fn read_note(&self) -> Result<Option<Note>, FolderError> {
        let file = match self.directory.file(OsStr::new(AWAY)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other.map_err(self.io("read the place of"))?,
        };
        let note = serde_json::from_reader(io::Read::take(file, LONGEST_NOTE));
        note.map(Some)
            .map_err(io::Error::other)
            .map_err(self.io("read the place of"))
    }

    fn forget_note(&self) -> Result<(), FolderError> {
        match self.directory.remove_file(OsStr::new(AWAY)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(self.io("forget the place of")(error))
            }
            _ => Ok(()),
        }
    }

    fn io(&self, doing: &'static str) -> impl FnOnce(io::Error) -> FolderError {
        FolderError::io(doing, Path::new(&self.name))
    }
}

fn check(name: &str) -> Result<(), FolderError> {
    let reason = match name {
        "" => "a cache needs a name",
        _ if name.len() > LONGEST_NAME => "it is longer than 64 bytes",
        _ if name.starts_with('.') => "it starts with a dot",
        _ if !name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)) =>
        {
            "only letters, digits, `.`, `_` and `-` are allowed"
        }
        _ => return Ok(()),
    };
    Err(FolderError::Name {
        path: PathBuf::from(name),
        reason,
    })
}
