//! Turns branches and tags into commits.
//!
//! A deployment is made of what the branches were when it started. So a repository is asked
//! once, for all of its branches and tags, and every service of the deployment gets its answer
//! from that.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

use super::{CommitId, Repository, Revision, SourceError, Sources, errand};

/// How many names a hint lists.
const NAMES_SHOWN: usize = 5;

/// Commits of one deployment's branches and tags.
pub(crate) struct Resolver {
    sources: Arc<Sources>,
    asked: Mutex<HashMap<Repository, Arc<OnceCell<References>>>>,
}

/// The branches and tags of a repository, as it told them at one moment.
#[derive(Debug, Default)]
pub(super) struct References {
    pub(super) branches: BTreeMap<String, CommitId>,
    pub(super) tags: BTreeMap<String, CommitId>,
}

impl Resolver {
    pub(super) fn new(sources: Arc<Sources>) -> Self {
        Self {
            sources,
            asked: Mutex::default(),
        }
    }

    /// The commit that a revision of a repository stands for. The first call for a repository
    /// asks it, further ones wait for and share the answer; a failure is asked again. A commit is
    /// taken as it is, and looked for when it is checked out.
    ///
    /// # Errors
    /// When the repository cannot be asked, and when it has no such branch or tag.
    pub(crate) async fn resolve(
        &self,
        repository: &Repository,
        revision: &Revision,
        cancel: &CancellationToken,
    ) -> Result<CommitId, SourceError> {
        if let Revision::Commit(commit) = revision {
            return Ok(commit.clone());
        }
        let cell = {
            let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(asked.entry(repository.clone()).or_default())
        };
        let ask = async || {
            let (mirror, repository) = (self.sources.mirror(repository), repository.clone());
            errand::run(cancel, None, move |_| mirror.references(&repository)).await
        };
        let references = tokio::select! {
            references = cell.get_or_try_init(ask) => references?,
            () = cancel.cancelled() => return Err(SourceError::Cancelled),
        };
        references.commit(repository, revision)
    }
}

impl References {
    fn commit(
        &self,
        repository: &Repository,
        revision: &Revision,
    ) -> Result<CommitId, SourceError> {
        let (kind, name, names) = match revision {
            Revision::Branch(name) => ("branches", name, &self.branches),
            Revision::Tag(name) => ("tags", name, &self.tags),
            Revision::Commit(commit) => return Ok(commit.clone()),
        };
        names
            .get(name)
            .cloned()
            .ok_or_else(|| SourceError::NoSuchRevision {
                repository: repository.clone(),
                revision: revision.clone(),
                hint: hint(kind, names),
            })
    }
}

fn hint(kind: &str, names: &BTreeMap<String, CommitId>) -> String {
    let shown: Vec<&str> = names.keys().map(String::as_str).take(NAMES_SHOWN).collect();
    match names.len() - shown.len() {
        _ if shown.is_empty() => format!("it has no {kind} at all; push one, or name another"),
        0 => format!("its {kind} are: {}", shown.join(", ")),
        more => format!("its {kind} are: {} and {more} more", shown.join(", ")),
    }
}
