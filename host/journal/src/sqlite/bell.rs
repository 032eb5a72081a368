//! Tells readers, of this process and of others, that something was committed.
//!
//! Beside the database lies an empty file that is touched after every commit. Watching the
//! database itself would wake readers before the commit can be seen, and then not again.

use std::{
    fs::{File, OpenOptions},
    io,
    mem::MaybeUninit,
    os::{fd::OwnedFd, unix::fs::OpenOptionsExt},
    path::{Path, PathBuf},
    time::SystemTime,
};

use rustix::fs::inotify;
use tokio::io::unix::AsyncFd;

use super::connection::io_error;
use crate::{Answer, JournalError, Watch};

/// Room for some events; the names in them are empty, as a file is watched and not a folder.
const EVENT_BYTES: usize = 4096;

/// The writer's end.
pub(super) struct Bell {
    path: PathBuf,
    file: File,
}

impl Bell {
    /// The bell of the journal in `journal`, made when there is none.
    pub(super) fn open(journal: &Path) -> Result<Self, JournalError> {
        let path = bell_of(journal);
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(|source| io_error("open", &path, source))?;
        Ok(Self { path, file })
    }

    /// Held by one process at a time, as long as the answer is kept.
    pub(super) fn lock(&self) -> Result<File, JournalError> {
        // A lock belongs to an opened file, so this one is opened again and let go by closing.
        let file = OpenOptions::new()
            .write(true)
            .open(&self.path)
            .map_err(|source| io_error("open", &self.path, source))?;
        file.lock()
            .map_err(|source| io_error("lock", &self.path, source))?;
        Ok(file)
    }

    /// Wakes the listeners. The commit stands whether or not this works.
    pub(super) fn ring(&self) {
        if let Err(error) = self.file.set_modified(SystemTime::now()) {
            tracing::warn!(%error, path = %self.path.display(), "cannot tell readers of a write");
        }
    }
}

/// A reader's end.
pub(super) struct Listener {
    path: PathBuf,
    events: AsyncFd<OwnedFd>,
}

impl Listener {
    pub(super) fn new(journal: &Path) -> Result<Self, JournalError> {
        let path = bell_of(journal);
        let listen = || -> io::Result<AsyncFd<OwnedFd>> {
            tokio::runtime::Handle::try_current().map_err(io::Error::other)?;
            let flags = inotify::CreateFlags::NONBLOCK | inotify::CreateFlags::CLOEXEC;
            let events = inotify::init(flags)?;
            inotify::add_watch(
                &events,
                &path,
                inotify::WatchFlags::MODIFY | inotify::WatchFlags::DELETE_SELF,
            )?;
            #[expect(
                deprecated,
                reason = "its successor is unsafe because the descriptor must stay the same one; \
                          an `OwnedFd` that nobody else touches does"
            )]
            AsyncFd::new(events)
        };
        match listen() {
            Ok(events) => Ok(Self { path, events }),
            Err(source) => Err(io_error("watch", &path, source)),
        }
    }

    /// Waits for events, takes all that are there, and says whether the file still exists.
    async fn hear(&self) -> io::Result<bool> {
        loop {
            let mut ready = self.events.readable().await?;
            let taken = ready.try_io(|events| take(events.get_ref()));
            if let Ok(taken) = taken {
                return taken;
            }
        }
    }
}

impl Watch for Listener {
    fn changed(&mut self) -> Answer<'_, ()> {
        Box::pin(async move {
            let lost = || io::Error::new(io::ErrorKind::NotFound, "the file was removed");
            match self.hear().await {
                Ok(true) => Ok(()),
                Ok(false) => Err(io_error("watch", &self.path, lost())),
                Err(source) => Err(io_error("watch", &self.path, source)),
            }
        })
    }
}

/// Reads events until there are no more; false when one says that the file is gone.
fn take(events: &OwnedFd) -> io::Result<bool> {
    let mut buffer = [MaybeUninit::uninit(); EVENT_BYTES];
    let mut reader = inotify::Reader::new(events, &mut buffer);
    let (mut exists, mut heard) = (true, false);
    loop {
        match reader.next() {
            Ok(event) => {
                heard = true;
                let gone = inotify::ReadFlags::DELETE_SELF | inotify::ReadFlags::IGNORED;
                exists &= !event.events().intersects(gone);
            }
            Err(rustix::io::Errno::INTR) => {}
            Err(rustix::io::Errno::AGAIN) if heard => return Ok(exists),
            Err(error) => return Err(error.into()),
        }
    }
}

fn bell_of(journal: &Path) -> PathBuf {
    let mut name = journal.as_os_str().to_owned();
    name.push("-bell");
    PathBuf::from(name)
}
