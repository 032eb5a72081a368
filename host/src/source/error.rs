//! Why source could not be had.

use std::{io, path::PathBuf};

use super::{CommitId, Repository, Revision};

/// Names the repository and revision, and what to do. Never shows a credential.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum SourceError {
    /// The address of a repository cannot be used.
    #[error(
        "`{url}` is not a repository that can be fetched: {reason}; give an https or ssh URL, a \
         file URL, or a path beside the environment file"
    )]
    InvalidUrl {
        /// As it was written, without what may be a credential.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The address contains a user name with a password or token, or a query.
    #[error(
        "the address of the repository `{url}` contains credentials; take them out, and give \
         them to git's credential helper (`git credential approve`), or use ssh with a key"
    )]
    Credentials {
        /// Without them.
        url: String,
    },
    /// A commit is not written as one.
    #[error("`{0}` is not a commit; give its full hash, 40 lower-case hexadecimal digits")]
    InvalidCommit(String),
    /// The repository did not answer as one.
    #[error(
        "cannot read the repository {repository}: {reason}; check the address and that \
         `git ls-remote {repository}` works for this user without asking"
    )]
    Unreachable {
        /// The repository.
        repository: Repository,
        /// What git said.
        reason: String,
    },
    /// The repository answered and does not have the revision.
    #[error("the repository {repository} has no {revision}; {hint}")]
    NoSuchRevision {
        /// The repository.
        repository: Repository,
        /// What was looked for.
        revision: Revision,
        /// What there is instead, or what to do.
        hint: String,
    },
    /// A commit was fetched and cannot be written into a folder.
    #[error(
        "cannot check out commit {commit} of the repository {repository}: {reason}; when this stays, \
         remove the folder {} and try again", mirror.display()
    )]
    NotCheckedOut {
        /// The repository.
        repository: Repository,
        /// The commit.
        commit: CommitId,
        /// What git said.
        reason: String,
        /// Where the repository is mirrored.
        mirror: PathBuf,
    },
    /// A commit was fetched and what git has of it cannot be read.
    #[error(
        "cannot read commit {commit} of the repository {repository}: {reason}; when this stays, \
         remove the folder {} and try again", mirror.display()
    )]
    Unreadable {
        /// The repository.
        repository: Repository,
        /// The commit.
        commit: CommitId,
        /// What git said.
        reason: String,
        /// Where the repository is mirrored.
        mirror: PathBuf,
    },
    /// A path of the environment file is not in the source tree.
    #[error("`{path}` is not in the source {place}; correct `path` or `include`, or add it there")]
    Missing {
        /// As it was written.
        path: String,
        /// The tree: a folder, or a commit.
        place: String,
    },
    /// A path or link leads out of the source tree.
    #[error(
        "`{path}` leads out of the source {place} ({reason}); a build sees only what is inside it"
    )]
    Outside {
        /// The path or the link, from the root of the tree.
        path: String,
        /// The tree: a folder, or a commit.
        place: String,
        /// Where to.
        reason: String,
    },
    /// The list of what is ignored cannot be read.
    #[error("{file}: {reason}; it has the syntax of a .gitignore file")]
    InvalidIgnoreFile {
        /// The file, and the commit that it is in.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// There are too many files for a source.
    #[error(
        "the source {place} has more than {limit} files and folders; choose a sub-folder with \
         `path`, or list what is not source in {}",
        super::ignored::FILE_NAME
    )]
    TooLarge {
        /// The tree: a folder, or a commit.
        place: String,
        /// How many are taken at most.
        limit: usize,
    },
    /// A path in it is longer than any that could be opened.
    #[error(
        "the source {place} has a path of more than {limit} bytes below `{beginning}`; choose a \
         sub-folder with `path`, or list what is not source in {}",
        super::ignored::FILE_NAME
    )]
    PathTooLong {
        /// The tree: a commit.
        place: String,
        /// The first of its folders.
        beginning: String,
        /// How many bytes a path may have.
        limit: usize,
    },
    /// Its paths are too much to be held.
    #[error(
        "the paths of the source {place} have more than {limit} bytes together; choose a \
         sub-folder with `path`, or list what is not source in {}",
        super::ignored::FILE_NAME
    )]
    PathsTooLarge {
        /// The tree: a commit.
        place: String,
        /// How many bytes are taken at most.
        limit: usize,
    },
    /// It was cancelled.
    #[error("fetching the source was cancelled")]
    Cancelled,
    /// It was cancelled and did not end in time: the other side says nothing. What it still
    /// does is of no use to anybody and leaves nothing that would be taken for done.
    #[error("fetching the source was cancelled, and did not end in time")]
    Abandoned,
    /// The operating system refused.
    #[error("could not {what} {}: {source}", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// With what.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
}

impl SourceError {
    /// Whether the same may succeed later without a change by anybody.
    pub(crate) fn may_pass(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Io { .. })
    }

    pub(super) fn io(
        what: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { what, path, source }
    }
}
