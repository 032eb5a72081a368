//! Changes that fit lines of text: lines, their indentation, the words and numbers in them.

use std::ops::Range;

use fastrand::Rng;

use super::{LONGEST, Mutator, NUMBERS, ODD, often};

/// Makes one change. What is not UTF-8 is made so first.
pub(super) fn change(input: &mut Vec<u8>, mutator: &Mutator<'_>, rng: &mut Rng) {
    let mut text = String::from_utf8_lossy(input).into_owned();
    match rng.u8(..10) {
        0 => replace(&mut text, is_word, mutator.any_word(rng), rng),
        1 => {
            let odd = rng.choice(ODD).copied().unwrap_or_default();
            replace(&mut text, is_word, odd, rng);
        }
        2 => {
            let number = rng.choice(NUMBERS).copied().unwrap_or_default();
            replace(&mut text, |c| c.is_ascii_digit(), number, rng);
        }
        3 => {
            let (word, odd) = (mutator.any_word(rng), rng.choice(ODD));
            let what = if rng.bool() {
                word
            } else {
                odd.copied().unwrap_or_default()
            };
            let at = boundary(&text, rng);
            text.insert_str(at, what);
        }
        4 => nest(&mut text, rng),
        5 => {
            let at = boundary(&text, rng);
            text.truncate(at);
        }
        _ => lines(&mut text, mutator, rng),
    }
    *input = text.into_bytes();
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-')
}

/// A place between two characters.
fn boundary(text: &str, rng: &mut Rng) -> usize {
    let at = rng.usize(..=text.len());
    (at..=text.len())
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0)
}

/// Replaces a run of characters that belong together.
fn replace(text: &mut String, belongs: impl Fn(char) -> bool, with: &str, rng: &mut Rng) {
    let start = boundary(text, rng);
    let rest = text.get(start..).unwrap_or_default();
    let Some(from) = rest.find(&belongs).map(|at| start + at) else {
        return;
    };
    let run = text.get(from..).unwrap_or_default();
    let to = run.find(|c| !belongs(c)).map_or(text.len(), |at| from + at);
    text.replace_range(from..to, with);
}

/// Puts brackets around a place, now and then very many.
fn nest(text: &mut String, rng: &mut Rng) {
    const PAIRS: [(&str, &str); 6] = [
        ("[", "]"),
        ("{", "}"),
        ("- ", ""),
        ("{a: ", "}"),
        ("\"", "\""),
        ("&a [*a, ", "]"),
    ];
    let (open, close) = rng.choice(PAIRS).unwrap_or_default();
    let deep = often(4, 16, 16, rng);
    let at = boundary(text, rng);
    text.insert_str(at, &close.repeat(deep));
    text.insert_str(at, &open.repeat(deep));
}

/// Removes, repeats, moves, takes over or indents whole lines.
fn lines(text: &mut String, mutator: &Mutator<'_>, rng: &mut Rng) {
    let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
    let (from, to) = (any_lines(lines.len(), rng), rng.usize(..=lines.len()));
    let copy: Vec<&str> = lines.get(from.clone()).unwrap_or_default().to_vec();
    let seed = String::from_utf8_lossy(mutator.any_seed(rng)).into_owned();
    let indented: Vec<String>;
    match rng.u8(..6) {
        0 => drop(lines.drain(from)),
        1 => {
            let times = often(4, 17, 64, rng);
            let length: usize = copy.iter().map(|line| line.len()).sum();
            let times = times.min(LONGEST.saturating_sub(text.len()) / length.max(1));
            drop(lines.splice(to..to, copy.repeat(times)));
        }
        2 => {
            lines.drain(from);
            let to = to.min(lines.len());
            drop(lines.splice(to..to, copy));
        }
        3 => {
            let others: Vec<&str> = seed.split_inclusive('\n').collect();
            let taken = others.get(any_lines(others.len(), rng)).unwrap_or_default();
            drop(lines.splice(to..to, taken.iter().copied()));
        }
        _ => {
            let more = rng.bool();
            let shift = |line: &&str| match more {
                true => format!("  {line}"),
                false => line.strip_prefix("  ").unwrap_or(line).to_owned(),
            };
            indented = copy.iter().map(shift).collect();
            drop(lines.splice(from, indented.iter().map(String::as_str)));
        }
    }
    *text = lines.concat();
}

/// A few lines that follow each other.
fn any_lines(count: usize, rng: &mut Rng) -> Range<usize> {
    let from = rng.usize(..=count);
    from..from + rng.usize(..=4.min(count - from))
}
