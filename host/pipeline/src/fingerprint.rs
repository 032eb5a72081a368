//! Fingerprints: what a build or a deploy depends on, as labelled parts and one digest.
//!
//! The parts stay, so that `plan` can say *what* differs and not only that something does.
//! A secret enters as the HMAC that the caller made of it, never as itself.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The longest value that is kept as it is; longer ones are kept as their hash.
const SHOWN: usize = 64;

/// Labelled parts in the order of their labels, and the digest over all of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// `sha256:…`; equal digests mean equal parts.
    digest: String,
    parts: BTreeMap<String, String>,
}

impl Fingerprint {
    /// Takes parts in any order. Labels are unique (of two equal ones the later counts) and
    /// are words for people: `variable LOG_LEVEL`, `plugin`, `source tree`.
    pub fn new<L, V>(parts: impl IntoIterator<Item = (L, V)>) -> Self
    where
        L: Into<String>,
        V: AsRef<str>,
    {
        let parts: BTreeMap<String, String> = parts
            .into_iter()
            .map(|(label, value)| (label.into(), shorten(value.as_ref())))
            .collect();
        let mut hasher = Sha256::new();
        for (label, value) in &parts {
            for field in [label, value] {
                // Lengths go first, so that no two lists of parts read as the same bytes.
                hasher.update((field.len() as u64).to_le_bytes());
                hasher.update(field.as_bytes());
            }
        }
        let digest = hex(&hasher.finalize());
        Self { digest, parts }
    }

    /// `sha256:…` over all parts.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The parts, by label: short values as they are, long ones as `sha256:…`.
    pub fn parts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.parts.iter().map(|(l, v)| (l.as_str(), v.as_str()))
    }

    /// Whether it has this part.
    #[must_use]
    pub fn has(&self, label: &str, value: &str) -> bool {
        let part = self.parts.get(label);
        part.is_some_and(|part| *part == shorten(value))
    }

    /// What differs, one clause each, in the order of the labels. Empty when nothing does.
    #[must_use]
    pub fn explain(old: &Self, new: &Self) -> Vec<String> {
        let mut differences = Vec::new();
        let labels: std::collections::BTreeSet<&String> =
            old.parts.keys().chain(new.parts.keys()).collect();
        for label in labels {
            match (old.parts.get(label), new.parts.get(label)) {
                (Some(before), Some(after)) if before == after => {}
                (Some(before), Some(after)) if is_hash(before) || is_hash(after) => {
                    differences.push(format!("{label} changed"));
                }
                (Some(before), Some(after)) => {
                    differences.push(format!("{label} {before} → {after}"));
                }
                (Some(_), None) => differences.push(format!("{label} removed")),
                (None, _) => differences.push(format!("{label} added")),
            }
        }
        differences
    }
}

/// The digest.
impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.digest)
    }
}

fn shorten(value: &str) -> String {
    if value.len() <= SHOWN && !value.chars().any(char::is_control) {
        value.to_owned()
    } else {
        hex(&Sha256::digest(value.as_bytes()))
    }
}

fn is_hash(value: &str) -> bool {
    value.starts_with("sha256:") || value.starts_with("hmac:")
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(7 + 2 * bytes.len());
    text.push_str("sha256:");
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::Fingerprint;

    #[test]
    fn order_does_not_matter_but_boundaries_do() {
        let one = Fingerprint::new([("a", "1"), ("b", "2")]);
        let two = Fingerprint::new([("b", "2"), ("a", "1")]);
        assert_eq!(one, two);
        assert_ne!(
            Fingerprint::new([("a", "bc")]).digest(),
            Fingerprint::new([("ab", "c")]).digest()
        );
        assert!(one.digest().starts_with("sha256:") && one.digest().len() == 7 + 64);
    }

    #[test]
    fn differences_are_named() {
        let long = "x".repeat(100);
        let old = Fingerprint::new([
            ("plugin command", "1.2"),
            ("source tree", &long),
            ("variable A", "1"),
            ("base", "same"),
        ]);
        let new = Fingerprint::new([
            ("plugin command", "1.3"),
            ("source tree", &format!("{long}y")),
            ("variable B", "1"),
            ("base", "same"),
        ]);
        assert_eq!(
            Fingerprint::explain(&old, &new),
            [
                "plugin command 1.2 → 1.3",
                "source tree changed",
                "variable A removed",
                "variable B added"
            ]
        );
        assert!(Fingerprint::explain(&old, &old).is_empty());
    }

    #[test]
    fn parts_are_known_again_however_long() {
        let long = "x".repeat(100);
        let made = Fingerprint::new([("source", long.as_str()), ("base", "1")]);
        assert!(made.has("source", &long) && made.has("base", "1"));
        assert!(!made.has("source", "x") && !made.has("base", "2") && !made.has("other", "1"));
    }

    #[test]
    fn long_values_are_not_kept() {
        let long = "secret-looking ".repeat(20);
        let json = serde_json::to_string(&Fingerprint::new([("config", &long)])).unwrap();
        assert!(!json.contains("secret-looking"));
    }
}
