//! Paths as guests write them: relative, `/` between the parts, and never upwards.

use std::path::{Component, Path, PathBuf};

use super::FolderError;

const LONGEST: usize = 4096;
const LONGEST_PART: usize = 255;

/// Reads a guest's path into its plain parts; `.` and the empty path are the folder itself.
pub(super) fn parse(written: &str) -> Result<PathBuf, FolderError> {
    if written.len() > LONGEST {
        let start: String = written.chars().take(64).collect();
        return Err(FolderError::Name {
            path: PathBuf::from(start + "…"),
            reason: "it is longer than 4096 bytes",
        });
    }
    let name = |reason| FolderError::Name {
        path: PathBuf::from(written),
        reason,
    };
    let outside = |reason| FolderError::Outside {
        path: PathBuf::from(written),
        reason,
    };
    if written.contains('\0') {
        return Err(name("it contains a zero byte"));
    }
    let mut route = PathBuf::new();
    for component in Path::new(written).components() {
        match component {
            Component::Normal(part) if part.len() > LONGEST_PART => {
                return Err(name("a part of it is longer than 255 bytes"));
            }
            Component::Normal(part) => route.push(part),
            Component::CurDir => {}
            Component::ParentDir => return Err(outside("`..` is not allowed")),
            Component::RootDir | Component::Prefix(_) => return Err(outside("it is absolute")),
        }
    }
    Ok(route)
}

/// Whether a link with this target, at this place, stays inside by its text alone. Links on
/// the way are not looked at.
pub(crate) fn stays_inside(link: &Path, target: &Path) -> bool {
    let mut depth = link.components().count().saturating_sub(1);
    for component in target.components() {
        match component {
            Component::Normal(_) => depth += 1,
            Component::CurDir => {}
            Component::ParentDir if depth == 0 => return false,
            Component::ParentDir => depth -= 1,
            Component::RootDir | Component::Prefix(_) => return false,
        }
    }
    true
}
