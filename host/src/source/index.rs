//! What the files of a source held when they were last read, as git's index knows it: a file
//! that the file system says is the same is not read again.
//!
//! It is a cache and no more. One that is missing, damaged or of another version knows
//! nothing; whoever finds nothing in it reads the file. It must never remember a file that
//! could change once more without being seen to have changed.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use stagewright_runtime::Identity;

/// The sha256 of a content.
pub(super) type Content = [u8; 32];

/// First in the file; another one when what follows is written otherwise.
const VERSION: &[u8; 20] = b"stagewright index 1\n";
/// More than a million entries need, in bytes.
const LARGEST: u64 = 1 << 30;

/// Contents by path.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Index {
    /// By the bytes of the path, which need not be text.
    known: HashMap<Vec<u8>, Known>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Known {
    identity: Identity,
    content: Content,
}

impl Index {
    /// Reads what was written before; nothing, when that cannot be read or is not whole.
    pub(super) fn read(path: &Path) -> Self {
        Self::parse(path).unwrap_or_default()
    }

    fn parse(path: &Path) -> Option<Self> {
        let mut bytes = Vec::new();
        let file = File::open(path).ok()?;
        file.take(LARGEST).read_to_end(&mut bytes).ok()?;
        let (checksum, body) = bytes.strip_prefix(VERSION)?.split_first_chunk()?;
        let found: Content = Sha256::digest(body).into();
        let known = (found == *checksum).then(|| postcard::from_bytes(body).ok());
        Some(Self { known: known?? })
    }

    /// Puts it in place of the one before, as a whole. It is not waited for until it is on
    /// disk: after a crash, what is not whole counts as nothing; and so does what two that
    /// write at once make of it. The name is always the same, so a crash leaves no pile.
    pub(super) fn write(&self, path: &Path) -> io::Result<()> {
        let folder = path.parent().unwrap_or(Path::new("/"));
        fs::create_dir_all(folder)?;
        let body = postcard::to_allocvec(&self.known).map_err(io::Error::other)?;
        let new = path.with_extension("new");
        let mut file = File::create(&new)?;
        file.write_all(VERSION)?;
        file.write_all(&Sha256::digest(&body))?;
        file.write_all(&body)?;
        drop(file);
        fs::rename(new, path)
    }

    /// The content of a file that is still the one that was read.
    pub(super) fn content(&self, path: &Path, identity: &Identity) -> Option<Content> {
        let known = self.known.get(path.as_os_str().as_bytes())?;
        (known.identity == *identity).then_some(known.content)
    }

    /// Remembers the content of a file that cannot change without getting another identity.
    pub(super) fn insert(&mut self, path: &Path, identity: Identity, content: Content) {
        let path = path.as_os_str().as_bytes().to_owned();
        self.known.insert(path, Known { identity, content });
    }
}
