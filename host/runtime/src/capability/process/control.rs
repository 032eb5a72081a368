//! The host's side of the wire: starting shims, and asking those that live.

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::process::Stdio;

use rustix::fs::{Mode, OFlags, open};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::Interest;
use tokio::net::UnixStream;
use tokio::process::{Child, Command};

use super::protocol::{Reply, Request};
use super::shim::serve::SOCKET;
use super::wire::{self, Inbox, MAX_FRAME};

/// A socket on which frames come and go.
pub(super) struct Line {
    stream: UnixStream,
    inbox: Inbox,
}

impl Line {
    fn new(stream: UnixStream) -> Self {
        Self {
            stream,
            inbox: Inbox::new(MAX_FRAME),
        }
    }

    /// To the control socket of a release.
    pub(super) async fn connect(release: &Path) -> io::Result<Self> {
        // By way of the folder's handle: the path of a socket is at most 108 bytes.
        let folder = open(release, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
        let path = format!("/proc/self/fd/{}/{SOCKET}", folder.as_raw_fd());
        Ok(Self::new(UnixStream::connect(path).await?))
    }

    /// Sends a whole frame.
    pub(super) async fn send<T: Serialize>(
        &self,
        body: &T,
        files: &[BorrowedFd<'_>],
    ) -> io::Result<()> {
        let frame = wire::encode(body)?;
        let mut left = frame.as_slice();
        let mut files = files;
        while !left.is_empty() {
            let sent = self
                .stream
                .async_io(Interest::WRITABLE, || wire::push(&self.stream, left, files))
                .await?;
            left = left.get(sent..).unwrap_or_default();
            files = &[];
        }
        Ok(())
    }

    /// Waits for a whole frame; `None` when the other side has closed.
    pub(super) async fn receive<T: DeserializeOwned>(
        &mut self,
    ) -> io::Result<Option<(T, Vec<OwnedFd>)>> {
        let Self { stream, inbox } = self;
        loop {
            if let Some(message) = inbox.take()? {
                return Ok(Some(message));
            }
            let read = stream
                .async_io(Interest::READABLE, || inbox.fill(&*stream))
                .await;
            match read {
                Ok(0) => return Ok(None),
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(None),
                Ok(_) => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// Asks the shim of a release; `None` when there is none, or it went away without an answer.
pub(super) async fn ask(
    release: &Path,
    request: &Request,
) -> io::Result<Option<(Reply, Vec<OwnedFd>)>> {
    let mut line = match Line::connect(release).await {
        Ok(line) => line,
        Err(error) if is_gone(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    match line.send(request, &[]).await {
        Ok(()) => line.receive().await,
        Err(error) if is_gone(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Does the error mean that nobody is at the other end?
fn is_gone(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::ConnectionReset
    )
}

/// Starts a shim, which waits for its order on the line.
pub(super) fn spawn(
    shim: &[OsString],
    folder: &Path,
    output: impl Fn() -> Stdio,
) -> io::Result<(Child, Line)> {
    let Some((program, arguments)) = shim.split_first() else {
        return Err(io::Error::other("no program is set for the shim"));
    };
    let (near, far) = std::os::unix::net::UnixStream::pair()?;
    near.set_nonblocking(true)?;
    let child = Command::new(program)
        .args(arguments)
        .arg(folder)
        .env_clear()
        .stdin(Stdio::from(OwnedFd::from(far)))
        .stdout(output())
        .stderr(output())
        .spawn()?;
    Ok((child, Line::new(UnixStream::from_std(near)?)))
}
