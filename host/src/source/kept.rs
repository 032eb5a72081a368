//! What is remembered in a file so that it need not be found out again. It is a cache and no
//! more: what is missing, damaged or of another version counts as nothing.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};

/// More than a million entries need, in bytes.
const LARGEST: u64 = 1 << 30;

/// Reads what was written before; nothing, when that cannot be read or is not whole.
pub(super) fn read<T: DeserializeOwned>(path: &Path, version: &[u8; 20]) -> Option<T> {
    let mut bytes = Vec::new();
    let file = File::open(path).ok()?;
    file.take(LARGEST).read_to_end(&mut bytes).ok()?;
    let (checksum, body) = bytes.strip_prefix(version)?.split_first_chunk::<32>()?;
    let found: [u8; 32] = Sha256::digest(body).into();
    (found == *checksum).then(|| postcard::from_bytes(body).ok())?
}

/// Puts it in place of the one before, as a whole. It is not waited for until it is on disk:
/// after a crash, what is not whole counts as nothing; and so does what two that write at once
/// make of it. The name is always the same, so a crash leaves no pile.
pub(super) fn write<T: Serialize>(path: &Path, version: &[u8; 20], value: &T) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(folder)?;
    let body = postcard::to_allocvec(value).map_err(io::Error::other)?;
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    let mut file = File::create(&new)?;
    file.write_all(version)?;
    file.write_all(&Sha256::digest(&body))?;
    file.write_all(&body)?;
    drop(file);
    fs::rename(new, path)
}
