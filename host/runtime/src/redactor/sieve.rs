//! Takes secrets out of bytes that arrive in pieces, on their way into a file.
//!
//! It exists because a program's output is read as it comes: a secret may begin in one piece
//! and end in the next. So what could be the beginning of one is held back, never more than
//! the longest form of a secret, and everything else is let through at once, because a log
//! that waits for a line end hides the prompt that a program hangs at.

use std::borrow::Cow;

use aho_corasick::{AhoCorasick, AhoCorasickKind, BuildError, MatchKind};

use super::{MASK, forms};

/// Lets bytes through, but for the secrets in them.
pub(crate) struct Sieve {
    /// Nothing to look for, when there are no secrets.
    matcher: Option<AhoCorasick>,
    /// What is looked for, sorted.
    patterns: Vec<Vec<u8>>,
    /// In bytes.
    longest: usize,
    held: Vec<u8>,
}

impl Sieve {
    /// One for these secrets, in the forms that [`Redactor`](super::Redactor) knows.
    ///
    /// # Errors
    /// When the secrets are too large to be looked for, which takes gigabytes of them.
    pub(crate) fn new<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Result<Self, BuildError> {
        let forms = secrets.into_iter().flat_map(forms);
        let mut patterns: Vec<Vec<u8>> = forms.map(String::into_bytes).collect();
        patterns.sort_unstable();
        patterns.dedup();
        let matcher = match patterns.as_slice() {
            [] => None,
            // The smallest kind: it is kept for as long as a service runs.
            some => Some(
                AhoCorasick::builder()
                    .match_kind(MatchKind::LeftmostLongest)
                    .kind(Some(AhoCorasickKind::ContiguousNFA))
                    .build(some)?,
            ),
        };
        Ok(Self {
            matcher,
            longest: patterns.iter().map(Vec::len).max().unwrap_or(0),
            patterns,
            held: Vec::new(),
        })
    }

    /// What of these bytes, and of those held back before, can be written now.
    pub(crate) fn pass<'a>(&mut self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        let Some(matcher) = &self.matcher else {
            return Cow::Borrowed(bytes);
        };
        self.held.extend_from_slice(bytes);
        let held = self.held.as_slice();
        let mut clean = Vec::with_capacity(held.len());
        let (mut from, mut open) = (0, self.opening(0));
        let mut next = matcher.find(held);
        while let Some(found) = next.filter(|found| from + found.start() < open) {
            let end = from + found.end();
            let before = held.get(from..from + found.start());
            clean.extend_from_slice(before.unwrap_or_default());
            clean.extend_from_slice(MASK.as_bytes());
            if end > open {
                open = self.opening(end);
            }
            from = end;
            next = matcher.find(held.get(from..).unwrap_or_default());
        }
        clean.extend_from_slice(held.get(from..open).unwrap_or_default());
        self.held.drain(..open);
        Cow::Owned(clean)
    }

    /// What was held back, at the end of all pieces.
    pub(crate) fn finish(&mut self) -> Vec<u8> {
        let rest = std::mem::take(&mut self.held);
        match &self.matcher {
            Some(matcher) => {
                matcher.replace_all_bytes(&rest, &vec![MASK.as_bytes(); self.patterns.len()])
            }
            None => rest,
        }
    }

    /// Where the longest end of what is held begins, from there on, that a secret could begin
    /// with; the end of it all when there is none.
    fn opening(&self, from: usize) -> usize {
        let first = (self.held.len() + 1).saturating_sub(self.longest);
        (first.max(from)..self.held.len())
            .find(|at| self.opens(self.held.get(*at..).unwrap_or_default()))
            .unwrap_or(self.held.len())
    }

    /// Is there a form that begins with these bytes and is longer?
    fn opens(&self, bytes: &[u8]) -> bool {
        let after = self
            .patterns
            .partition_point(|pattern| pattern.as_slice() <= bytes);
        self.patterns
            .get(after)
            .is_some_and(|pattern| pattern.starts_with(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Redactor;
    use super::*;

    fn sift(secrets: &[&str], pieces: &[&[u8]]) -> String {
        let mut sieve = Sieve::new(secrets.iter().copied()).unwrap();
        let mut clean = Vec::new();
        for piece in pieces {
            clean.extend_from_slice(&sieve.pass(piece));
            assert!(sieve.held.len() < sieve.longest.max(1), "too much is held");
        }
        clean.extend(sieve.finish());
        String::from_utf8(clean).unwrap()
    }

    #[test]
    fn what_comes_out_does_not_depend_on_the_pieces() {
        let secrets = ["hunter2!", "hunter2!-and-more", "ab\ncd\nef", "p&ss \"w/rd"];
        let text = "a hunter2! b hunter2!-and-more aHR1bnRlcjIh p%26ss%20%22w%2Frd \
                    x=aHVudGVyMiE= ab\ncd\nef hunter2 ab\ncd\n hunter2!-and-hunter2! hunt";
        let redactor = Redactor::new();
        secrets.iter().for_each(|secret| redactor.add(secret));
        let expected = redactor.redact(text);
        assert!(expected.matches(MASK).count() >= 7, "{expected}");
        for size in 1..text.len() {
            let pieces: Vec<&[u8]> = text.as_bytes().chunks(size).collect();
            assert_eq!(sift(&secrets, &pieces), expected, "in pieces of {size}");
        }
    }

    #[test]
    fn only_what_could_become_a_secret_is_held_back() {
        let mut sieve = Sieve::new(["hunter2!"]).unwrap();
        assert_eq!(*sieve.pass(b"password: "), *b"password: ");
        assert_eq!(*sieve.pass(b"it is hunt"), *b"it is ");
        assert_eq!(*sieve.pass(b"ing season\n"), *b"hunting season\n");
        assert_eq!(*sieve.pass(b"hunter"), *b"");
        assert_eq!(*sieve.pass(b"2!\n"), *b"***\n");
        assert_eq!(sieve.finish(), b"");
    }

    #[test]
    fn bytes_that_are_no_text_are_let_through() {
        let mut sieve = Sieve::new(["hunter2!"]).unwrap();
        assert_eq!(*sieve.pass(b"\xff\0hunter2!\xfe"), *b"\xff\0***\xfe");
        let mut idle = Sieve::new([]).unwrap();
        assert_eq!(*idle.pass(b"\xff\0hunter2!"), *b"\xff\0hunter2!");
    }
}
