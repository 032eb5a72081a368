//! Takes secrets out of whatever the host writes down.
//!
//! A secret is added the moment its value leaves the host's hands: revealed to a guest, or
//! put into the environment of a program. From then on log lines, progress, failures and
//! results are passed through here. Forms that a secret is often printed in are known: each
//! line of a longer text, base64 at every alignment, URL-encoded and JSON-escaped. What a
//! guest does to a value beyond that cannot be seen.

mod sieve;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::{PoisonError, RwLock};

use aho_corasick::{AhoCorasick, MatchKind};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::record::{Failure, Output};

pub(crate) use sieve::Sieve;

/// What stands where a secret was.
pub const MASK: &str = "***";

/// Shorter values are in every text, and would turn it into stars.
const SHORTEST: usize = 3;

/// Shorter lines of a longer secret are `{`, `-----` and the like.
const SHORTEST_LINE: usize = 6;

/// RFC 3986, section 2.3: what never needs to be encoded.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The secrets that are known to have been used, shared by everything that writes.
#[derive(Default)]
pub struct Redactor {
    known: RwLock<Known>,
}

#[derive(Default)]
struct Known {
    secrets: BTreeSet<String>,
    patterns: BTreeSet<String>,
    matcher: Option<AhoCorasick>,
}

impl Redactor {
    /// One that knows no secret.
    pub fn new() -> Self {
        Self::default()
    }

    /// From now on this value is replaced wherever it is seen. Values of fewer than 3
    /// characters are not.
    pub fn add(&self, secret: &str) {
        let forms = forms(secret);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.secrets.insert(secret.to_owned());
        let before = known.patterns.len();
        known.patterns.extend(forms);
        if known.patterns.len() == before {
            return;
        }
        let built = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(&known.patterns);
        match built {
            Ok(matcher) => known.matcher = Some(matcher),
            Err(error) => tracing::error!(%error, "a secret is too large to be redacted"),
        }
    }

    /// The text, with every known secret replaced by [`MASK`].
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let Some(matcher) = &known.matcher else {
            return Cow::Borrowed(text);
        };
        if !matcher.is_match(text) {
            return Cow::Borrowed(text);
        }
        let masks = vec![MASK; known.patterns.len()];
        Cow::Owned(matcher.replace_all(text, &masks))
    }

    /// The known secrets that stand in this text.
    pub(crate) fn within(&self, text: &str) -> Vec<String> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let contained = known
            .secrets
            .iter()
            .filter(|secret| text.contains(secret.as_str()));
        contained.cloned().collect()
    }

    /// The failure, without secrets in anything that it says.
    #[must_use]
    pub fn redact_failure(&self, mut failure: Failure) -> Failure {
        self.replace(&mut failure.code);
        self.replace(&mut failure.message);
        if let Some(hint) = &mut failure.hint {
            self.replace(hint);
        }
        for (name, value) in &mut failure.details {
            self.replace(name);
            self.replace(value);
        }
        failure
    }

    /// The outputs, without secrets in those that are not declared to be sensitive.
    #[must_use]
    pub fn redact_outputs(&self, mut outputs: Vec<Output>) -> Vec<Output> {
        for output in outputs.iter_mut().filter(|output| !output.sensitive) {
            self.replace(&mut output.value);
        }
        outputs
    }

    pub(crate) fn replace(&self, text: &mut String) {
        if let Cow::Owned(clean) = self.redact(text) {
            *text = clean;
        }
    }
}

/// Tells how many forms are known, and nothing about them.
impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        f.debug_struct("Redactor")
            .field("forms", &known.patterns.len())
            .finish()
    }
}

/// Every text that a secret is recognised by.
fn forms(secret: &str) -> Vec<String> {
    let trimmed = secret.trim();
    let lines = secret
        .lines()
        .map(str::trim)
        .filter(|line| line.len() >= SHORTEST_LINE);
    let texts = [secret, trimmed]
        .into_iter()
        .chain(lines)
        .filter(|text| text.len() >= SHORTEST);
    let mut forms = Vec::new();
    for text in texts {
        forms.push(text.to_owned());
        forms.push(utf8_percent_encode(text, UNRESERVED).to_string());
        forms.push(
            utf8_percent_encode(text, UNRESERVED)
                .to_string()
                .replace("%20", "+"),
        );
        forms.push(lower_case_escapes(
            &utf8_percent_encode(text, UNRESERVED).to_string(),
        ));
        forms.push(json_escaped(text));
        forms.extend((0..3).flat_map(|offset| base64_forms(text, offset)));
    }
    forms.retain(|form| form.len() >= SHORTEST);
    forms
}

/// `%2F` as `%2f`, which some encoders write.
fn lower_case_escapes(encoded: &str) -> String {
    let mut pieces = encoded.split('%');
    let mut text = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (code, rest) = piece.split_at_checked(2).unwrap_or((piece, ""));
        text.push('%');
        text.push_str(&code.to_ascii_lowercase());
        text.push_str(rest);
    }
    text
}

fn json_escaped(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or("")
        .to_owned()
}

/// What base64 makes of the text when `offset` bytes (modulo 3) stand before it: only the
/// characters that depend on nothing but the text.
fn base64_forms(text: &str, offset: usize) -> [String; 2] {
    let mut bytes = vec![0; offset];
    bytes.extend_from_slice(text.as_bytes());
    let skip = [0, 2, 3].get(offset).copied().unwrap_or(0);
    let whole = bytes.len() * 8 / 6;
    [
        STANDARD_NO_PAD.encode(&bytes),
        URL_SAFE_NO_PAD.encode(&bytes),
    ]
    .map(|encoded| {
        let sure = encoded.get(skip..whole.max(skip)).unwrap_or_default();
        // A few characters of base64 say little about the text and are found in any word.
        if sure.len() < SHORTEST_LINE {
            String::new()
        } else {
            sure.to_owned()
        }
    })
}

#[cfg(test)]
mod tests;
