//! The digest of a sub-tree: equal content, equal digest, on any machine.
//!
//! What counts: names, kinds, whether a file can be executed, contents, targets of links.
//! What does not: times, owners, other permission bits, the order of creation. Every field
//! is written with its length before it, so no two trees run together to the same bytes.

use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::directory::{Kind, Stat};
use super::walk::{Next, Walk};
use super::{Folder, FolderError, Interrupt};

const CHUNK: usize = 128 * 1024;

impl Folder {
    /// `sha256:…` over names, kinds, the executable bit, contents and link targets of a file
    /// or sub-tree. A link that is named itself is followed, links below it are not.
    pub fn digest(&self, path: &str, interrupt: &Interrupt) -> Result<String, FolderError> {
        let place = self.find(path)?;
        let stat = place
            .stat()
            .map_err(FolderError::io("look at", &place.path))?;
        let mut tree = Tree {
            hash: Sha256::new(),
            buffer: vec![0; CHUNK],
            interrupt,
        };
        match (&place.name, stat.kind) {
            (Some(name), Kind::File) => {
                let file = place
                    .directory
                    .file(name)
                    .map_err(FolderError::io("open", &place.path))?;
                tree.file(Path::new(""), &place.path, &stat, file)?;
            }
            (_, Kind::Directory) => {
                let start = place
                    .open()
                    .map_err(FolderError::io("open the directory", &place.path))?;
                let walk = Walk {
                    view: &self.view,
                    place: &place.path,
                    interrupt,
                };
                walk.visit(&start, |found| {
                    let place = place.path.join(found.path);
                    match found.stat.kind {
                        Kind::File => {
                            let file = found
                                .parent
                                .file(found.name)
                                .map_err(FolderError::io("open", &place))?;
                            tree.file(found.path, &place, &found.stat, file)?;
                        }
                        Kind::Link => {
                            let target = found.parent.read_link(found.name);
                            let target =
                                target.map_err(FolderError::io("read the link", &place))?;
                            tree.name(b'l', found.path);
                            tree.field(target.as_os_str().as_bytes());
                        }
                        Kind::Directory => tree.name(b'd', found.path),
                        Kind::Other => tree.name(b'o', found.path),
                    }
                    Ok::<_, FolderError>(Next::On)
                })?;
            }
            _ => {
                return Err(FolderError::WrongKind {
                    path: place.path,
                    expected: "a file or a directory",
                });
            }
        }
        Ok(format!("sha256:{}", hexadecimal(&tree.hash.finalize())))
    }
}

struct Tree<'a> {
    hash: Sha256,
    buffer: Vec<u8>,
    interrupt: &'a Interrupt,
}

impl Tree<'_> {
    fn name(&mut self, kind: u8, path: &Path) {
        self.hash.update([kind]);
        self.field(path.as_os_str().as_bytes());
    }

    fn field(&mut self, bytes: &[u8]) {
        self.hash.update((bytes.len() as u64).to_le_bytes());
        self.hash.update(bytes);
    }

    /// The length goes in front of the content, so exactly that many bytes have to follow.
    fn file(
        &mut self,
        path: &Path,
        place: &Path,
        stat: &Stat,
        mut file: File,
    ) -> Result<(), FolderError> {
        self.name(if stat.is_executable() { b'x' } else { b'f' }, path);
        self.hash.update(stat.size.to_le_bytes());
        let mut read = 0_u64;
        loop {
            if self.interrupt.is_raised() {
                return Err(FolderError::Interrupted);
            }
            let count = file
                .read(&mut self.buffer)
                .map_err(FolderError::io("read", place))?;
            self.hash
                .update(self.buffer.get(..count).unwrap_or_default());
            read += count as u64;
            if count == 0 && read == stat.size {
                return Ok(());
            }
            if count == 0 || read > stat.size {
                return Err(FolderError::io("read", place)(std::io::Error::other(
                    "it changed meanwhile",
                )));
            }
        }
    }
}

/// Lower-case hexadecimal digits.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}
