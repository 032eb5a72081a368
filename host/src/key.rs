//! The key of an installation: secrets enter fingerprints only as hashes under it, so that
//! equal secrets can be told from changed ones and nothing else can be learned.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Bytes of the key.
const LENGTH: usize = 32;

/// The key of this installation, made when it is first used.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    path: PathBuf,
}

impl Key {
    /// The key that is kept in that file.
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// `hmac:` and the HMAC-SHA-256 (RFC 2104) of a value.
    ///
    /// # Errors
    /// When the key cannot be read or made.
    pub(crate) fn hash(&self, value: &str) -> Result<String> {
        let key = self.bytes()?;
        let mut mac = Hmac::<Sha256>::new_from_slice(&key)?;
        mac.update(value.as_bytes());
        let bytes = mac.finalize().into_bytes();
        Ok(bytes
            .iter()
            .fold("hmac:".to_owned(), |text, byte| format!("{text}{byte:02x}")))
    }

    fn bytes(&self) -> Result<Vec<u8>> {
        match std::fs::read(&self.path) {
            Ok(bytes) if bytes.len() == LENGTH => Ok(bytes),
            Ok(_) => bail!("the key {} is damaged", self.path.display()),
            Err(error) if error.kind() == ErrorKind::NotFound => self.make(),
            Err(error) => {
                Err(error).with_context(|| format!("cannot read the key {}", self.path.display()))
            }
        }
    }

    /// Two processes may make it at once: the first link counts for both.
    fn make(&self) -> Result<Vec<u8>> {
        let mut key = [0; LENGTH];
        getrandom::fill(&mut key).context("the operating system gives no random bytes")?;
        let own = self.path.with_extension(std::process::id().to_string());
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&own)?;
        file.write_all(&key)?;
        file.sync_all()?;
        let linked = std::fs::hard_link(&own, &self.path);
        std::fs::remove_file(&own)?;
        match linked {
            Ok(()) => Ok(key.to_vec()),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => self.bytes(),
            Err(error) => Err(error).context("cannot keep the key of this installation"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_hash_alike_under_one_key_only() {
        let folder = tempfile::tempdir().unwrap();
        let key = Key::new(folder.path().join("key"));
        let hash = key.hash("secret").unwrap();
        assert_eq!(
            hash,
            Key::new(folder.path().join("key")).hash("secret").unwrap()
        );
        assert_ne!(hash, key.hash("secreT").unwrap());
        assert_ne!(
            hash,
            Key::new(folder.path().join("other"))
                .hash("secret")
                .unwrap()
        );
        assert!(hash.starts_with("hmac:") && !hash.contains("secret"));
    }
}
