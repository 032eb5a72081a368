//! Gzip (RFC 1952) on all cores, with bytes that depend on the input alone.
//!
//! The input is cut into blocks of a fixed size, each is compressed by itself and ends on a
//! byte boundary (a deflate sync flush, RFC 1951), and the results are put together in order
//! as one ordinary gzip member. How many threads there are changes nothing in the output.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::num::NonZero;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use flate2::{Compress, Compression, Crc, FlushCompress};

const BLOCK: usize = 256 * 1024;
/// Magic number, deflate, no flags, no time, no hint, no operating system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
/// An empty last block.
const END: [u8; 2] = [3, 0];
/// Beyond this the reader of the files is what everybody waits for.
const MOST_WORKERS: usize = 8;

struct Job {
    block: Vec<u8>,
    done: SyncSender<io::Result<Vec<u8>>>,
}

/// Compresses what is written to it. The workers end when it is dropped.
pub(super) struct Gzip<W> {
    inner: W,
    crc: Crc,
    block: Vec<u8>,
    jobs: SyncSender<Job>,
    /// Results in the order of the input.
    pending: VecDeque<Receiver<io::Result<Vec<u8>>>>,
    most_pending: usize,
}

impl<W: Write> Gzip<W> {
    pub(super) fn new(mut inner: W) -> io::Result<Self> {
        inner.write_all(&HEADER)?;
        let workers = thread::available_parallelism()
            .map_or(1, NonZero::get)
            .min(MOST_WORKERS);
        let (jobs, queue) = sync_channel::<Job>(workers);
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..workers {
            let queue = Arc::clone(&queue);
            thread::Builder::new()
                .name("compress".to_owned())
                .spawn(move || work(&queue))?;
        }
        let block = Vec::with_capacity(BLOCK);
        Ok(Self {
            inner,
            crc: Crc::new(),
            block,
            jobs,
            pending: VecDeque::new(),
            most_pending: 2 * workers,
        })
    }

    /// Writes what is left, and the trailer.
    pub(super) fn finish(mut self) -> io::Result<W> {
        if !self.block.is_empty() {
            self.hand_over()?;
        }
        while !self.pending.is_empty() {
            self.collect()?;
        }
        self.inner.write_all(&END)?;
        self.inner.write_all(&self.crc.sum().to_le_bytes())?;
        self.inner.write_all(&self.crc.amount().to_le_bytes())?;
        Ok(self.inner)
    }

    fn hand_over(&mut self) -> io::Result<()> {
        if self.pending.len() == self.most_pending {
            self.collect()?;
        }
        let block = std::mem::replace(&mut self.block, Vec::with_capacity(BLOCK));
        let (done, result) = sync_channel(1);
        self.jobs.send(Job { block, done }).map_err(|_| lost())?;
        self.pending.push_back(result);
        Ok(())
    }

    fn collect(&mut self) -> io::Result<()> {
        let Some(result) = self.pending.pop_front() else {
            return Ok(());
        };
        self.inner.write_all(&result.recv().map_err(|_| lost())??)
    }
}

impl<W: Write> Write for Gzip<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (now, _) = bytes.split_at(bytes.len().min(BLOCK - self.block.len()));
        self.crc.update(now);
        self.block.extend_from_slice(now);
        if self.block.len() == BLOCK {
            self.hand_over()?;
        }
        Ok(now.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn work(queue: &Mutex<Receiver<Job>>) {
    loop {
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Job { block, done }) = job else { return };
        // Nobody waits for the result when the writer was given up.
        let _ = done.send(compress(&block));
    }
}

fn compress(block: &[u8]) -> io::Result<Vec<u8>> {
    let mut deflate = Compress::new(Compression::fast(), false);
    let mut output = Vec::with_capacity(block.len() / 2 + 1024);
    loop {
        let rest = usize::try_from(deflate.total_in())
            .ok()
            .and_then(|done| block.get(done..))
            .unwrap_or_default();
        deflate
            .compress_vec(rest, &mut output, FlushCompress::Sync)
            .map_err(io::Error::other)?;
        // A flush is complete when all input is taken and the output did not fill up.
        if deflate.total_in() == block.len() as u64 && output.len() < output.capacity() {
            return Ok(output);
        }
        output.reserve(64 * 1024);
    }
}

fn lost() -> io::Error {
    io::Error::other("a thread that compresses has ended")
}
