//! Why something in a folder did not work.
//!
//! The codes are part of the contract with guests and never change their meaning; the
//! messages name paths inside the folder only, so that a guest learns nothing about the
//! machine around it.

use std::io;
use std::path::{Path, PathBuf};

/// What went wrong in a [`Folder`](super::Folder).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FolderError {
    /// Nothing is there, or it is not a part of what this folder shows.
    #[error("there is no `{}` in this folder", shown(.path))]
    NotFound {
        /// Inside the folder.
        path: PathBuf,
    },
    /// The path, or a link on the way, leads out of the folder.
    #[error("`{}` leads out of its folder: {reason}", shown(.path))]
    Outside {
        /// Inside the folder.
        path: PathBuf,
        /// By which way.
        reason: &'static str,
    },
    /// The folder was handed in for reading only.
    #[error("`{}` cannot be changed: this folder is for reading only", shown(.path))]
    ReadOnly {
        /// Inside the folder.
        path: PathBuf,
    },
    /// More than the host is willing to handle at once.
    #[error("`{}` is too large: {what} (the limit is {limit})", shown(.path))]
    TooLarge {
        /// Inside the folder.
        path: PathBuf,
        /// What there is too much of, with its unit.
        what: &'static str,
        /// The limit, in the unit that `what` names.
        limit: u64,
    },
    /// A file where a directory is needed, or something that is neither.
    #[error("`{}` is not {expected}", shown(.path))]
    WrongKind {
        /// Inside the folder.
        path: PathBuf,
        /// With its article: `a file`.
        expected: &'static str,
    },
    /// A name that cannot be handed to a guest, or that no file can have.
    #[error("`{}` is not a usable name: {reason}", shown(.path))]
    Name {
        /// As it was given or found.
        path: PathBuf,
        /// Why not.
        reason: &'static str,
    },
    /// Another build holds the cache.
    #[error("the cache `{name}` is in use by another build of this service")]
    CacheBusy {
        /// As the plugin named it.
        name: String,
    },
    /// The step ended before the operation did.
    #[error("stopped, because the step has ended")]
    Interrupted,
    /// The file system refused.
    #[error("cannot {doing} `{}`: {source}", shown(.path))]
    Io {
        /// A verb: `read`.
        doing: &'static str,
        /// Inside the folder, but for the folder itself, when it cannot be opened.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl FolderError {
    /// The stable code that a guest is given.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "workspace.not-found",
            Self::Outside { .. } => "workspace.outside",
            Self::ReadOnly { .. } => "workspace.read-only",
            Self::TooLarge { .. } => "workspace.too-large",
            Self::WrongKind { .. } => "workspace.wrong-kind",
            Self::Name { .. } => "workspace.name",
            Self::CacheBusy { .. } => "workspace.cache-busy",
            Self::Interrupted => "workspace.interrupted",
            Self::Io { .. } => "workspace.io",
        }
    }

    /// What a person can do about it, where the message does not say so already.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NotFound { .. } => Some(
                "the path may belong to a part of the tree that the service does not name: see `source.path` and `source.include`",
            ),
            Self::Outside { .. } => Some(
                "only what lies inside the folder can be used; copy it there, or name it in `source.include`",
            ),
            Self::ReadOnly { .. } => Some("write to the output folder instead"),
            Self::CacheBusy { .. } => Some("try again when the other build has ended"),
            Self::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                Some("make room on the disk that holds the state folder")
            }
            Self::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                Some("the host's user needs the right to do that")
            }
            Self::Io { source, .. } if source.kind() == io::ErrorKind::CrossesDevices => {
                Some("caches and workspaces must be on one file system")
            }
            _ => None,
        }
    }

    /// Whether the same call may work later without anything being changed by hand.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::CacheBusy { .. })
    }

    /// Names the operation and the place that an I/O error belongs to.
    pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| match source.kind() {
            io::ErrorKind::NotFound => Self::NotFound {
                path: path.to_owned(),
            },
            _ => Self::Io {
                doing,
                path: path.to_owned(),
                source,
            },
        }
    }
}

fn shown(path: &Path) -> String {
    if path.as_os_str().is_empty() {
        ".".to_owned()
    } else {
        path.display().to_string()
    }
}
