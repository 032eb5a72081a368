//! How a plugin is named, and where its bytes are.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::CatalogReason;
use crate::component::Digest;
use crate::limits::Size;

/// Where the bytes of a plugin are.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Reference {
    /// In this program, by name.
    Builtin(String),
    /// In a file.
    File(PathBuf),
    /// Among the components that were loaded before.
    Digest(Digest),
}

impl Reference {
    /// Reads `builtin:NAME`, a path to a `.wasm` file relative to `base`, or `sha256:…`.
    pub(super) fn parse(text: &str, base: &Path) -> Result<Self, CatalogReason> {
        if let Some(name) = text.strip_prefix("builtin:") {
            return Ok(Self::Builtin(name.to_owned()));
        }
        if text.starts_with("oci://") {
            return Err(CatalogReason::Remote);
        }
        if let Some(digits) = text.strip_prefix("sha256:") {
            return Digest::parse(digits)
                .map(Self::Digest)
                .ok_or(CatalogReason::Reference);
        }
        let path = Path::new(text);
        let is_wasm = path
            .extension()
            .is_some_and(|extension| extension == "wasm");
        let is_path = text.starts_with("./") || text.starts_with("../") || path.is_absolute();
        if is_wasm && is_path {
            Ok(Self::File(base.join(path)))
        } else {
            Err(CatalogReason::Reference)
        }
    }
}

/// The bytes of a file that is not larger than `largest`.
pub(super) fn read(path: &Path, largest: u64) -> Result<Vec<u8>, CatalogReason> {
    let unreadable = |cause: io::Error| CatalogReason::Unreadable {
        path: path.to_owned(),
        cause,
    };
    let file = File::open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(unreadable(io::Error::other("it is not a file")));
    }
    let limit = Size::of(largest);
    if metadata.len() > largest {
        return Err(CatalogReason::TooLarge { limit });
    }
    let mut bytes = Vec::new();
    file.take(largest.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() as u64 > largest {
        return Err(CatalogReason::TooLarge { limit });
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_told_apart() {
        let parse = |text| Reference::parse(text, Path::new("/env")).ok();
        assert_eq!(
            parse("builtin:static"),
            Some(Reference::Builtin("static".into()))
        );
        assert_eq!(
            parse("./a/b.wasm"),
            Some(Reference::File("/env/./a/b.wasm".into()))
        );
        assert_eq!(
            parse("/opt/b.wasm"),
            Some(Reference::File("/opt/b.wasm".into()))
        );
        let digest = Digest::of(b"abc");
        assert_eq!(
            parse(digest.as_str()),
            Some(Reference::Digest(digest.clone()))
        );
        for refused in [
            "",
            "static",
            "a.wasm",
            "./a.txt",
            "sha256:12",
            "sha256:../../x",
            "builtin",
        ] {
            assert_eq!(parse(refused), None, "{refused}");
        }
        let remote = Reference::parse("oci://registry.example/a:1", Path::new("/env")).unwrap_err();
        assert!(remote.to_string().contains("file"), "{remote}");
    }
}
