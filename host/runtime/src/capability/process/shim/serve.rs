//! The control socket of a release: who is connected, and what they ask.
//!
//! One request a connection, one answer, then it is closed. Nobody who connects can make the
//! shim wait: reading takes what is there, and an answer that the socket does not take at
//! once is dropped together with its connection.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::{UnixListener, UnixStream};

use super::super::protocol::{Failure, Reply, Request};
use super::super::wire::{self, Inbox};

/// Where it is, seen from the folder of the release.
pub(crate) const SOCKET: &str = "run/ctl.sock";
/// At the same time; further ones are closed at once.
const MAX_CONNECTIONS: usize = 64;
/// A command line may be long.
const MAX_REQUEST: usize = 256 * 1024;

/// Names a connection for as long as the shim lives.
pub(super) type Caller = u64;

/// The socket and those who are connected to it.
pub(super) struct Control {
    listener: UnixListener,
    connections: Vec<Connection>,
    next: Caller,
}

struct Connection {
    caller: Caller,
    stream: UnixStream,
    inbox: Inbox,
    closed: bool,
}

impl Control {
    /// Listens in the current folder. The file mask of the process must keep others out.
    pub(super) fn open() -> io::Result<Self> {
        match std::fs::remove_file(SOCKET) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(SOCKET)?;
        listener.set_nonblocking(true)?;
        Ok(Self {
            listener,
            connections: Vec::new(),
            next: 0,
        })
    }

    /// What to wait for.
    pub(super) fn files(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        let connections = self.connections.iter();
        std::iter::once(self.listener.as_fd())
            .chain(connections.map(|connection| connection.stream.as_fd()))
    }

    /// What was asked since, given which of [`files`](Self::files) are ready.
    pub(super) fn hear(&mut self, ready: &[bool]) -> Vec<(Caller, Request)> {
        let mut requests = Vec::new();
        let mut not_understood = Vec::new();
        let talking = ready.get(1..).unwrap_or_default();
        for (connection, _) in self
            .connections
            .iter_mut()
            .zip(talking)
            .filter(|(_, ready)| **ready)
        {
            match connection.hear() {
                Ok(Some(request)) => requests.push((connection.caller, request)),
                Ok(None) => {}
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                    not_understood.push((connection.caller, error.to_string()));
                }
                Err(_) => connection.closed = true,
            }
        }
        for (caller, cause) in not_understood {
            self.answer(caller, &Reply::Failed(Failure::Other(cause)), &[]);
        }
        self.connections.retain(|connection| !connection.closed);
        if ready.first().copied().unwrap_or(false) {
            self.accept();
        }
        requests
    }

    /// Answers a caller, if it is still there, and closes its connection.
    pub(super) fn answer(&mut self, caller: Caller, reply: &Reply, files: &[BorrowedFd<'_>]) {
        let Some(place) = self
            .connections
            .iter()
            .position(|connection| connection.caller == caller)
        else {
            return;
        };
        let connection = self.connections.swap_remove(place);
        if let Err(error) = wire::send(&connection.stream, reply, files) {
            tracing::debug!(%error, "a caller did not take its answer");
        }
    }

    fn accept(&mut self) {
        while let Ok((stream, _)) = self.listener.accept() {
            if self.connections.len() < MAX_CONNECTIONS && stream.set_nonblocking(true).is_ok() {
                self.connections.push(Connection {
                    caller: self.next,
                    stream,
                    inbox: Inbox::new(MAX_REQUEST),
                    closed: false,
                });
                self.next += 1;
            }
        }
    }
}

impl Connection {
    fn hear(&mut self) -> io::Result<Option<Request>> {
        match self.inbox.fill(&self.stream) {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) => Ok(self.inbox.take()?.map(|(request, _)| request)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }
}
