//! Folders of releases, made for this user alone and removed whatever is in them.
//!
//! Names that begin with a dot belong to what is being made or removed; nobody lists them,
//! and what a crash left of them goes with the next [`sweep`].

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

use super::error::Error;

/// Begins the name of a release that is being installed.
pub(super) const NEW: &str = ".new-";
/// Begins the name of a release that is being removed.
pub(super) const GONE: &str = ".gone-";

/// Makes a folder that only this user can enter, with those above it.
pub(super) fn create_private(folder: &Path) -> Result<(), Error> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(Error::io("create", folder))
}

/// Removes what crashes have left half made or half removed in a folder of releases.
pub(super) fn sweep(folder: &Path) -> Result<(), Error> {
    for entry in fs::read_dir(folder).map_err(Error::io("read", folder))? {
        let entry = entry.map_err(Error::io("read", folder))?;
        let name = entry.file_name();
        let name = name.as_encoded_bytes();
        if name.starts_with(NEW.as_bytes()) || name.starts_with(GONE.as_bytes()) {
            remove_folder(&entry.path())?;
        }
    }
    Ok(())
}

/// Removes a folder with all that is in it, if it is there. Folders in it that forbid
/// writing, as images may have them, do not keep it.
pub(super) fn remove_folder(folder: &Path) -> Result<(), Error> {
    let removed = match fs::remove_dir_all(folder) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            unlock(folder).and_then(|()| fs::remove_dir_all(folder))
        }
        other => other,
    };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Error::io("remove", folder)(error))
        }
        _ => Ok(()),
    }
}

/// Lets this user write into a folder and those below it. Links are not followed.
fn unlock(folder: &Path) -> io::Result<()> {
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700))?;
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_leftovers_are_swept_and_read_only_folders_go_too() {
        let folder = tempfile::tempdir().unwrap();
        for name in [".new-a", ".gone-b", "c"] {
            let inner = folder.path().join(name).join("root");
            fs::create_dir_all(&inner).unwrap();
            fs::write(inner.join("file"), "").unwrap();
            fs::set_permissions(&inner, fs::Permissions::from_mode(0o500)).unwrap();
        }
        sweep(folder.path()).unwrap();
        let left: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(left, ["c"]);
        unlock(&folder.path().join("c")).unwrap();
        let mode = fs::metadata(folder.path().join("c/root"))
            .unwrap()
            .permissions();
        assert_eq!(mode.mode() & 0o777, 0o700);
        remove_folder(&folder.path().join("c")).unwrap();
        remove_folder(&folder.path().join("c")).unwrap();
    }
}
