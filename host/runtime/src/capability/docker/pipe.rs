//! Between code that blocks on files and the streams of the engine: bytes in a bounded queue.
//!
//! A stream that was not finished ends with an error, so that half an archive is never taken
//! for a whole one.

use std::io::{self, Read, Write};

use bytes::{Buf, Bytes};
use futures::Stream;
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// Bytes of one piece.
const PIECE: usize = 128 * 1024;
/// Pieces on their way.
const PIECES: usize = 8;

/// One piece, or the end.
type Item = Option<Bytes>;

/// The end that a thread writes to.
pub(super) struct Sending {
    queue: Sender<Item>,
    piece: Vec<u8>,
}

/// The end that a thread reads from.
pub(super) struct Receiving {
    queue: Receiver<Item>,
    piece: Bytes,
    has_ended: bool,
}

/// The end that a task hands pieces to.
pub(super) struct Feeding {
    queue: Sender<Item>,
}

/// From a thread to a stream.
pub(super) fn sending() -> (
    Sending,
    impl Stream<Item = io::Result<Bytes>> + Send + 'static,
) {
    let (queue, receiver) = channel(PIECES);
    let stream = futures::stream::unfold(Some(receiver), |receiver| async {
        let mut receiver = receiver?;
        match receiver.recv().await {
            Some(Some(piece)) => Some((Ok(piece), Some(receiver))),
            Some(None) => None,
            None => Some((Err(broken_off()), None)),
        }
    });
    let piece = Vec::with_capacity(PIECE);
    (Sending { queue, piece }, stream)
}

/// From a stream to a thread.
pub(super) fn receiving() -> (Feeding, Receiving) {
    let (queue, receiver) = channel(PIECES);
    let receiving = Receiving {
        queue: receiver,
        piece: Bytes::new(),
        has_ended: false,
    };
    (Feeding { queue }, receiving)
}

impl Sending {
    /// Says that nothing is missing. Blocking.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.hand_over()?;
        self.queue.blocking_send(None).map_err(|_| broken_off())
    }

    fn hand_over(&mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE));
        let sent = self.queue.blocking_send(Some(piece.into()));
        sent.map_err(|_| broken_off())
    }
}

impl Write for Sending {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = PIECE - self.piece.len();
        let (now, _) = bytes.split_at(bytes.len().min(room));
        self.piece.extend_from_slice(now);
        if self.piece.len() == PIECE {
            self.hand_over()?;
        }
        Ok(now.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Feeding {
    /// Hands a piece over; false when nobody reads any more.
    pub(super) async fn feed(&self, piece: Bytes) -> bool {
        self.queue.send(Some(piece)).await.is_ok()
    }

    /// Says that nothing is missing.
    pub(super) async fn finish(self) {
        // Who does not read any more does not miss anything.
        let _ = self.queue.send(None).await;
    }
}

impl Read for Receiving {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() && !self.has_ended {
            match self.queue.blocking_recv() {
                Some(Some(piece)) => self.piece = piece,
                Some(None) => self.has_ended = true,
                None => return Err(broken_off()),
            }
        }
        let count = self.piece.len().min(bytes.len());
        let (now, _) = bytes.split_at_mut(count);
        self.piece.copy_to_slice(now);
        Ok(count)
    }
}

fn broken_off() -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, "the other end has broken off")
}

#[cfg(test)]
mod tests {
    use futures::StreamExt;

    use super::*;

    #[tokio::test]
    async fn what_is_sent_arrives_and_what_breaks_off_is_an_error() {
        for finishes in [true, false] {
            let (mut sending, stream) = sending();
            let thread = tokio::task::spawn_blocking(move || {
                sending.write_all(&vec![7; 3 * PIECE + 5]).unwrap();
                if finishes {
                    sending.finish().unwrap();
                }
            });
            let pieces: Vec<_> = stream.collect().await;
            thread.await.unwrap();
            let bytes: usize = pieces.iter().flatten().map(Bytes::len).sum();
            assert_eq!(pieces.iter().all(Result::is_ok), finishes);
            assert_eq!(bytes == 3 * PIECE + 5, finishes);
        }
    }

    #[tokio::test]
    async fn a_thread_reads_what_is_fed_and_knows_when_something_is_missing() {
        for finishes in [true, false] {
            let (feeding, mut receiving) = receiving();
            let thread = tokio::task::spawn_blocking(move || {
                let mut all = Vec::new();
                receiving.read_to_end(&mut all).map(|_| all)
            });
            assert!(feeding.feed(Bytes::from_static(b"ab")).await);
            assert!(feeding.feed(Bytes::from_static(b"c")).await);
            match finishes {
                true => feeding.finish().await,
                false => drop(feeding),
            }
            let read = thread.await.unwrap();
            assert_eq!(read.ok().as_deref(), finishes.then_some(&b"abc"[..]));
        }
    }
}
