//! Changes that fit any input: bits, lengths, pieces.

use fastrand::Rng;

use super::{LONGEST, Mutator, ODD, often, span};

/// Makes one change.
pub(super) fn change(input: &mut Vec<u8>, mutator: &Mutator<'_>, rng: &mut Rng) {
    let piece = span(input.len(), rng);
    match rng.u8(..12) {
        0 | 1 => flip(input, rng),
        2 => overwrite(input, rng),
        3 => drop(input.drain(piece)),
        4 => input.truncate(piece.start),
        5 => repeat(input, piece, rng),
        6 => {
            let copy = input.get(piece).unwrap_or_default().to_vec();
            insert(input, &copy, rng);
        }
        7 => {
            let fill = *rng.choice(&[0, 0xff, b'0', b' ', b'\n']).unwrap_or(&0);
            input.get_mut(piece).unwrap_or_default().fill(fill);
        }
        8 => {
            let other = mutator.any_seed(rng);
            let from = span(other.len(), rng);
            input.splice(piece, other.get(from).unwrap_or_default().iter().copied());
        }
        9 => {
            let length = rng.usize(..16);
            let noise: Vec<u8> = std::iter::repeat_with(|| rng.u8(..)).take(length).collect();
            insert(input, &noise, rng);
        }
        10 => insert(input, mutator.any_word(rng).as_bytes(), rng),
        _ => {
            let odd = rng.choice(ODD).copied().unwrap_or_default();
            insert(input, odd.as_bytes(), rng);
        }
    }
}

fn flip(input: &mut [u8], rng: &mut Rng) {
    let at = rng.usize(..input.len().max(1));
    if let Some(byte) = input.get_mut(at) {
        *byte ^= 1 << rng.u8(..8);
    }
}

/// Puts a number where one may be, in either byte order.
fn overwrite(input: &mut [u8], rng: &mut Rng) {
    const INTERESTING: [u64; 10] = [
        0,
        1,
        0x7f,
        0x80,
        0xffff,
        0x7fff_ffff,
        0x8000_0000,
        0xffff_ffff,
        u64::MAX >> 1,
        u64::MAX,
    ];
    let number = rng.choice(INTERESTING).unwrap_or_default();
    let width = rng.choice([1, 2, 4, 8]).unwrap_or(1);
    let little = number.to_le_bytes();
    let mut bytes = little.get(..width).unwrap_or_default().to_vec();
    if rng.bool() {
        bytes.reverse();
    }
    let at = rng.usize(..=input.len().saturating_sub(width));
    for (place, byte) in input.iter_mut().skip(at).zip(bytes) {
        *place = byte;
    }
}

/// Mostly twice, now and then very often.
fn repeat(input: &mut Vec<u8>, piece: std::ops::Range<usize>, rng: &mut Rng) {
    let times = often(5, 18, 64, rng);
    let copy = input.get(piece.clone()).unwrap_or_default();
    let room = LONGEST.saturating_sub(input.len());
    let times = times.min(room / copy.len().max(1));
    let copies = copy.repeat(times);
    input.splice(piece.end..piece.end, copies);
}

fn insert(input: &mut Vec<u8>, what: &[u8], rng: &mut Rng) {
    let at = rng.usize(..=input.len());
    input.splice(at..at, what.iter().copied());
}
