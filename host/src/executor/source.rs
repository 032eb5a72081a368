//! The source of a build: what it is made of, which decides whether anything is built; a handle
//! for plugins that may want to look into it; and the copy that is built from.
//!
//! What is in a repository is checked out only for somebody who looks into it. What is in a
//! folder may change at any moment, so the copy counts: when it is not what was decided on, the
//! image is remembered by what the copy is made of.

use std::path::PathBuf;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use stagewright_pipeline::{Failure, Fingerprint, Retry};
use stagewright_runtime::{Fetch, Plugin, Source, Supply, record};
use tokio_util::sync::CancellationToken;

use super::attempt::{Stop, interruptible};
use super::ingredients::build_fingerprint;
use super::workshop::{Attempt, Workshop};
use crate::description::Subject;
use crate::source::{
    CommitId, Listing, Places, Repository, SourceError, SourceTree, Sources, folder_source,
};

/// The label of a source in the fingerprint of a build.
pub(super) const SOURCE: &str = "source";
/// How a difference of it is explained.
const CHANGED: &str = "source changed";

/// A copy of a source that nothing changes meanwhile.
pub(super) struct Staged {
    source: Source,
    listing: Listing,
}

/// A commit of a repository.
struct Origin {
    repository: Repository,
    commit: CommitId,
}

/// Checks a commit out for a plugin that looks into it.
struct Checkout {
    sources: Arc<Sources>,
    origin: Origin,
    places: Places,
}

impl Staged {
    pub(super) fn supply(&self) -> Supply {
        self.source.clone().into()
    }
}

impl Workshop {
    /// What the source of a service is made of. Nothing is checked out for it.
    pub(super) async fn listing(
        &self,
        subject: &Subject,
        cancel: &CancellationToken,
    ) -> Result<Option<Listing>, Stop> {
        let Some(places) = places(subject) else {
            return Ok(None);
        };
        if let Some(Origin { repository, commit }) = self.origin(subject)? {
            let sources = &self.host.sources;
            let listing = sources.list(&repository, &commit, places, cancel).await?;
            return Ok(Some(listing));
        }
        let tree = folder_source(&self.description.folder, &places.path, &places.include)?;
        let index = self.source_index(&subject.service.name);
        let listed = interruptible(cancel, move |flag| tree.listing(&index, flag));
        listed.await.map(Some)
    }

    /// The source for a plugin that may look into it, or not.
    pub(super) async fn supply(
        &self,
        subject: &Subject,
        plugin: &Plugin,
        cancel: &CancellationToken,
    ) -> Result<Option<Supply>, Stop> {
        match (self.origin(subject)?, places(subject)) {
            (Some(origin), Some(places)) if !plugin.sees_files() => {
                let sources = Arc::clone(&self.host.sources);
                Ok(Some(Supply::OnDemand(Arc::new(Checkout {
                    sources,
                    origin,
                    places,
                }))))
            }
            _ => {
                let tree = self.tree(subject, cancel).await?;
                Ok(tree.map(|tree| shown(&tree).into()))
            }
        }
    }

    /// Brings the copy that a service is built from up to date.
    pub(super) async fn stage(
        &self,
        subject: &Subject,
        cancel: &CancellationToken,
    ) -> Result<Option<Staged>, Stop> {
        let Some(tree) = self.tree(subject, cancel).await? else {
            return Ok(None);
        };
        let service = &subject.service.name;
        let root = self.build_folder(service).join("source");
        let source = Source {
            root: root.clone(),
            ..shown(&tree)
        };
        let index = self.source_index(service);
        let copied = interruptible(cancel, move |flag| tree.copy_to(&root, &index, flag)).await?;
        let listing = match subject.commit {
            // A commit is what it is; the copy is known by what it was decided by.
            Some(_) => self.listing(subject, cancel).await?.unwrap_or(copied),
            None => copied,
        };
        Ok(Some(Staged { source, listing }))
    }

    /// What a build is made from, when its source is not any more what was decided on.
    pub(super) async fn changed_meanwhile(
        &self,
        attempt: &Attempt,
        subject: &Subject,
        staged: &Staged,
    ) -> Result<Option<Fingerprint>, Stop> {
        let known = self.book.record(&attempt.service);
        let digest = staged.listing.digest();
        let decided = known.decided();
        if decided.is_none_or(|decided| decided.has(SOURCE, &digest)) {
            return Ok(None);
        }
        tracing::info!(
            service = attempt.service,
            "the source was changed after it was compared; what is there now is built"
        );
        let inputs = self
            .inputs(
                subject,
                &attempt.cancel,
                attempt.left,
                Some(staged.supply()),
            )
            .await?;
        let fingerprint = build_fingerprint(subject, inputs, Some(&staged.listing))?;
        Ok(Some(fingerprint))
    }

    /// Keeps what a service was built from, so that the next difference can be told.
    pub(super) async fn remember_source(
        &self,
        subject: &Subject,
        staged: Staged,
        cancel: &CancellationToken,
    ) {
        let file = self.source_listing(&subject.service.name);
        let keep = move |_: &_| {
            if let Err(error) = staged.listing.keep(&file) {
                tracing::warn!(
                    "cannot keep {}, so what changes will not be told: {error}",
                    file.display()
                );
            }
            Ok(())
        };
        // A build that succeeded is not lost because its source is not remembered.
        if interruptible(cancel, keep).await.is_err() {
            tracing::warn!("what {} was built from is not kept", subject.service.name);
        }
    }

    /// Puts into the reasons of a build what changed in its source, where that is known.
    pub(super) async fn say_what_changed(
        &self,
        service: &str,
        before: &Fingerprint,
        listing: Listing,
        reasons: &mut [String],
    ) {
        let Some(reason) = reasons.iter_mut().find(|reason| *reason == CHANGED) else {
            return;
        };
        let (file, before) = (self.source_listing(service), before.clone());
        let compare = tokio::task::spawn_blocking(move || {
            let kept = Listing::kept(&file)?;
            // What was kept may be of another build than the one that counts.
            let fits = before.has(SOURCE, &kept.digest());
            let difference = listing.since(&kept).filter(|_| fits)?;
            Some(difference.to_string())
        });
        if let Ok(Some(difference)) = compare.await {
            *reason = format!("{CHANGED}: {difference}");
        }
    }

    /// The files of a service's source, checked out where they are a repository's.
    async fn tree(
        &self,
        subject: &Subject,
        cancel: &CancellationToken,
    ) -> Result<Option<SourceTree>, Stop> {
        let Some(Places { path, include }) = places(subject) else {
            return Ok(None);
        };
        let root = match self.origin(subject)? {
            Some(Origin { repository, commit }) => {
                let sources = &self.host.sources;
                sources.checkout(&repository, &commit, cancel, None).await?
            }
            None => self.description.folder.clone(),
        };
        Ok(Some(folder_source(&root, &path, &include)?))
    }

    /// Where the source of a service is, if it is in a repository.
    fn origin(&self, subject: &Subject) -> Result<Option<Origin>, SourceError> {
        let git = subject.service.source.as_ref();
        let git = git.and_then(|source| source.git.as_ref());
        let (Some(git), Some(commit)) = (git, &subject.commit) else {
            return Ok(None);
        };
        Ok(Some(Origin {
            repository: Repository::parse(&git.url, &self.description.folder)?,
            commit: commit.clone(),
        }))
    }

    /// What the last build of a service was made of.
    fn source_listing(&self, service: &str) -> PathBuf {
        self.build_folder(service).join("source.listing")
    }
}

impl Fetch for Checkout {
    fn fetch(
        &self,
        cancel: CancellationToken,
    ) -> BoxFuture<'static, Result<Source, record::Failure>> {
        let sources = Arc::clone(&self.sources);
        let Origin { repository, commit } = &self.origin;
        let (repository, commit) = (repository.clone(), commit.clone());
        let Places { path, include } = self.places.clone();
        let fetched = async move {
            let root = sources
                .checkout(&repository, &commit, &cancel, None)
                .await?;
            Ok(shown(&folder_source(&root, &path, &include)?))
        };
        fetched
            .map(|fetched: Result<_, SourceError>| fetched.map_err(|error| told(&error)))
            .boxed()
    }
}

fn places(subject: &Subject) -> Option<Places> {
    let source = subject.service.source.as_ref()?;
    Some(Places {
        path: source.path.clone(),
        include: source.include.clone(),
    })
}

/// What a builder is shown of a tree.
fn shown(tree: &SourceTree) -> Source {
    Source {
        root: tree.root.clone(),
        path: tree.path.clone(),
        include: tree.include.clone(),
    }
}

const UNAVAILABLE: &str = "source.unavailable";

/// What a plugin is told that looked into a source.
fn told(error: &SourceError) -> record::Failure {
    let (code, retry) = match error {
        SourceError::Cancelled | SourceError::Abandoned => {
            (record::CANCELLED, record::Retry::Never)
        }
        error if error.may_pass() => (UNAVAILABLE, record::Retry::Later),
        _ => (UNAVAILABLE, record::Retry::Never),
    };
    record::Failure::new(code, error.to_string()).retry(retry)
}

impl From<SourceError> for Stop {
    fn from(error: SourceError) -> Self {
        match error {
            SourceError::Cancelled => return Self::Cancelled(Vec::new()),
            SourceError::Abandoned => {
                return Self::Cancelled(vec!["a connection to a git repository".to_owned()]);
            }
            _ => {}
        }
        let retry = if error.may_pass() {
            Retry::Later
        } else {
            Retry::Never
        };
        Failure::new(UNAVAILABLE, error.to_string())
            .retry(retry)
            .into()
    }
}
