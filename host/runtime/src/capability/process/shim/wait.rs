//! Waiting for whatever comes first: the one place where a shim sleeps.

use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// A signal, turned into something that becomes readable.
pub(super) struct Bell {
    rings: UnixStream,
}

impl Bell {
    /// Of a signal such as `SIGCHLD`.
    pub(super) fn of(signal: i32) -> io::Result<Self> {
        let (rings, rope) = UnixStream::pair()?;
        rings.set_nonblocking(true)?;
        rope.set_nonblocking(true)?;
        signal_hook::low_level::pipe::register(signal, rope)?;
        Ok(Self { rings })
    }

    /// Forgets the rings so far. True when there were any.
    pub(super) fn answer(&self) -> bool {
        let mut rung = false;
        let mut rings = [0; 64];
        while let Ok(1..) = (&self.rings).read(&mut rings) {
            rung = true;
        }
        rung
    }
}

impl AsFd for Bell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.rings.as_fd()
    }
}

/// Waits until one of the files is readable or closed, or until the time has come. Answers
/// which files are ready, in their order.
pub(super) fn until_ready(
    files: &[BorrowedFd<'_>],
    until: Option<Instant>,
) -> io::Result<Vec<bool>> {
    let mut polled: Vec<_> = files
        .iter()
        .map(|file| PollFd::from_borrowed_fd(*file, PollFlags::IN))
        .collect();
    let timeout = until.map(|until| until.saturating_duration_since(Instant::now()));
    match poll(&mut polled, timeout.map(rounded_up).as_ref()) {
        Ok(_) => Ok(polled
            .iter()
            .map(|file| !file.revents().is_empty())
            .collect()),
        Err(rustix::io::Errno::INTR) => Ok(vec![false; files.len()]),
        Err(error) => Err(error.into()),
    }
}

/// A time of the system; one that is too long to be told is an hour.
fn rounded_up(duration: Duration) -> Timespec {
    Timespec::try_from(duration).unwrap_or(Timespec {
        tv_sec: 3600,
        tv_nsec: 0,
    })
}

/// The earlier of two times, either of which may never come.
pub(super) fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
