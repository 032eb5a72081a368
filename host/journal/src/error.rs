//! Why the journal could not do what it was asked.

use std::{io, path::PathBuf, sync::Arc};

use crate::DeploymentId;

/// A write that did not happen or a read that failed. Every variant that can be mended says how.
///
/// It can be cloned because one failed transaction is the answer to every append in it.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// A later claim on the environment exists.
    #[error(
        "this process no longer drives environment `{environment}`, which was taken over by \
         {claimant}; it writes nothing more, and that one goes on (`stagewright status \
         {environment}` shows how)"
    )]
    Superseded {
        /// The environment that was driven.
        environment: String,
        /// Who has the latest claim, in its own words.
        claimant: String,
    },
    /// The claim is on another environment than the deployment's.
    #[error(
        "a claim on environment `{claimed}` gives no right to write to deployment {deployment}"
    )]
    ClaimOfAnother {
        /// The environment that is claimed.
        claimed: String,
        /// The deployment that was to be written to.
        deployment: DeploymentId,
    },
    /// Somebody else appended to the deployment in between.
    #[error(
        "another process wrote to deployment {deployment}: its next fact is number {next}, \
         not {first_seq}; only the holder of the environment's lock may drive it"
    )]
    Conflict {
        /// The deployment that was appended to.
        deployment: DeploymentId,
        /// What the writer took for the next number.
        first_seq: u64,
        /// What it is.
        next: u64,
    },
    /// The deployment has ended, so nothing is appended any more.
    #[error("deployment {0} has ended; nothing can be added to it")]
    Ended(DeploymentId),
    /// There is no such deployment.
    #[error("there is no deployment {0}; `history` lists those that exist")]
    Unknown(DeploymentId),
    /// Only what is over can be forgotten.
    #[error("deployment {0} has not ended; cancel it, or let it end, before it is forgotten")]
    Unfinished(DeploymentId),
    /// The deployment's facts and description were removed to make room.
    #[error("what happened in deployment {0} was removed to make room; `history` still lists it")]
    Forgotten(DeploymentId),
    /// A queued deployment can only be merged into another unfinished one of its environment.
    #[error("deployment {deployment} cannot be merged into {into}: {reason}")]
    NotMergeable {
        /// The one that was to be merged.
        deployment: DeploymentId,
        /// The one that was to take its place.
        into: DeploymentId,
        /// Why not.
        reason: &'static str,
    },
    /// A text is larger than what is kept.
    #[error("{what} of {bytes} bytes is more than the journal keeps ({limit} bytes)")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// How large it is.
        bytes: usize,
        /// How large it may be.
        limit: usize,
    },
    /// A newer program wrote the file.
    #[error(
        "the journal {} is of version {found}, this program knows versions up to {known}; \
         use the newer program that wrote it", path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The newest version that is known here.
        known: i64,
    },
    /// The file is another program's database.
    #[error(
        "{} is a database, but not a journal; choose another state folder", path.display()
    )]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be trusted.
    #[error(
        "the journal {} is damaged ({reason}); `stagewright journal export` writes what can \
         still be read; stop what uses it, put back a copy of the state folder, or move the file \
         (and those beside it that begin with its name) away to begin with an empty history",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// The disk is full.
    #[error(
        "no space is left for the journal {}; nothing of the last write was kept; free some \
         space and go on with `resume`", path.display()
    )]
    Full {
        /// The file.
        path: PathBuf,
    },
    /// Another process kept the database locked for longer than is waited.
    #[error(
        "the journal {} was locked by another process for {waited_s} seconds; look for a \
         program that keeps it open for writing", path.display()
    )]
    Busy {
        /// The file.
        path: PathBuf,
        /// How long was waited, in seconds.
        waited_s: u64,
    },
    /// The state folder is on a file system without dependable locks.
    #[error(
        "{} is on a network file system ({kind}), where locks and shared memory cannot be relied \
         on; choose a state folder on a local disk (--state-dir)", path.display()
    )]
    NetworkFileSystem {
        /// The folder.
        path: PathBuf,
        /// The kind of file system.
        kind: &'static str,
    },
    /// The operating system refused.
    #[error("could not {what} {}: {source}", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// With which file.
        path: PathBuf,
        /// What it said.
        source: Arc<io::Error>,
    },
    /// The database refused, for a reason that has no variant of its own.
    #[error("the journal {} could not {what}: {source}", path.display())]
    Database {
        /// What was tried.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What it said.
        source: Arc<rusqlite::Error>,
    },
    /// The journal was closed, or its writer is gone.
    #[error("the journal is closed; what was asked of it may or may not have been written")]
    Closed,
}
