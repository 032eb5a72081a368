//! Components before they become plugins: who they are, what they import and export, and
//! their compiled form.
//!
//! Nothing of a component runs here. It is named by the digest of its bytes, checked for what
//! this host can offer it, and compiled once.

pub(crate) mod cache;
mod face;
mod precompiled;

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

pub use cache::CacheError;
pub(crate) use face::{FILES, Face, OFFERED};
pub use face::{FaceError, Role};

/// The digest of a component's bytes: `sha256:` and 64 hexadecimal digits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Digest(String);

impl Digest {
    /// Of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let hash = Sha256::digest(bytes);
        let mut text = String::with_capacity(7 + 64);
        text.push_str("sha256:");
        for byte in hash {
            text.extend([byte >> 4, byte & 15].map(hexadecimal));
        }
        Self(text)
    }

    /// From its 64 hexadecimal digits.
    pub(crate) fn parse(digits: &str) -> Option<Self> {
        let valid = digits.len() == 64
            && digits
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        valid.then(|| Self(format!("sha256:{digits}")))
    }

    /// `sha256:…`
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The 64 digits alone, as they stand in file names.
    pub(crate) fn digits(&self) -> &str {
        self.0.strip_prefix("sha256:").unwrap_or(&self.0)
    }
}

fn hexadecimal(digit: u8) -> char {
    char::from_digit(u32::from(digit), 16).unwrap_or('0')
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What some bytes are, by their first eight (WebAssembly core specification 5.5.16, and the
/// component model's binary format).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Component,
    CoreModule,
    Other,
}

impl Kind {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        match bytes.get(..8) {
            Some([0, b'a', b's', b'm', _, _, 1, 0]) => Self::Component,
            Some([0, b'a', b's', b'm', ..]) => Self::CoreModule,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_that_of_sha256sum() {
        assert_eq!(
            Digest::of(b"abc").as_str(),
            "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn components_modules_and_garbage_are_told_apart() {
        assert_eq!(
            Kind::of(&wat::parse_str("(component)").unwrap()),
            Kind::Component
        );
        assert_eq!(
            Kind::of(&wat::parse_str("(module)").unwrap()),
            Kind::CoreModule
        );
        assert_eq!(Kind::of(b"\x7fELF\x02\x01\x01\0"), Kind::Other);
        assert_eq!(Kind::of(b"\0asm"), Kind::Other);
    }
}
