//! What the files of a source held when they were last read, as git's index knows it: a file
//! that the file system says is the same is not read again.
//!
//! It is a cache and no more. One that is missing, damaged or of another version knows
//! nothing; whoever finds nothing in it reads the file. It must never remember a file that
//! could change once more without being seen to have changed.

use std::collections::HashMap;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use serde::{Deserialize, Serialize};
use stagewright_runtime::Identity;

use super::kept;

/// The sha256 of a content.
pub(super) type Content = [u8; 32];

/// First in the file; another one when what follows is written otherwise.
const VERSION: &[u8; 20] = b"stagewright index 1\n";

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
        let known = kept::read(path, VERSION).unwrap_or_default();
        Self { known }
    }

    /// Puts it in place of the one before, as a whole.
    pub(super) fn write(&self, path: &Path) -> io::Result<()> {
        kept::write(path, VERSION, &self.known)
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
