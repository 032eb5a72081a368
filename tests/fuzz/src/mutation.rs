//! Changes inputs, in ways that fit what they look like.

use fastrand::Rng;

mod bytes;
mod json;
mod text;

/// The longest input that is made, in bytes.
const LONGEST: usize = 12 << 20;

/// What the inputs of a target look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Anything.
    Bytes,
    /// Lines of text; what is made of them is mostly UTF-8.
    Text,
    /// A JSON value; what is made of it mostly still is one.
    Json,
}

/// Makes inputs of the ones it was given.
pub(crate) struct Mutator<'a> {
    shape: Shape,
    seeds: &'a [Vec<u8>],
    words: &'a [&'a str],
}

impl<'a> Mutator<'a> {
    pub(crate) fn new(shape: Shape, seeds: &'a [Vec<u8>], words: &'a [&'a str]) -> Self {
        Self {
            shape,
            seeds,
            words,
        }
    }

    /// An input that is decided by the generator alone.
    pub(crate) fn input(&self, rng: &mut Rng) -> Vec<u8> {
        let mut input = self.any_seed(rng).to_vec();
        // Mostly few changes: what is broken everywhere is refused at its first byte.
        while {
            self.change(&mut input, rng);
            rng.u8(..8) < 5
        } {}
        input.truncate(LONGEST);
        input
    }

    fn change(&self, input: &mut Vec<u8>, rng: &mut Rng) {
        let shape = match (self.shape, rng.u8(..32)) {
            (Shape::Json | Shape::Text, 0) => Shape::Bytes,
            (Shape::Json, 1..4) => Shape::Text,
            (shape, _) => shape,
        };
        match shape {
            Shape::Bytes => bytes::change(input, self, rng),
            Shape::Text => text::change(input, self, rng),
            Shape::Json => json::change(input, self, rng),
        }
    }

    fn any_seed(&self, rng: &mut Rng) -> &'a [u8] {
        rng.choice(self.seeds).map_or(&[], Vec::as_slice)
    }

    fn any_word(&self, rng: &mut Rng) -> &'a str {
        rng.choice(self.words).copied().unwrap_or_default()
    }
}

/// Numbers at which something changes, and numbers that are too much for most things.
const NUMBERS: &[&str] = &[
    "0",
    "-1",
    "1",
    "255",
    "256",
    "65535",
    "65536",
    "2147483648",
    "4294967295",
    "4294967296",
    "9007199254740993",
    "9223372036854775807",
    "-9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "1e309",
    "-0",
    "0.1",
    "1e-400",
    "99999999999999999999999999999999999999",
];

/// Texts that have surprised programs before.
const ODD: &[&str] = &[
    "",
    " ",
    "\0",
    "\n",
    "\r\n",
    "\t",
    "\u{1b}[2J",
    "\u{7f}",
    "\u{85}",
    "\u{202e}gnp.exe",
    "\u{feff}",
    "\u{2028}",
    "e\u{301}",
    "\u{1f469}\u{200d}\u{1f4bb}",
    "..",
    "../../../../tmp/x",
    "/",
    "/etc/passwd",
    "a/../b",
    "//",
    "~",
    "{{",
    "}}",
    "{{a.host}}",
    "%00",
    "null",
    "NaN",
    "'\"`",
    "\\",
    "*",
    "sha256:",
    "-",
    "--",
    "=",
    ":",
    "#",
];

/// A power of two: mostly one below `2^few`, once in `rarely` times one below `2^many`.
fn often(few: u32, many: u32, rarely: u8, rng: &mut Rng) -> usize {
    let most = if rng.u8(..rarely) == 0 { many } else { few };
    1 << rng.u32(..most)
}

/// A piece of an input, never past its end, and mostly short.
fn span(length: usize, rng: &mut Rng) -> std::ops::Range<usize> {
    let from = rng.usize(..=length);
    let longest = match rng.u8(..4) {
        0 => length,
        _ => 16,
    };
    from..from + rng.usize(..=longest.min(length - from))
}
