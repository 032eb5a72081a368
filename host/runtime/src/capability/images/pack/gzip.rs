//! Gzip (RFC 1952) on all cores, with bytes that depend on the input alone.
//!
//! The input is cut into blocks of a fixed size, and each becomes a gzip member of its own;
//! the specification lets members follow each other, and every reader of layers takes them as
//! one stream. How many cores there are, and of which kind, changes nothing in the output.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, sync_channel};

use libdeflater::{CompressionLvl, Compressor};

const BLOCK: usize = 256 * 1024;
/// The fastest that compresses; higher ones save some per cent in twice the time.
const FAST: i32 = 1;
const STORED: i32 = 0;
/// Blocks of one layer that are compressed at the same time.
const MOST_PENDING: usize = 16;

/// Compresses what is written to it.
pub(in crate::capability::images) struct Gzip<W> {
    inner: W,
    block: Vec<u8>,
    /// Members in the order of the input.
    pending: VecDeque<Receiver<io::Result<Vec<u8>>>>,
    most_pending: usize,
}

impl<W: Write> Gzip<W> {
    pub(in crate::capability::images) fn new(inner: W) -> Self {
        Self {
            inner,
            block: Vec::with_capacity(BLOCK),
            pending: VecDeque::new(),
            most_pending: (2 * rayon::current_num_threads()).min(MOST_PENDING),
        }
    }

    /// Writes what is left.
    pub(in crate::capability::images) fn finish(mut self) -> io::Result<W> {
        if !self.block.is_empty() {
            self.hand_over()?;
        }
        while !self.pending.is_empty() {
            self.collect()?;
        }
        Ok(self.inner)
    }

    fn hand_over(&mut self) -> io::Result<()> {
        if self.pending.len() == self.most_pending {
            self.collect()?;
        }
        let block = std::mem::replace(&mut self.block, Vec::with_capacity(BLOCK));
        let (done, member) = sync_channel(1);
        // Nobody waits for the member when the writer was given up.
        rayon::spawn(move || drop(done.send(compress(&block))));
        self.pending.push_back(member);
        Ok(())
    }

    fn collect(&mut self) -> io::Result<()> {
        let Some(member) = self.pending.pop_front() else {
            return Ok(());
        };
        let lost = |_| io::Error::other("a thread that compresses has ended");
        self.inner.write_all(&member.recv().map_err(lost)??)
    }
}

impl<W: Write> Write for Gzip<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (now, _) = bytes.split_at(bytes.len().min(BLOCK - self.block.len()));
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

fn compress(block: &[u8]) -> io::Result<Vec<u8>> {
    let level = if is_noise(block) { STORED } else { FAST };
    let level = CompressionLvl::new(level)
        .map_err(|_| io::Error::other("the library of gzip lacks a level"))?;
    let mut deflate = Compressor::new(level);
    let mut member = vec![0; deflate.gzip_compress_bound(block.len())];
    let length = deflate
        .gzip_compress(block, &mut member)
        .map_err(io::Error::other)?;
    member.truncate(length);
    Ok(member)
}

/// Whether all bytes are about equally frequent in samples of a block, as in what is
/// compressed already: pictures, archives. Compressing such a block takes longest of all, and
/// gains nothing. Whole numbers alone, so that every machine decides alike.
fn is_noise(block: &[u8]) -> bool {
    const SAMPLE: usize = 1024;
    const EVERY: usize = 8 * SAMPLE;
    let mut counts = [0_u64; 256];
    let mut samples = 0_u64;
    for sample in block.chunks(EVERY).filter_map(|chunk| chunk.get(..SAMPLE)) {
        for byte in sample {
            if let Some(count) = counts.get_mut(usize::from(*byte)) {
                *count += 1;
            }
        }
        samples += sample.len() as u64;
    }
    // Of noise, this is samples² / 256 + samples on average; of text, it is ten times that.
    let squares: u64 = counts.iter().map(|count| count * count).sum();
    samples > 0 && squares <= samples * samples / 240 + samples
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::MultiGzDecoder;

    use super::*;

    fn gzip(content: &[u8], stride: usize) -> Vec<u8> {
        let mut gzip = Gzip::new(Vec::new());
        for piece in content.chunks(stride) {
            gzip.write_all(piece).unwrap();
        }
        gzip.finish().unwrap()
    }

    fn noise(length: usize) -> Vec<u8> {
        let mut state = 1_u64;
        let next = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 56) as u8
        };
        std::iter::repeat_with(next).take(length).collect()
    }

    #[test]
    fn the_bytes_do_not_depend_on_threads_or_on_how_they_are_written() {
        let mut content = b"some text that comes again and again\n".repeat(30_000);
        content.extend(noise(700_000));
        let expected = gzip(&content, content.len());
        for threads in [1, 3] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads + 1);
            let other = pool.build().unwrap().install(|| gzip(&content, 777));
            assert!(other == expected, "{threads} threads");
        }
        let mut unpacked = Vec::new();
        let mut decoder = MultiGzDecoder::new(expected.as_slice());
        decoder.read_to_end(&mut unpacked).unwrap();
        assert!(unpacked == content);
        assert!(expected.len() < 760_000, "{}", expected.len());
    }

    #[test]
    fn only_what_cannot_be_compressed_is_stored() {
        assert!(is_noise(&noise(BLOCK)));
        assert!(is_noise(&noise(9_000)));
        let numbers: Vec<u8> = (0..BLOCK as u32 / 4).flat_map(u32::to_le_bytes).collect();
        assert!(!is_noise(&numbers));
        assert!(!is_noise(&[0; BLOCK]));
        assert!(!is_noise(b"short"));
        let text: Vec<u8> = noise(BLOCK).iter().map(|byte| byte % 200).collect();
        assert!(!is_noise(&text));
    }
}
