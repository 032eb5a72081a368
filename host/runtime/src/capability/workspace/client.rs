//! The folders of one step: what it is built from, where it builds, what it keeps.
//!
//! Made by the host when a step begins and finished when it ends; guests only ever hold the
//! [`Folder`]s in it.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::cache::{AttachedCache, Caches};
use crate::folder::{Access, Folder, FolderError, Interrupt};

/// The state of the version control, which changes without the source changing.
const NOT_SOURCE: &str = ".git";

/// A service's source: sub-trees of one tree on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The tree: the folder of the environment file, or a clone.
    pub root: PathBuf,
    /// The service's own sub-tree, relative to `root`.
    pub path: String,
    /// Further sub-trees that the build reads.
    pub include: Vec<String>,
}

impl Source {
    /// The source as a folder, read-only: its sub-trees at their places in the tree, nothing
    /// beside them, and no `.git`.
    pub fn open(&self) -> Result<Folder, FolderError> {
        Folder::open(&self.root, Access::Read)?
            .without(NOT_SOURCE)
            .limited_to(self.parts())
    }
}

impl Source {
    /// Whether its sub-trees hold something that [`Source::open`] does not show.
    pub(crate) fn hides(&self, interrupt: &Interrupt) -> Result<bool, FolderError> {
        let all = Folder::open(&self.root, Access::Read)?.limited_to(self.parts())?;
        all.holds(NOT_SOURCE, interrupt)
    }

    fn parts(&self) -> impl Iterator<Item = &str> {
        let include = self.include.iter().map(String::as_str);
        [self.path.as_str()].into_iter().chain(include)
    }
}

/// What a step works with.
#[derive(Debug)]
pub struct Workspace {
    source: Option<Folder>,
    output: Option<Folder>,
    caches: Option<Caches>,
    attached: Mutex<Vec<AttachedCache>>,
}

impl Workspace {
    /// Opens the folders of a step. The output folder and the folder of caches are made when
    /// they are not there; they have to be on one file system.
    pub fn open(
        source: Option<&Source>,
        output: Option<&Path>,
        caches: Option<&Path>,
    ) -> Result<Self, FolderError> {
        let caches = caches.map(Caches::open).transpose()?;
        let output = output.map(|path| {
            std::fs::create_dir_all(path).map_err(FolderError::io("make the folder", path))?;
            Folder::open(path, Access::Write)
        });
        Ok(Self {
            source: source.map(Source::open).transpose()?,
            output: output.transpose()?,
            caches,
            attached: Mutex::new(Vec::new()),
        })
    }

    /// What is built, when the service declares a source.
    #[must_use]
    pub fn source(&self) -> Option<&Folder> {
        self.source.as_ref()
    }

    /// Where it is built, in a step that builds.
    #[must_use]
    pub fn output(&self) -> Option<&Folder> {
        self.output.as_ref()
    }

    /// Puts a cache at `path` of an output folder, until the step ends.
    pub fn attach_cache(&self, folder: &Folder, name: &str, path: &str) -> Result<(), FolderError> {
        let Some(caches) = self
            .caches
            .as_ref()
            .filter(|_| folder.access() == Access::Write)
        else {
            return Err(FolderError::ReadOnly {
                path: PathBuf::from(path),
            });
        };
        let cache = caches.attach(name, folder, path)?;
        self.attached
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(cache);
        Ok(())
    }

    /// Ends the use of the folders: all caches go home. The first error is the answer, but
    /// every cache is tried. Dropping the workspace does the same and hides the errors.
    pub fn finish(self) -> Result<(), FolderError> {
        let mut attached = self
            .attached
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        let mut outcome = Ok(());
        // One may have been put inside another, so the last goes home first.
        while let Some(cache) = attached.pop() {
            outcome = outcome.and(cache.finish());
        }
        outcome
    }
}
