//! Blobs that come from elsewhere in pieces, and what is left of them when that breaks off.
//!
//! They lie in a folder of their own beside the blobs, named by the digest that they are to
//! have, so that whoever wants the blob next goes on where it broke off. Nothing of them is
//! believed before all of it is there: only then the digest is compared, and the file becomes
//! a blob.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::digest::Hashing;
use super::{Digest, ImageError};
use crate::garbage::{Garbage, Sweep};

const FOLDER: &str = ".partial";
const READ_AT_ONCE: usize = 256 * 1024;

/// The beginning of a blob.
#[derive(Debug)]
pub(crate) struct Partial {
    /// Locked for as long as this is held.
    content: Hashing<File>,
    path: PathBuf,
    digest: Digest,
    size: u64,
    length: u64,
}

impl Partial {
    /// Opens what is there of the blob, and hashes it. One that somebody else is writing is
    /// left to them, and this one begins anew under a name of its own.
    pub(super) fn open(root: &Path, digest: Digest, size: u64) -> Result<Self, ImageError> {
        let folder = root.join(FOLDER);
        fs::create_dir_all(&folder).map_err(ImageError::at("make the folder", &folder))?;
        let path = folder.join(digest.hex());
        let (path, file) = match claim(&path)? {
            Some(file) => (path, file),
            None => {
                let own = folder.join(format!("{}.{}", digest.hex(), std::process::id()));
                let file = claim(&own)?.ok_or(ImageError::Occupied)?;
                (own, file)
            }
        };
        let mut partial = Self {
            content: Hashing::new(file),
            path,
            digest,
            size,
            length: 0,
        };
        partial.take_up()?;
        Ok(partial)
    }

    /// Reads what is there. More than the blob has is nothing of it.
    fn take_up(&mut self) -> Result<(), ImageError> {
        let found = self.content.inner().metadata();
        let found = found.map_err(ImageError::at("look at", &self.path))?.len();
        if found > self.size {
            return self.begin_again();
        }
        let mut buffer = vec![0; READ_AT_ONCE];
        loop {
            let count = self
                .content
                .read(&mut buffer)
                .map_err(ImageError::at("read", &self.path))?;
            if count == 0 {
                return Ok(());
            }
            self.length += count as u64;
        }
    }

    /// How much of it there is.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// How much of it there will be.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// What it will be.
    pub(crate) fn digest(&self) -> Digest {
        self.digest
    }

    /// Forgets what there is.
    pub(crate) fn begin_again(&mut self) -> Result<(), ImageError> {
        let restart = |file: &mut File| {
            file.set_len(0)?;
            file.rewind()
        };
        self.content
            .restart(restart)
            .map_err(ImageError::at("empty", &self.path))?;
        self.length = 0;
        Ok(())
    }

    /// Goes on with these bytes.
    ///
    /// # Errors
    /// When they are more than the blob has, or the disk refuses.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), ImageError> {
        let length = self.length.saturating_add(bytes.len() as u64);
        if length > self.size {
            return Err(ImageError::Corrupt {
                what: format!("the blob {}", self.digest),
                reason: format!("it has more than the {} bytes that it should", self.size),
            });
        }
        self.content
            .write_all(bytes)
            .map_err(ImageError::io("write", format!("the blob {}", self.digest)))?;
        self.length = length;
        Ok(())
    }

    /// Compares what there is with what it should be.
    ///
    /// # Errors
    /// When it is something else; then there is nothing of it any more.
    pub(crate) fn check(&mut self) -> Result<(), ImageError> {
        let found = self.content.digest();
        if self.length == self.size && found == self.digest {
            return Ok(());
        }
        let reason = match self.length == self.size {
            true => format!("its content has the digest {found}"),
            false => format!("it has {} bytes instead of {}", self.length, self.size),
        };
        self.begin_again()?;
        Err(ImageError::Corrupt {
            what: format!("the blob {}", self.digest),
            reason,
        })
    }

    /// Gives it its name among the blobs.
    pub(super) fn publish(self, target: &Path) -> Result<(), ImageError> {
        let publish = || -> io::Result<()> {
            let file = self.content.inner();
            file.set_permissions(Permissions::from_mode(0o644))?;
            file.sync_all()?;
            fs::rename(&self.path, target)?;
            File::open(target.parent().unwrap_or(Path::new(".")))?.sync_all()
        };
        publish().map_err(ImageError::io("keep", format!("the blob {}", self.digest)))
    }

    /// Removes it.
    pub(super) fn discard(self) -> Result<(), ImageError> {
        fs::remove_file(&self.path).map_err(ImageError::at("remove", &self.path))
    }
}

/// Opens and locks the file of that name. `None`: somebody else has it, or it got another name
/// in this very moment.
fn claim(path: &Path) -> Result<Option<File>, ImageError> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).read(true).write(true);
    let file = options.open(path).map_err(ImageError::at("open", path))?;
    if file.try_lock().is_err() {
        return Ok(None);
    }
    let held = file.metadata().map_err(ImageError::at("look at", path))?;
    let is_there = fs::symlink_metadata(path)
        .is_ok_and(|found| found.ino() == held.ino() && found.dev() == held.dev());
    Ok(is_there.then_some(file))
}

/// Removes what nobody has gone on with, and nobody is writing.
pub(super) fn sweep(root: &Path, sweep: Sweep) -> Result<Vec<Garbage>, ImageError> {
    let folder = root.join(FOLDER);
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(ImageError::at("read", &folder)(error)),
    };
    let mut garbage = Vec::new();
    for entry in entries {
        let path = entry.map_err(ImageError::at("read", &folder))?.path();
        let Ok(file) = File::open(&path) else {
            continue;
        };
        let metadata = file.metadata().map_err(ImageError::at("look at", &path))?;
        if !sweep.takes(&metadata) || file.try_lock().is_err() {
            continue;
        }
        if !sweep.dry_run {
            fs::remove_file(&path).map_err(ImageError::at("remove", &path))?;
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        garbage.push(Garbage {
            name: format!("the beginning of the blob sha256:{name}"),
            bytes: metadata.len(),
        });
    }
    Ok(garbage)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    #[test]
    fn what_broke_off_is_taken_up_and_becomes_a_blob() {
        let root = tempfile::tempdir().unwrap();
        let digest = Digest::of(b"whole");
        let mut first = Partial::open(root.path(), digest, 5).unwrap();
        first.write(b"who").unwrap();
        drop(first);
        let mut second = Partial::open(root.path(), digest, 5).unwrap();
        assert_eq!(second.length(), 3);
        second.write(b"le").unwrap();
        second.check().unwrap();
        let target = root.path().join("blob");
        second.publish(&target).unwrap();
        assert_eq!(fs::read(target).unwrap(), b"whole");
        assert_eq!(fs::read_dir(root.path().join(FOLDER)).unwrap().count(), 0);
    }

    #[test]
    fn what_is_wrong_or_too_long_is_forgotten() {
        let root = tempfile::tempdir().unwrap();
        let digest = Digest::of(b"whole");
        let mut partial = Partial::open(root.path(), digest, 5).unwrap();
        partial.write(b"other").unwrap();
        assert_eq!(partial.check().unwrap_err().code(), "image.corrupt");
        assert_eq!(partial.length(), 0);
        partial.write(b"whole").unwrap();
        assert_eq!(partial.write(b"!").unwrap_err().code(), "image.corrupt");
        partial.check().unwrap();
        drop(partial);
        fs::write(root.path().join(FOLDER).join(digest.hex()), "far too long").unwrap();
        assert_eq!(Partial::open(root.path(), digest, 5).unwrap().length(), 0);
    }

    #[test]
    fn two_at_once_do_not_write_to_one_file() {
        let root = tempfile::tempdir().unwrap();
        let digest = Digest::of(b"whole");
        let mut first = Partial::open(root.path(), digest, 5).unwrap();
        let mut second = Partial::open(root.path(), digest, 5).unwrap();
        for partial in [&mut first, &mut second] {
            partial.write(b"whole").unwrap();
            partial.check().unwrap();
        }
    }

    #[test]
    fn only_what_is_old_and_nobody_writes_is_removed() {
        let root = tempfile::tempdir().unwrap();
        let held = Partial::open(root.path(), Digest::of(b"a"), 1).unwrap();
        drop(Partial::open(root.path(), Digest::of(b"b"), 1).unwrap());
        let sweeping = |before| {
            let dry_run = false;
            sweep(root.path(), Sweep { before, dry_run }).unwrap().len()
        };
        let now = SystemTime::now();
        assert_eq!(sweeping(now - Duration::from_secs(3_600)), 0);
        assert_eq!(sweeping(now + Duration::from_secs(3_600)), 1);
        drop(held);
        assert_eq!(sweeping(now + Duration::from_secs(3_600)), 1);
    }
}
