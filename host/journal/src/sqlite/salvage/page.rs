//! Facts taken from the pages of the file one by one, without the trees that they are in.
//!
//! When a page is lost from which others hang, SQLite finds no way to those any more, though
//! they are whole. The layout is the one of "The SQLite Database File Format" (sections 1.6
//! and 2.1); everything is checked, and what does not look like a fact is passed over. A page
//! that is free may hold facts of before, so what is found here must have a seal that holds.

use std::{
    collections::BTreeMap, fs::File, io, ops::RangeInclusive, os::unix::fs::FileExt, path::Path,
};

use crate::MAX_TEXT_BYTES;

/// Of every page; no journal was ever made with another size.
const PAGE: usize = 4096;
/// What precedes the tree on the first page.
const FILE_HEADER: usize = 100;
/// The kinds of pages that rows of tables without row numbers are on.
const INTERIOR: u8 = 2;
const LEAF: u8 = 10;
/// The most bytes of a row that are on its page, and the fewest when there are more.
const MOST_LOCAL: usize = (PAGE - 12) * 64 / 255 - 23;
const LEAST_LOCAL: usize = (PAGE - 12) * 32 / 255 - 23;
/// Of a page that holds the rest of a row, without the number of the next one.
const OVERFLOW: usize = PAGE - 4;
/// The longest row that is a fact.
const LONGEST: usize = MAX_TEXT_BYTES + 64;

/// A fact that was found.
pub(super) struct Carved {
    pub(super) time_ms: i64,
    pub(super) body: String,
    pub(super) seal: Option<i64>,
}

/// The facts of a deployment, by its row, with these numbers; where there are several of one
/// number, the last in the file.
pub(super) fn facts(
    path: &Path,
    deployment: i64,
    numbers: &RangeInclusive<i64>,
) -> io::Result<BTreeMap<i64, Carved>> {
    let file = File::open(path)?;
    let pages = file.metadata()?.len() / PAGE as u64;
    let mut found = BTreeMap::new();
    for number in 1..=pages {
        let Ok(page) = read(&file, number) else {
            continue;
        };
        let start = if number == 1 { FILE_HEADER } else { 0 };
        for row in rows(&file, &page, start) {
            if let Some((of, seq, fact)) = fact(&row)
                && of == deployment
                && numbers.contains(&seq)
            {
                found.insert(seq, fact);
            }
        }
    }
    Ok(found)
}

fn read(file: &File, number: u64) -> io::Result<Vec<u8>> {
    let mut page = vec![0; PAGE];
    let place = number.saturating_sub(1).saturating_mul(PAGE as u64);
    file.read_exact_at(&mut page, place)?;
    Ok(page)
}

/// The rows of a page, as far as they are whole.
fn rows(file: &File, page: &[u8], start: usize) -> Vec<Vec<u8>> {
    let (pointers, child) = match page.get(start) {
        Some(&LEAF) => (start + 8, 0),
        Some(&INTERIOR) => (start + 12, 4),
        _ => return Vec::new(),
    };
    let count = short(page, start + 3).unwrap_or_default();
    (0..count)
        .filter_map(|cell| {
            let place = short(page, pointers + 2 * cell)?;
            row(file, page.get(place + child..)?)
        })
        .collect()
}

/// A row from where its length stands, with what of it is on further pages.
fn row(file: &File, cell: &[u8]) -> Option<Vec<u8>> {
    let (length, cell) = varint(cell)?;
    let length = usize::try_from(length)
        .ok()
        .filter(|&length| length <= LONGEST)?;
    if length <= MOST_LOCAL {
        return cell.get(..length).map(<[u8]>::to_vec);
    }
    let local = LEAST_LOCAL + (length - LEAST_LOCAL) % OVERFLOW;
    let local = if local <= MOST_LOCAL {
        local
    } else {
        LEAST_LOCAL
    };
    let mut row = cell.get(..local)?.to_vec();
    let mut next = cell.get(local..local + 4)?.to_vec();
    // Every page brings something, so that this ends even where the pages lead in a circle.
    while row.len() < length {
        let number = u32::from_be_bytes(next.as_slice().try_into().ok()?);
        let page = read(file, u64::from(number)).ok()?;
        let (after, rest) = page.split_at_checked(4)?;
        row.extend_from_slice(rest.get(..OVERFLOW.min(length - row.len()))?);
        next = after.to_vec();
    }
    Some(row)
}

/// The columns of a fact: deployment, number, time, text, and the seal, which rows lack that
/// are older than seals.
fn fact(row: &[u8]) -> Option<(i64, i64, Carved)> {
    let (length, mut kinds) = varint(row)?;
    let length = usize::try_from(length).ok()?;
    let mut values = row.get(length..)?;
    kinds = kinds.get(..length.checked_sub(row.len() - kinds.len())?)?;
    let mut numbers = [0; 3];
    for number in &mut numbers {
        *number = integer(&mut kinds, &mut values)??;
    }
    let (kind, rest) = varint(kinds)?;
    kinds = rest;
    let bytes = kind.checked_sub(13).filter(|twice| twice % 2 == 0)? / 2;
    let (body, rest) = values.split_at_checked(usize::try_from(bytes).ok()?)?;
    values = rest;
    let seal = match kinds {
        [] => None,
        _ => integer(&mut kinds, &mut values)?,
    };
    let [deployment, seq, time_ms] = numbers;
    (kinds.is_empty() && values.is_empty()).then(|| {
        let body = String::from_utf8_lossy(body).into_owned();
        let carved = Carved {
            time_ms,
            body,
            seal,
        };
        (deployment, seq, carved)
    })
}

/// The next value, when it is an integer or nothing.
fn integer(kinds: &mut &[u8], values: &mut &[u8]) -> Option<Option<i64>> {
    let (kind, rest) = varint(kinds)?;
    *kinds = rest;
    let bytes = match kind {
        0 => return Some(None),
        8 | 9 => return Some(Some(kind - 8)),
        1..=4 => usize::try_from(kind).ok()?,
        5 => 6,
        6 => 8,
        _ => return None,
    };
    let (value, rest) = values.split_at_checked(bytes)?;
    *values = rest;
    let sign = if *value.first()? < 0x80 { 0 } else { -1 };
    let value = value
        .iter()
        .fold(sign, |number: i64, &byte| number << 8 | i64::from(byte));
    Some(Some(value))
}

fn short(page: &[u8], place: usize) -> Option<usize> {
    let bytes = page.get(place..place + 2)?;
    Some(usize::from(u16::from_be_bytes(bytes.try_into().ok()?)))
}

/// A number of one to nine bytes, and what comes after it.
fn varint(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let mut number = 0_i64;
    for place in 0..8 {
        let byte = *bytes.get(place)?;
        number = number << 7 | i64::from(byte & 0x7f);
        if byte < 0x80 {
            return Some((number, bytes.get(place + 1..)?));
        }
    }
    Some((number << 8 | i64::from(*bytes.get(8)?), bytes.get(9..)?))
}
