//! Where builds get their source from: a folder beside the environment file, or a git
//! repository.
//!
//! Repositories are fetched by the host, so that no plugin needs the network or credentials:
//! once per repository and commit, into a mirror that later fetches add to, and checked out into
//! a folder per commit that is kept. What a build is shown of such a tree is described by a
//! [`SourceTree`]; it is copied elsewhere.
//!
//! Whether a build is needed at all is decided by a [`Listing`]. That of a commit is read from
//! the mirror, so that what has not changed is never checked out.
//!
//! Nothing here runs anything that a repository says (hooks, filters, submodules), and no
//! credential of a URL is kept or shown.

mod checkout;
mod committed;
mod content;
mod errand;
mod error;
mod ignored;
mod index;
mod kept;
mod listing;
mod meter;
mod mirror;
mod repository;
mod resolver;
mod stage;
mod sweep;
#[cfg(test)]
mod tests;
mod tree;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use stagewright_runtime::touch;
use tokio_util::sync::CancellationToken;

pub(crate) use committed::Places;
pub(crate) use error::SourceError;
pub(crate) use listing::Listing;
pub(crate) use meter::Report;
pub(crate) use repository::{CommitId, Repository, Revision};
pub(crate) use resolver::Resolver;
pub(crate) use sweep::NeededCommits;
pub(crate) use tree::{EntryKind, SourceTree};

use mirror::Mirror;

/// The mirrors and checked-out trees of one state folder.
pub(crate) struct Sources {
    folder: PathBuf,
    /// One turn per repository, so that callers in this process wait here and not for a file.
    turns: Mutex<HashMap<String, Turn>>,
}

type Turn = Arc<tokio::sync::Mutex<()>>;

impl Sources {
    /// Sources that are kept in `folder` (`<state>/sources`), which is made when it is needed.
    pub(crate) fn new(folder: impl Into<PathBuf>) -> Arc<Self> {
        Arc::new(Self {
            folder: folder.into(),
            turns: Mutex::default(),
        })
    }

    /// Turns branches and tags into commits; to be kept for one deployment, as it asks every
    /// repository once.
    pub(crate) fn resolver(self: &Arc<Self>) -> Resolver {
        Resolver::new(Arc::clone(self))
    }

    /// The folder with the files of a commit, fetched and checked out unless it is there.
    ///
    /// Calls for one repository wait for each other, also those of other processes. The folder
    /// is shared and kept: it is read, copied, never changed.
    ///
    /// # Errors
    /// [`SourceError::Cancelled`] soon after `cancel` fires; then nothing half-done is left that
    /// would be taken for done.
    pub(crate) async fn checkout(
        &self,
        repository: &Repository,
        commit: &CommitId,
        cancel: &CancellationToken,
        report: Option<&Report>,
    ) -> Result<PathBuf, SourceError> {
        let mirror = self.mirror(repository);
        let tree = mirror.tree(commit);
        // Marked as used, so that nobody removes it as old; one that is not there cannot be.
        if touch(&tree).is_ok() {
            return Ok(tree);
        }
        let turn = self.own_turn(repository, cancel).await?;
        let (repository, commit) = (repository.clone(), commit.clone());
        errand::run(cancel, report, move |errand| {
            // The turn is given back when the work ends, which may be after nobody waits for it.
            let _turn = turn;
            mirror.check_out(&repository, &commit, errand)
        })
        .await
    }

    /// What a commit holds of a service's source: fetched unless it was before, and not checked
    /// out.
    ///
    /// # Errors
    /// As [`Sources::checkout`]; and when one of the places is not in the commit.
    pub(crate) async fn list(
        &self,
        repository: &Repository,
        commit: &CommitId,
        places: Places,
        cancel: &CancellationToken,
    ) -> Result<Listing, SourceError> {
        let (mirror, wanted) = (
            self.mirror(repository),
            (repository.clone(), commit.clone()),
        );
        let listed = {
            let (places, (repository, commit)) = (places.clone(), wanted.clone());
            // What was fetched never changes, so nobody's turn is waited for. Only `gc` may be
            // taking it away, which has the lock meanwhile: then it is fetched anew.
            errand::run(cancel, None, move |errand| {
                mirror.list((&repository, &commit), &places, errand)
            })
        };
        match listed.await {
            Ok(Some(listing)) => return Ok(listing),
            Ok(None) | Err(SourceError::Unreadable { .. } | SourceError::Io { .. }) => {}
            Err(error) => return Err(error),
        }
        let turn = self.own_turn(repository, cancel).await?;
        let (mirror, (repository, commit)) = (self.mirror(repository), wanted);
        errand::run(cancel, None, move |errand| {
            let _turn = turn;
            mirror.provide(&repository, &commit, errand)?;
            let listed = mirror.list((&repository, &commit), &places, errand)?;
            listed.ok_or_else(|| SourceError::Unreachable {
                repository,
                reason: "what was fetched of it is gone again".to_owned(),
            })
        })
        .await
    }

    async fn own_turn(
        &self,
        repository: &Repository,
        cancel: &CancellationToken,
    ) -> Result<tokio::sync::OwnedMutexGuard<()>, SourceError> {
        tokio::select! {
            turn = self.turn(repository).lock_owned() => Ok(turn),
            () = cancel.cancelled() => Err(SourceError::Cancelled),
        }
    }

    fn mirror(&self, repository: &Repository) -> Mirror {
        Mirror::new(self.folder.join(repository.key()))
    }

    fn turn(&self, repository: &Repository) -> Turn {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(turns.entry(repository.key().to_owned()).or_default())
    }
}

/// The tree of a service whose source is a folder: the folder of the environment file.
///
/// # Errors
/// As [`SourceTree::new`].
pub(crate) fn folder_source(
    environment_folder: &Path,
    path: &str,
    include: &[String],
) -> Result<SourceTree, SourceError> {
    SourceTree::new(environment_folder, path, include)
}
