//! What is written to a deployment in one piece, and what is read back.
//!
//! Everything that must be true together is in one [`Append`], since an append is one
//! transaction: the facts, the change of the deployment's state that they mean, and the
//! documents that follow from them.

use std::fmt;

use crate::{Claim, DeploymentId, NewDeployment};

/// The most bytes that one fact, description or document may have.
pub const MAX_TEXT_BYTES: usize = 64 << 20;
/// The most bytes that one [`Append`] may have in all.
pub const MAX_APPEND_BYTES: usize = 256 << 20;
/// The most facts or deployments that are read at once, whatever was asked for.
pub const MAX_PAGE: usize = 10_000;

/// Facts of one deployment that become durable together, with what follows from them.
#[derive(Clone, PartialEq, Eq)]
pub struct Append {
    /// By which right.
    pub claim: Claim,
    /// The deployment that they are facts of.
    pub deployment: DeploymentId,
    /// The number of the first of them: the last one's number plus 1, from 1.
    pub first_seq: u64,
    /// When they were decided, in milliseconds since 1970.
    pub time_ms: u64,
    /// The facts, in order.
    pub bodies: Vec<String>,
    /// Whether a queued deployment begins with them; one that has begun already stays so.
    pub starts: bool,
    /// How the deployment ends with them.
    pub end: Option<End>,
    /// Documents of the deployment's environment that are replaced.
    pub documents: Vec<Document>,
    /// A deployment that is recorded in the same write.
    pub then: Option<Box<NewDeployment>>,
}

/// How a deployment ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// With this result.
    Result(String),
    /// Queued, because this later one takes its place; its result is `merged`.
    MergedInto(DeploymentId),
}

/// A text that is kept for an environment under a key, and replaced as a whole.
#[derive(Clone, PartialEq, Eq)]
pub struct Document {
    /// Names it inside the environment.
    pub key: String,
    /// The whole of it.
    pub body: String,
}

impl Append {
    /// Facts from `first_seq` on, without anything else.
    pub fn new(
        claim: Claim,
        deployment: DeploymentId,
        first_seq: u64,
        time_ms: u64,
        bodies: Vec<String>,
    ) -> Self {
        Self {
            claim,
            deployment,
            first_seq,
            time_ms,
            bodies,
            starts: false,
            end: None,
            documents: Vec::new(),
            then: None,
        }
    }

    /// With these facts the deployment begins.
    #[must_use]
    pub fn started(mut self) -> Self {
        self.starts = true;
        self
    }

    /// With these facts the deployment ends.
    #[must_use]
    pub fn ended(mut self, result: impl Into<String>) -> Self {
        self.end = Some(End::Result(result.into()));
        self
    }

    /// With these facts another deployment takes this one's place in the queue.
    #[must_use]
    pub fn merged_into(mut self, other: DeploymentId) -> Self {
        self.end = Some(End::MergedInto(other));
        self
    }

    /// Also replaces a document of the deployment's environment.
    #[must_use]
    pub fn document(mut self, key: impl Into<String>, body: impl Into<String>) -> Self {
        self.documents.push(Document {
            key: key.into(),
            body: body.into(),
        });
        self
    }

    /// Also records another deployment, which is queued exactly if these facts are kept.
    #[must_use]
    pub fn then(mut self, next: NewDeployment) -> Self {
        self.then = Some(Box::new(next));
        self
    }

    /// The bytes of its largest text, and of all of them.
    pub(crate) fn size(&self) -> (usize, usize) {
        let documents = self.documents.iter().map(|document| document.body.len());
        let sizes = self.bodies.iter().map(String::len).chain(documents);
        sizes.fold((0, 0), |(largest, sum), size| {
            (largest.max(size), sum.saturating_add(size))
        })
    }
}

// Facts and documents may hold outputs that are marked as sensitive, so neither shows its text.

impl fmt::Debug for Append {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Append")
            .field("claim", &self.claim)
            .field("deployment", &self.deployment)
            .field("first_seq", &self.first_seq)
            .field("time_ms", &self.time_ms)
            .field("facts", &self.bodies.len())
            .field("starts", &self.starts)
            .field("end", &self.end)
            .field("documents", &self.documents)
            .field("then", &self.then)
            .finish()
    }
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Document")
            .field("key", &self.key)
            .field("bytes", &self.body.len())
            .finish()
    }
}

/// One fact, as it was appended.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    /// Counted from 1 in its deployment, without gaps.
    pub seq: u64,
    /// When it was decided, in milliseconds since 1970.
    pub time_ms: u64,
    /// The fact.
    pub body: String,
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("seq", &self.seq)
            .field("time_ms", &self.time_ms)
            .field("bytes", &self.body.len())
            .finish()
    }
}
