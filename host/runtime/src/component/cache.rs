//! The compiled components of this installation, and what they said about themselves.
//!
//! A component is compiled once, when it is added, and never in mid-deployment. The folder
//! belongs to the host's user alone: what lies in it is executed. Every file appears as a
//! whole or not at all.

mod sweep;

use std::fs::{self, DirBuilder, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use wasmtime::Engine;
use wasmtime::component::Component;

use super::{Digest, precompiled};
use crate::garbage::touch;
use crate::harmless;
use crate::incoming::Incoming;
use crate::record::Description;

/// Bytes of the compiler's own words that are shown.
const LONGEST_REASON: usize = 1_000;

/// Of the files that hold descriptions.
const VERSION: u32 = 1;

/// A component could not be compiled, or its compiled form not be kept.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// The bytes are no valid component.
    #[error(
        "it is not a valid component: {0}: build it again, or fetch it again if it was cut off"
    )]
    Invalid(String),
    /// The engine has no place for what it is made of.
    #[error(
        "it does not fit into this host's engine: {0}: build it of fewer core modules, memories and tables"
    )]
    Unfit(String),
    /// The folder could be written by others, and what lies in it is executed.
    #[error(
        "the folder {} can be written by others than its owner, or belongs to somebody else: make it yours alone (mode 0700)",
        .0.display()
    )]
    Open(PathBuf),
    /// The file system refused.
    #[error("cannot {doing} {}: {cause}", .path.display())]
    Io {
        /// A verb.
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
}

impl CacheError {
    fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |cause| Self::Io {
            doing,
            path: path.to_owned(),
            cause,
        }
    }
}

/// The folder of compiled components.
#[derive(Debug)]
pub(crate) struct ComponentCache {
    folder: PathBuf,
    incoming: Incoming,
    engine: Engine,
    compatibility: String,
}

/// What the component said when it was added.
#[derive(Serialize, Deserialize)]
struct Kept {
    version: u32,
    description: Description,
}

impl ComponentCache {
    /// Opens the folder, and makes it where it is not there.
    pub(crate) fn open(folder: PathBuf, engine: Engine) -> Result<Self, CacheError> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)
            .map_err(CacheError::io("make the folder", &folder))?;
        let metadata = fs::metadata(&folder).map_err(CacheError::io("look at", &folder))?;
        let ours = metadata.uid() == rustix::process::geteuid().as_raw();
        if !ours || metadata.permissions().mode() & 0o022 != 0 {
            return Err(CacheError::Open(folder));
        }
        let incoming = Incoming::open(&folder).map_err(CacheError::io("open", &folder))?;
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        let compatibility = format!("{:016x}", hasher.finish());
        Ok(Self {
            folder,
            incoming,
            engine,
            compatibility,
        })
    }

    /// The component of these bytes: loaded where it was compiled before, else compiled.
    /// Blocking, and long when it has to compile.
    pub(crate) fn component(&self, digest: &Digest, bytes: &[u8]) -> Result<Component, CacheError> {
        let path = self.compiled(digest);
        if path.exists() {
            match precompiled::load(&self.engine, &path) {
                Ok(component) => {
                    // One that cannot be marked is made again when it is missed.
                    let _ = touch(&path);
                    return Ok(component);
                }
                Err(error) => {
                    tracing::warn!(%digest, %error, "a compiled component is unusable and is made again");
                }
            }
        }
        let compiled = self.engine.precompile_component(bytes).map_err(|error| {
            CacheError::Invalid(harmless::line(&format!("{error:#}"), LONGEST_REASON))
        })?;
        self.write(&path, &compiled)?;
        precompiled::load(&self.engine, &path).map_err(|error| {
            // It would be in the way of the next attempt, and is of no use to anybody.
            let _unused = fs::remove_file(&path);
            CacheError::Unfit(harmless::line(
                &error.root_cause().to_string(),
                LONGEST_REASON,
            ))
        })
    }

    /// What the component said about itself when it was added.
    pub(crate) fn description(&self, digest: &Digest) -> Option<Description> {
        let path = self.described(digest);
        touch(&path).ok()?;
        let bytes = fs::read(path).ok()?;
        let kept: Kept = serde_json::from_slice(&bytes).ok()?;
        (kept.version == VERSION).then_some(kept.description)
    }

    /// Keeps what the component says about itself.
    pub(crate) fn keep(
        &self,
        digest: &Digest,
        description: &Description,
    ) -> Result<(), CacheError> {
        let path = self.described(digest);
        let kept = Kept {
            version: VERSION,
            description: description.clone(),
        };
        let bytes = serde_json::to_vec(&kept)
            .map_err(|error| CacheError::io("write", &path)(error.into()))?;
        self.write(&path, &bytes)
    }

    /// Where the component itself is kept, so that what it has deployed can still be removed
    /// by it after it was swapped for another.
    pub(crate) fn bytes(&self, digest: &Digest) -> PathBuf {
        self.folder.join(format!("{}.wasm", digest.digits()))
    }

    /// Keeps the component, and under which built-in name it came.
    pub(crate) fn keep_bytes(
        &self,
        digest: &Digest,
        bytes: &[u8],
        builtin: Option<&str>,
    ) -> Result<(), CacheError> {
        let path = self.bytes(digest);
        if touch(&path).is_err() {
            self.write(&path, bytes)?;
        }
        let path = self.named(digest);
        match builtin {
            Some(name) if touch(&path).is_err() => self.write(&path, name.as_bytes()),
            _ => Ok(()),
        }
    }

    /// The name under which it came with this program or an earlier version of it.
    pub(crate) fn builtin_name(&self, digest: &Digest) -> Option<String> {
        fs::read_to_string(self.named(digest)).ok()
    }

    fn named(&self, digest: &Digest) -> PathBuf {
        self.folder.join(format!("{}.builtin", digest.digits()))
    }

    fn compiled(&self, digest: &Digest) -> PathBuf {
        self.folder
            .join(format!("{}-{}.cwasm", digest.digits(), self.compatibility))
    }

    fn described(&self, digest: &Digest) -> PathBuf {
        self.folder.join(format!("{}.json", digest.digits()))
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), CacheError> {
        let write = || {
            let mut file = self.incoming.file()?;
            file.write_all(bytes)?;
            file.as_file().sync_all()?;
            file.persist(path)?;
            File::open(&self.folder)?.sync_all()
        };
        write().map_err(CacheError::io("write", path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(folder: &Path) -> ComponentCache {
        ComponentCache::open(folder.join("components"), Engine::default()).unwrap()
    }

    fn files(folder: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(folder.join("components")).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        paths.filter(|path| path.extension().is_some()).collect()
    }

    #[test]
    fn a_component_is_compiled_once() {
        let state = tempfile::tempdir().unwrap();
        let bytes = wat::parse_str("(component)").unwrap();
        let digest = Digest::of(&bytes);
        cache(state.path()).component(&digest, &bytes).unwrap();
        assert_eq!(files(state.path()).len(), 1);
        // What is not even a component shows that nothing is compiled the second time.
        cache(state.path()).component(&digest, b"garbage").unwrap();
    }

    #[test]
    fn a_damaged_file_is_made_again() {
        let state = tempfile::tempdir().unwrap();
        let bytes = wat::parse_str("(component)").unwrap();
        let digest = Digest::of(&bytes);
        cache(state.path()).component(&digest, &bytes).unwrap();
        let file = files(state.path()).pop().unwrap();
        fs::write(&file, b"torn").unwrap();
        cache(state.path()).component(&digest, &bytes).unwrap();
        assert_ne!(fs::read(&file).unwrap(), b"torn");
    }

    #[test]
    fn a_folder_that_others_can_write_is_refused() {
        let state = tempfile::tempdir().unwrap();
        let folder = state.path().join("components");
        fs::create_dir(&folder).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
        let error = ComponentCache::open(folder, Engine::default()).unwrap_err();
        assert!(error.to_string().contains("mode 0700"), "{error}");
    }

    #[test]
    fn what_is_no_component_is_said_to_be_none() {
        let state = tempfile::tempdir().unwrap();
        let bytes = b"\0asm\x0d\0\x01\0\xff\xff";
        let error = cache(state.path())
            .component(&Digest::of(bytes), bytes)
            .unwrap_err();
        assert!(matches!(error, CacheError::Invalid(_)), "{error}");
        assert!(files(state.path()).is_empty());
    }
}
