//! Wakes a reader when something was written to the logs of a deployment: inotify(7) on their
//! folder, so that readers in other processes need nobody's help.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::Path;

use anyhow::{Context, Result};
use rustix::fs::inotify;
use rustix::io::Errno;
use tokio::io::unix::AsyncFd;

use crate::home::private_folder;

/// Room for a good number of events with the names of files.
const EVENT_BYTES: usize = 16 * 1024;

/// Listens to the logs of one deployment. Listen first, then read, then wait: so nothing is
/// missed.
pub(crate) struct LogBell {
    events: AsyncFd<OwnedFd>,
}

impl LogBell {
    /// Begins to listen. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// When the operating system refuses another watch.
    pub(crate) fn listen(folder: &Path) -> Result<Self> {
        private_folder(folder)?;
        let flags = inotify::CreateFlags::NONBLOCK | inotify::CreateFlags::CLOEXEC;
        let watched = inotify::WatchFlags::MODIFY | inotify::WatchFlags::CREATE;
        let events = inotify::init(flags)
            .and_then(|events| inotify::add_watch(&events, folder, watched).map(|_| events))
            .with_context(|| format!("cannot watch {}", folder.display()))?;
        #[expect(
            deprecated,
            reason = "its successor is unsafe because the descriptor must stay the same one; an \
                      `OwnedFd` that nobody else touches does"
        )]
        let events = AsyncFd::new(events)?;
        Ok(Self { events })
    }

    /// Completes when something was written since the last time.
    ///
    /// # Errors
    /// When the operating system takes the watch back.
    pub(crate) async fn heard(&mut self) -> io::Result<()> {
        loop {
            let mut ready = self.events.readable().await?;
            if let Ok(drained) = ready.try_io(|events| drain(events.get_ref())) {
                return drained;
            }
        }
    }
}

fn drain(events: &OwnedFd) -> io::Result<()> {
    let mut buffer = [MaybeUninit::uninit(); EVENT_BYTES];
    let mut reader = inotify::Reader::new(events, &mut buffer);
    let mut heard = false;
    loop {
        match reader.next() {
            Ok(_) => heard = true,
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) if heard => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}
