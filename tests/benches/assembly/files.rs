//! The files that images are assembled from: ten thousand of them, a gibibyte together, the
//! same ones whenever they are made from the same seed.

use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::Result;

/// How many files, and how many bytes they have together.
pub const FILES: u64 = 10_000;
pub const BYTES: u64 = 1 << 30;

const FOLDERS: u64 = 200;
const WORDS: usize = 4_000;

/// Numbers that look drawn by chance (the xorshift64* generator of Vigna, 2016).
pub struct Draws(u64);

impl Draws {
    pub fn new(seed: u64) -> Self {
        Self(seed.max(1))
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }
}

/// Writes the files below a folder. Sizes are spread as in real trees, most small and a few
/// that hold most of the bytes; every other file is text that compresses, the others do not.
pub fn write(folder: &Path, seed: u64) -> Result<()> {
    let mut draws = Draws::new(seed);
    let words: Vec<Vec<u8>> = (0..WORDS).map(|_| word(&mut draws)).collect();
    // Each doubling of the size is as frequent as the next, from 1 to 1,024 shares.
    let shares: Vec<u64> = (0..FILES)
        .map(|_| (1024 + draws.below(1024)) << draws.below(10))
        .collect();
    let all: u64 = shares.iter().sum();
    let mut left = BYTES;
    let mut block = Vec::new();
    for (number, share) in (0..FILES).zip(shares) {
        let size = match number + 1 == FILES {
            true => left,
            false => (share * (BYTES / 1024) / (all / 1024)).min(left),
        };
        left -= size;
        let place = folder.join(format!("folder-{:03}", number % FOLDERS));
        fs::create_dir_all(&place)?;
        let path = place.join(format!("file-{number:05}"));
        block.clear();
        let size = usize::try_from(size)?;
        while block.len() < size {
            match number % 2 {
                0 => text(&mut draws, &words, &mut block),
                _ => block.extend_from_slice(&draws.next().to_le_bytes()),
            }
        }
        block.truncate(size);
        fs::File::create_new(path)?.write_all(&block)?;
    }
    Ok(())
}

fn word(draws: &mut Draws) -> Vec<u8> {
    let length = 2 + draws.below(9);
    (0..length).map(|_| b'a' + draws.below(26) as u8).collect()
}

/// Adds a word and what follows it; few words are frequent and most are rare.
fn text(draws: &mut Draws, words: &[Vec<u8>], block: &mut Vec<u8>) {
    let rank = draws.below(WORDS as u64) * draws.below(WORDS as u64) / WORDS as u64;
    let word = usize::try_from(rank).ok().and_then(|rank| words.get(rank));
    block.extend_from_slice(word.map_or(b"", Vec::as_slice));
    block.push(if draws.below(12) == 0 { b'\n' } else { b' ' });
}
