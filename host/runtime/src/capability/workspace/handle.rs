//! What a guest's handle of a folder stands for: a folder that is open, or a source that is
//! brought to this machine when the guest first looks into it.
//!
//! Most builders tell what an image depends on without a look at its source; then a source that
//! is in a repository is never checked out for the question.

use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

use super::Source;
use crate::call::Operations;
use crate::capability::refusal::Refusal;
use crate::folder::Folder;
use crate::record::Failure;

/// A service's source, as a call is given it.
#[derive(Clone)]
pub enum Supply {
    /// It is on this machine.
    Here(Source),
    /// It is brought here when the guest first uses its handle. Not for guests that see files
    /// through WASI, see [`Plugin::sees_files`](crate::Plugin::sees_files).
    OnDemand(Arc<dyn Fetch>),
}

/// Brings a source to this machine.
pub trait Fetch: Send + Sync {
    /// The source, when it is there; soon after `cancel` fires a failure. May be called more
    /// than once.
    ///
    /// # Errors
    /// When it cannot be had.
    fn fetch(&self, cancel: CancellationToken) -> BoxFuture<'static, Result<Source, Failure>>;
}

/// A folder in a guest's hands. Clones share what was opened.
#[derive(Clone, Debug)]
pub struct Handle(State);

#[derive(Clone, Debug)]
enum State {
    Open(Folder),
    Wanted(Arc<Wanted>),
}

/// A source that may not have been looked into yet.
struct Wanted {
    origin: Arc<dyn Fetch>,
    folder: OnceCell<Folder>,
}

impl Supply {
    /// The source, when it is on this machine already.
    #[must_use]
    pub fn here(&self) -> Option<&Source> {
        match self {
            Self::Here(source) => Some(source),
            Self::OnDemand(_) => None,
        }
    }
}

impl From<Source> for Supply {
    fn from(source: Source) -> Self {
        Self::Here(source)
    }
}

impl fmt::Debug for Supply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Here(source) => source.fmt(f),
            Self::OnDemand(_) => f.write_str("OnDemand"),
        }
    }
}

impl Handle {
    /// For a source that nobody has looked into.
    pub(crate) fn on_demand(origin: &Arc<dyn Fetch>) -> Self {
        Self(State::Wanted(Arc::new(Wanted {
            origin: Arc::clone(origin),
            folder: OnceCell::new(),
        })))
    }

    /// The folder, brought here unless it is.
    pub(crate) async fn folder(&self, operations: &Operations) -> Result<Folder, Refusal> {
        let wanted = match &self.0 {
            State::Open(folder) => return Ok(folder.clone()),
            State::Wanted(wanted) => wanted,
        };
        let open = || async {
            let origin = Arc::clone(&wanted.origin);
            let fetch = operations.run("fetching the source", move |token| origin.fetch(token));
            let source = fetch.await??;
            let opened = operations.blocking("opening the source", move |_| source.open());
            Ok::<_, Refusal>(opened.await??)
        };
        wanted.folder.get_or_try_init(open).await.cloned()
    }
}

impl From<Folder> for Handle {
    fn from(folder: Folder) -> Self {
        Self(State::Open(folder))
    }
}

impl fmt::Debug for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Wanted").field(&self.folder.get()).finish()
    }
}
