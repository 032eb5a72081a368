//! Copies what belongs to a source into a folder of its own, so that a build sees exactly
//! what its fingerprint was made from, and nothing that changes meanwhile.

use std::fs::{self, File, FileTimes};
use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{EntryKind, SourceError, SourceTree};

impl SourceTree {
    /// Copies the source to `target`, in place of what is there, with modes and times: build
    /// tools look at times to find out what changed. Sockets, pipes and devices are left out.
    ///
    /// # Errors
    /// When something cannot be read or written, or `interrupted` is set.
    pub(crate) fn copy_to(
        &self,
        target: &Path,
        interrupted: &AtomicBool,
    ) -> Result<(), SourceError> {
        let failed = |path: &Path| SourceError::io("copy", path.to_owned());
        match fs::remove_dir_all(target) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(failed(target)(error));
            }
            _ => fs::create_dir_all(target).map_err(failed(target))?,
        }
        for entry in self.entries(interrupted)? {
            if interrupted.load(Ordering::Relaxed) {
                return Err(SourceError::Cancelled);
            }
            let (from, to) = (self.root.join(&entry.path), target.join(&entry.path));
            if let Some(folder) = to.parent() {
                fs::create_dir_all(folder).map_err(failed(folder))?;
            }
            match entry.kind {
                EntryKind::Folder => fs::create_dir_all(&to),
                EntryKind::File { .. } => copy(&from, &to),
                EntryKind::Link(place) => symlink(place, &to),
                EntryKind::Other => Ok(()),
            }
            .map_err(failed(&entry.path))?;
        }
        Ok(())
    }
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::copy(from, to)?;
    let modified = fs::metadata(from)?.modified()?;
    File::open(to)?.set_times(FileTimes::new().set_modified(modified))
}
