//! How folders go: first their name, then what is in them, so that half of one is never taken
//! for a whole one.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Begins the names of folders that are not complete, or not any more.
pub(crate) const TEMPORARY: &str = ".partial-";

/// Removes a folder. What a crash leaves of it is removed with the next one beside it.
///
/// # Errors
/// When it cannot be renamed or removed.
pub(crate) fn discard(folder: &Path) -> io::Result<()> {
    if let Some(parent) = folder.parent() {
        clear(parent)?;
    }
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let gone = folder.with_file_name(format!("{TEMPORARY}gone-{name}"));
    fs::rename(folder, &gone)?;
    remove(&gone)
}

/// Removes a folder that has lost its name. Somebody else may clear up as well.
fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Removes what a process that was killed left in a folder, which may not be there. To be called
/// by whoever alone may change what is in it, or where nobody else makes anything under such a
/// name.
///
/// # Errors
/// When it cannot be read, or something in it not be removed.
pub(crate) fn clear(parent: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(parent) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        if name.as_encoded_bytes().starts_with(TEMPORARY.as_bytes()) {
            remove(&entry.path())?;
        }
    }
    Ok(())
}

/// The complete folders in a folder that may not be there, in the order of their names.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn folders(parent: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(parent) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut folders = Vec::new();
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let complete = !name.as_encoded_bytes().starts_with(TEMPORARY.as_bytes());
        if complete && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            folders.push(entry.path());
        }
    }
    folders.sort();
    Ok(folders)
}

/// The bytes of all files below a folder; what cannot be looked at counts nothing.
pub(crate) fn size_of(folder: &Path) -> u64 {
    let mut bytes = 0;
    let mut left = vec![folder.to_owned()];
    while let Some(folder) = left.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            match entry.metadata() {
                Ok(metadata) if metadata.is_dir() => left.push(entry.path()),
                Ok(metadata) => bytes += metadata.len(),
                Err(_) => {}
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_crash_left_goes_with_the_next_one_and_counts_as_nothing() {
        let parent = tempfile::tempdir().unwrap();
        for name in ["one", "two", ".partial-gone-three"] {
            fs::create_dir(parent.path().join(name)).unwrap();
            fs::write(parent.path().join(name).join("file"), "12345").unwrap();
        }
        let (one, two) = (parent.path().join("one"), parent.path().join("two"));
        assert_eq!(folders(parent.path()).unwrap(), [one.clone(), two.clone()]);
        assert_eq!(size_of(&one), 5);
        discard(&one).unwrap();
        let left = fs::read_dir(parent.path()).unwrap().flatten();
        assert_eq!(left.map(|entry| entry.path()).collect::<Vec<_>>(), [two]);
        assert!(folders(&parent.path().join("nowhere")).unwrap().is_empty());
    }
}
