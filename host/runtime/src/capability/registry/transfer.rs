//! Bytes on their way between a disk, which blocks, and a registry, which does not: through
//! channels of few pieces, so that no more is in memory than is on its way.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::Stream;
use tokio::sync::{Notify, mpsc};

use super::RegistryError;
use crate::capability::images::{ImageError, Partial};
use crate::capability::log::StepLog;

/// Blobs of one image that move at the same time.
pub(super) const AT_ONCE: usize = 4;
/// Pieces that wait for the slower side.
const PIECES: usize = 4;
/// Bytes of a piece that is read from the disk.
const PIECE: usize = 256 * 1024;

/// Counts what has moved of an image, and tells people.
pub(super) struct Meter {
    done: AtomicU64,
    total: u64,
    what: String,
    log: Option<Arc<StepLog>>,
}

/// What one request has moved of it.
pub(super) struct Part {
    meter: Arc<Meter>,
    done: AtomicU64,
    moved: Notify,
}

impl Meter {
    pub(super) fn new(total: u64, what: String, log: Option<Arc<StepLog>>) -> Arc<Self> {
        Arc::new(Self {
            done: AtomicU64::new(0),
            total,
            what,
            log,
        })
    }

    /// So many more bytes have moved, or need not.
    pub(super) fn add(&self, bytes: u64) {
        let done = self.done.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if let Some(log) = &self.log {
            log.progress(done.min(self.total), Some(self.total), &self.what);
        }
    }

    /// So many bytes have to move once more.
    pub(super) fn take_back(&self, bytes: u64) {
        self.done.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Counts what a request moves.
    pub(super) fn part(self: &Arc<Self>) -> Arc<Part> {
        Arc::new(Part {
            meter: Arc::clone(self),
            done: AtomicU64::new(0),
            moved: Notify::new(),
        })
    }
}

impl Part {
    fn add(&self, bytes: u64) {
        self.done.fetch_add(bytes, Ordering::Relaxed);
        self.meter.add(bytes);
        self.moved.notify_one();
    }

    /// All of it was in vain.
    pub(super) fn take_back(&self) {
        self.meter.take_back(self.done.swap(0, Ordering::Relaxed));
    }

    /// Returns when nothing has moved for so long.
    pub(super) async fn stalled(&self, patience: Duration) {
        while tokio::time::timeout(patience, self.moved.notified())
            .await
            .is_ok()
        {}
    }
}

/// Writes what comes to the end of a blob, on a thread of its own.
pub(super) struct Writer {
    pieces: mpsc::Sender<Bytes>,
    task: tokio::task::JoinHandle<(Partial, Result<(), ImageError>)>,
}

impl Writer {
    pub(super) fn new(mut partial: Partial) -> Self {
        let (pieces, mut coming) = mpsc::channel::<Bytes>(PIECES);
        let task = tokio::task::spawn_blocking(move || {
            while let Some(piece) = coming.blocking_recv() {
                if let Err(error) = partial.write(&piece) {
                    return (partial, Err(error));
                }
            }
            (partial, Ok(()))
        });
        Self { pieces, task }
    }

    /// Hands a piece on. False: it cannot be written, and [`finish`](Self::finish) tells why.
    pub(super) async fn write(&self, piece: Bytes) -> bool {
        self.pieces.send(piece).await.is_ok()
    }

    /// What is there now, and what went wrong with it.
    pub(super) async fn finish(self) -> Result<(Partial, Result<(), ImageError>), RegistryError> {
        drop(self.pieces);
        self.task.await.map_err(|_| RegistryError::Interrupted)
    }
}

/// A part of a file as a stream, read on a thread of its own.
pub(super) fn read(
    mut file: File,
    from: u64,
    length: u64,
    part: Arc<Part>,
) -> impl Stream<Item = std::io::Result<Bytes>> + Send + 'static {
    let (pieces, coming) = mpsc::channel(PIECES);
    tokio::task::spawn_blocking(move || {
        let mut left = length;
        let mut next = move || -> std::io::Result<Option<Bytes>> {
            if left == length {
                file.seek(SeekFrom::Start(from))?;
            }
            let mut piece = vec![0; PIECE.min(usize::try_from(left).unwrap_or(PIECE))];
            if piece.is_empty() {
                return Ok(None);
            }
            file.read_exact(&mut piece)?;
            left -= piece.len() as u64;
            Ok(Some(piece.into()))
        };
        while let Some(piece) = next().transpose() {
            let is_last = piece.is_err();
            if pieces.blocking_send(piece).is_err() || is_last {
                return;
            }
        }
    });
    futures::stream::unfold((coming, part), |(mut coming, part)| async move {
        let piece: std::io::Result<Bytes> = coming.recv().await?;
        if let Ok(piece) = &piece {
            part.add(piece.len() as u64);
        }
        Some((piece, (coming, part)))
    })
}
