//! Paths inside a source tree: relative, with `/` on every system, never out of the tree.

/// Why a path is not inside the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outside {
    /// Starts at the root of a file system.
    Absolute,
    /// Has a `..`.
    Parent,
    /// Has a NUL, which ends paths.
    Nul,
}

/// Whether a path stays inside the tree that it is relative to.
pub(super) fn check(path: &str) -> Result<(), Outside> {
    let drive = path.get(1..2) == Some(":") && path.starts_with(|c: char| c.is_ascii_alphabetic());
    if path.starts_with(['/', '\\', '~']) || drive {
        return Err(Outside::Absolute);
    }
    if path.contains('\0') {
        return Err(Outside::Nul);
    }
    // A backslash separates nothing here, but a tree may be unpacked where it does.
    match path.split(['/', '\\']).any(|part| part == "..") {
        true => Err(Outside::Parent),
        false => Ok(()),
    }
}

/// A path without `.`, doubled and trailing slashes; `.` for the whole tree.
pub(super) fn normal(path: &str) -> String {
    let parts: Vec<&str> = path
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".")
        .collect();
    match parts.is_empty() {
        true => ".".to_owned(),
        false => parts.join("/"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_inside_the_tree_pass() {
        for path in [".", "", "./api", "a/b", "...", "a..b", "libs/common/"] {
            assert_eq!(check(path), Ok(()), "{path}");
        }
        for path in ["..", "a/../../b", "a/..", "a\\..\\b"] {
            assert_eq!(check(path), Err(Outside::Parent), "{path}");
        }
        for path in ["/etc", "\\x", "~/src", "C:\\x"] {
            assert_eq!(check(path), Err(Outside::Absolute), "{path}");
        }
        assert_eq!(check("a\0b"), Err(Outside::Nul));
    }

    #[test]
    fn one_folder_has_one_spelling() {
        for (path, same) in [("./api/", "api"), ("a//b/.", "a/b"), ("./", "."), ("", ".")] {
            assert_eq!(normal(path), same);
        }
    }
}
