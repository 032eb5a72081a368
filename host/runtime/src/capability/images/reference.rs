//! How images are named.
//!
//! ```text
//! layout:NAME@sha256:…        kept in the host's store under a name
//! layout:sha256:…             in the host's store, not kept yet
//! oci:FOLDER                  the one image of a layout beside the environment file
//! oci:FOLDER:TAG              the image of that tag
//! oci:FOLDER@sha256:…         by digest
//! ```

use std::fmt;
use std::str::FromStr;

use super::{Digest, ImageError};

const LONGEST: usize = 4096;
const LONGEST_NAME: usize = 255;

/// Names an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reference {
    /// In the host's own store.
    Store {
        /// Under which name it is kept, if it is.
        name: Option<String>,
        /// Which image.
        digest: Digest,
    },
    /// In a layout beside the environment file.
    Layout {
        /// As it is written; relative to the environment file.
        folder: String,
        /// Which of its images.
        selector: Selector,
    },
}

/// Which image of a layout is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selector {
    /// The only one for this machine.
    Only,
    /// The one with that value of `org.opencontainers.image.ref.name`.
    Tag(String),
    /// The one with that digest.
    Digest(Digest),
}

impl Reference {
    /// Does a text name an image in a layout or in the store? All other images are in
    /// registries.
    #[must_use]
    pub fn is_one(text: &str) -> bool {
        text.starts_with("oci:") || text.starts_with("layout:")
    }
}

impl FromStr for Reference {
    type Err = ImageError;

    fn from_str(text: &str) -> Result<Self, ImageError> {
        let malformed = || ImageError::Malformed {
            given: text.chars().take(200).collect(),
            expected: "an image reference: `oci:FOLDER`, `oci:FOLDER:TAG`, `oci:FOLDER@sha256:…` or `layout:NAME@sha256:…`",
        };
        if text.len() > LONGEST {
            return Err(malformed());
        }
        if let Some(rest) = text.strip_prefix("layout:") {
            return match rest.rsplit_once('@') {
                Some((name, digest)) => Ok(Self::Store {
                    name: Some(checked(name)?.to_owned()),
                    digest: digest.parse()?,
                }),
                None => Ok(Self::Store {
                    name: None,
                    digest: rest.parse()?,
                }),
            };
        }
        let rest = text.strip_prefix("oci:").ok_or_else(malformed)?;
        let (folder, selector) = match (rest.rsplit_once('@'), rest.rsplit_once(':')) {
            (Some((folder, digest)), _) => (folder, Selector::Digest(digest.parse()?)),
            (None, Some((folder, tag))) if !tag.contains('/') => {
                (folder, Selector::Tag(checked(tag)?.to_owned()))
            }
            _ => (rest, Selector::Only),
        };
        if folder.is_empty() {
            return Err(malformed());
        }
        Ok(Self::Layout {
            folder: folder.to_owned(),
            selector,
        })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store {
                name: Some(name),
                digest,
            } => write!(formatter, "layout:{name}@{digest}"),
            Self::Store { name: None, digest } => write!(formatter, "layout:{digest}"),
            Self::Layout {
                folder,
                selector: Selector::Only,
            } => write!(formatter, "oci:{folder}"),
            Self::Layout {
                folder,
                selector: Selector::Tag(tag),
            } => write!(formatter, "oci:{folder}:{tag}"),
            Self::Layout {
                folder,
                selector: Selector::Digest(digest),
            } => write!(formatter, "oci:{folder}@{digest}"),
        }
    }
}

/// A name as the image specification allows it for `org.opencontainers.image.ref.name`:
/// alphanumeric runs with single separators (or `--`) between them, and `/` between such
/// parts.
pub(crate) fn checked(name: &str) -> Result<&str, ImageError> {
    let is_sound = |part: &str| {
        let ends = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
        let bytes = part.as_bytes();
        let separated = bytes.windows(2).all(|pair| match pair {
            [b'-', b'-'] => true,
            [left, right] => left.is_ascii_alphanumeric() || right.is_ascii_alphanumeric(),
            _ => true,
        });
        let allowed = bytes
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._:@+".contains(byte));
        ends(bytes.first().copied())
            && ends(bytes.last().copied())
            && separated
            && allowed
            && !part.contains("---")
    };
    if name.len() <= LONGEST_NAME && name.split('/').all(is_sound) {
        return Ok(name);
    }
    Err(ImageError::Malformed {
        given: name.chars().take(100).collect(),
        expected: "a name of an image: letters and digits with one of `-._:@+/` between them, at most 255 bytes",
    })
}
