//! Frames between the host, its shims and what they start: four bytes of length (big endian),
//! then JSON `{"version":…,"body":…}`, with open files travelling beside them
//! (`SCM_RIGHTS`, unix(7)).
//!
//! Sockets are the one road on which values of secrets reach a process, because argv and
//! files can be read by others. Nothing here logs a frame, and no error quotes one.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Of the frames, raised when one changes its meaning.
pub(crate) const VERSION: u32 = 1;
/// The largest frame: an environment may be 2 MiB by itself (execve(2)).
pub(crate) const MAX_FRAME: usize = 8 * 1024 * 1024;
/// The most open files beside one frame.
pub(crate) const MAX_FILES: usize = 64;

#[derive(Serialize)]
struct Sealed<'a, T> {
    version: u32,
    body: &'a T,
}

#[derive(Deserialize)]
struct Opened<T> {
    version: u32,
    body: T,
}

/// The bytes of a frame.
pub(crate) fn encode<T: Serialize>(body: &T) -> io::Result<Vec<u8>> {
    let mut frame = vec![0; 4];
    let sealed = Sealed {
        version: VERSION,
        body,
    };
    serde_json::to_writer(&mut frame, &sealed)?;
    let length = frame.len() - 4;
    if length > MAX_FRAME {
        return Err(invalid("the message is too large"));
    }
    let length = u32::try_from(length).map_err(|_| invalid("the message is too large"))?;
    if let Some(head) = frame.first_chunk_mut::<4>() {
        *head = length.to_be_bytes();
    }
    Ok(frame)
}

/// Hands as many bytes to the socket as it takes at once; the files go with the first.
pub(crate) fn push(socket: impl AsFd, bytes: &[u8], files: &[BorrowedFd<'_>]) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_FILES))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !files.is_empty() && !control.push(SendAncillaryMessage::ScmRights(files)) {
        return Err(invalid("too many open files beside one message"));
    }
    let sent = sendmsg(
        socket,
        &[IoSlice::new(bytes)],
        &mut control,
        SendFlags::NOSIGNAL,
    )?;
    Ok(sent)
}

/// Sends a whole frame on a blocking socket.
pub(crate) fn send<T: Serialize>(
    socket: impl AsFd,
    body: &T,
    files: &[BorrowedFd<'_>],
) -> io::Result<()> {
    let frame = encode(body)?;
    let mut left = frame.as_slice();
    let mut files = files;
    while !left.is_empty() {
        match push(&socket, left, files) {
            Ok(sent) => {
                left = left.get(sent..).unwrap_or_default();
                files = &[];
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Waits for a whole frame on a blocking socket; `None` when the other side has closed.
pub(crate) fn receive<T: DeserializeOwned>(
    socket: impl AsFd,
) -> io::Result<Option<(T, Vec<OwnedFd>)>> {
    let mut inbox = Inbox::new(MAX_FRAME);
    loop {
        if let Some(message) = inbox.take()? {
            return Ok(Some(message));
        }
        match inbox.fill(&socket) {
            Ok(0) => return Ok(None),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// What has arrived on a socket and is not a whole frame yet.
pub(crate) struct Inbox {
    bytes: Vec<u8>,
    files: Vec<OwnedFd>,
    limit: usize,
}

impl Inbox {
    /// An empty one, for frames of at most `limit` bytes.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            bytes: Vec::new(),
            files: Vec::new(),
            limit,
        }
    }

    /// Reads once. Answers with the number of bytes, 0 at the end of the stream.
    pub(crate) fn fill(&mut self, socket: impl AsFd) -> io::Result<usize> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_FILES))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut buffer = [0; 16 * 1024];
        let received = recvmsg(
            socket,
            &mut [IoSliceMut::new(&mut buffer)],
            &mut control,
            RecvFlags::CMSG_CLOEXEC,
        )?;
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(files) = message {
                self.files.extend(files);
            }
        }
        if self.files.len() > MAX_FILES {
            return Err(invalid("too many open files beside one message"));
        }
        self.bytes
            .extend_from_slice(buffer.get(..received.bytes).unwrap_or_default());
        Ok(received.bytes)
    }

    /// The first whole frame, with the files that came with it.
    pub(crate) fn take<T: DeserializeOwned>(&mut self) -> io::Result<Option<(T, Vec<OwnedFd>)>> {
        let Some(head) = self.bytes.first_chunk::<4>() else {
            return Ok(None);
        };
        let length = u32::from_be_bytes(*head) as usize;
        if length > self.limit {
            return Err(invalid("the message is too large"));
        }
        let Some(body) = self.bytes.get(4..4 + length) else {
            return Ok(None);
        };
        // The parser's own words would quote what it choked on.
        let opened: Opened<T> = serde_json::from_slice(body)
            .map_err(|_| invalid("the message is not understood; is it of another version?"))?;
        if opened.version != VERSION {
            return Err(invalid("the message is of another version"));
        }
        self.bytes.drain(..4 + length);
        Ok(Some((opened.body, std::mem::take(&mut self.files))))
    }
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests;
