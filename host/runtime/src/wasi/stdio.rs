//! Standard output of a WASI guest, as lines of the step's log.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};

use crate::capability::log::{Origin, StepLog};
use crate::record::Level;

/// A line is passed on when it is this long, though it has not ended.
const LONGEST_LINE: usize = 64 * 1024;

/// A stream that becomes log lines. Every handle to it writes into the same line.
#[derive(Clone)]
pub(super) struct Lines {
    shared: Arc<Shared>,
}

struct Shared {
    log: Arc<StepLog>,
    level: Level,
    unfinished: Mutex<Vec<u8>>,
}

impl Lines {
    pub(super) fn new(log: Arc<StepLog>, level: Level) -> Self {
        Self {
            shared: Arc::new(Shared {
                log,
                level,
                unfinished: Mutex::default(),
            }),
        }
    }
}

impl Shared {
    fn take(&self, mut bytes: &[u8]) {
        let mut unfinished = self
            .unfinished
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            let (line, rest) = bytes.split_at(end);
            unfinished.extend_from_slice(line);
            self.write(&mut unfinished);
            bytes = rest.get(1..).unwrap_or_default();
        }
        for piece in bytes.chunks(LONGEST_LINE) {
            unfinished.extend_from_slice(piece);
            if unfinished.len() >= LONGEST_LINE {
                self.write(&mut unfinished);
            }
        }
    }

    fn write(&self, line: &mut Vec<u8>) {
        self.log.write(
            Origin::Plugin,
            self.level,
            &String::from_utf8_lossy(line),
            &[],
        );
        line.clear();
    }
}

/// What was not ended with a line break is said when the guest is gone.
impl Drop for Shared {
    fn drop(&mut self) {
        let mut unfinished = std::mem::take(
            self.unfinished
                .get_mut()
                .unwrap_or_else(PoisonError::into_inner),
        );
        if !unfinished.is_empty() {
            self.write(&mut unfinished);
        }
    }
}

impl IsTerminal for Lines {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Lines {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }
}

impl AsyncWrite for Lines {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.shared.take(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
