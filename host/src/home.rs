//! The state folder: everything that one installation remembers. This module knows where
//! things are in it and nothing about what they mean.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use stagewright_journal::network_file_system;

/// The environment variable that names the state folder.
pub(crate) const VARIABLE: &str = "STAGEWRIGHT_HOME";

/// A state folder that exists and is only this user's.
#[derive(Clone, Debug)]
pub(crate) struct Home {
    root: PathBuf,
}

impl Home {
    /// Opens the state folder, and makes it where it is missing: the one that was asked for,
    /// else `$STAGEWRIGHT_HOME`, else `stagewright` in `$XDG_STATE_HOME` or `~/.local/state`
    /// (XDG Base Directory Specification 0.8).
    ///
    /// # Errors
    /// When no home folder is known, the folder cannot be made, or it is on a network file
    /// system, whose locks cannot be trusted.
    pub(crate) fn open(asked: Option<&Path>) -> Result<Self> {
        let folder = match asked {
            Some(folder) => folder.to_owned(),
            None => default_folder()?,
        };
        private_folder(&folder)?;
        let root = folder
            .canonicalize()
            .with_context(|| format!("cannot open the state folder {}", folder.display()))?;
        if let Some(kind) = network_file_system(&root)? {
            bail!(
                "the state folder {} is on a network file system ({kind}), whose locks cannot be \
                 trusted; choose a local folder with --state-dir or {VARIABLE}",
                root.display()
            );
        }
        Ok(Self { root })
    }

    /// The folder itself, absolute.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The database of the journal.
    pub(crate) fn journal(&self) -> PathBuf {
        self.root.join("journal.db")
    }

    /// Locks of environments: one driver each.
    pub(crate) fn locks(&self) -> PathBuf {
        self.root.join("locks")
    }

    /// Clones and checkouts of git repositories.
    pub(crate) fn sources(&self) -> PathBuf {
        self.root.join("sources")
    }

    /// The folder in which a service is built: the same one every time, so that paths that
    /// end up in binaries stay the same.
    pub(crate) fn build(&self, environment: &str, service: &str) -> PathBuf {
        self.root.join("builds").join(environment).join(service)
    }

    /// What the files of a service's source held when they were last read.
    pub(crate) fn source_index(&self, environment: &str, service: &str) -> PathBuf {
        self.build(environment, service).join("tree.index")
    }

    /// What a service's builds leave for the next one.
    pub(crate) fn caches(&self, environment: &str, service: &str) -> PathBuf {
        self.root.join("caches").join(environment).join(service)
    }

    /// Releases of the services of an environment.
    pub(crate) fn releases(&self, environment: &str) -> PathBuf {
        self.root.join("releases").join(environment)
    }

    /// Logs of the attempts of a deployment.
    pub(crate) fn logs(&self, deployment: &str) -> PathBuf {
        self.root.join("logs").join(deployment)
    }

    /// The socket on which the driver of an environment takes requests.
    pub(crate) fn control(&self, environment: &str) -> PathBuf {
        self.root
            .join("control")
            .join(format!("{environment}.sock"))
    }

    /// Sensitive outputs of the jobs of an environment.
    pub(crate) fn sealed(&self, environment: &str) -> PathBuf {
        self.root.join("sealed").join(format!("{environment}.json"))
    }

    /// The file that keys hashes of secrets.
    pub(crate) fn key(&self) -> PathBuf {
        self.root.join("key")
    }
}

/// Makes a folder, and those above it, that only this user can enter. One that exists is
/// left as it is.
///
/// # Errors
/// When it cannot be made.
pub(crate) fn private_folder(folder: &Path) -> Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .with_context(|| format!("cannot make the folder {}", folder.display()))
}

fn default_folder() -> Result<PathBuf> {
    if let Some(folder) = absolute_variable(VARIABLE) {
        return Ok(folder);
    }
    if let Some(state) = absolute_variable("XDG_STATE_HOME") {
        return Ok(state.join("stagewright"));
    }
    match absolute_variable("HOME") {
        Some(home) => Ok(home.join(".local/state/stagewright")),
        None => bail!(
            "no state folder is known, as HOME is not set; name one with --state-dir or {VARIABLE}"
        ),
    }
}

/// A relative or empty path in such a variable counts as not set, as the XDG rules say.
fn absolute_variable(name: &str) -> Option<PathBuf> {
    let path = PathBuf::from(std::env::var_os(name)?);
    path.is_absolute().then_some(path)
}
