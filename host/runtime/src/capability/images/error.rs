//! Why something about an image did not work.

use std::io;
use std::path::Path;

use crate::folder::FolderError;
use crate::harmless;

/// What went wrong with an image, a layout, or a release made from it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImageError {
    /// A reference, a name or a path in an image that cannot be read as one.
    #[error("`{}` is not {expected}", shown(.given))]
    Malformed {
        /// What was given.
        given: String,
        /// With its article, and what it looks like.
        expected: &'static str,
    },
    /// There is no such image, or a blob of it is missing.
    #[error("there is no {} in {}", shown(.what), shown(.place))]
    NotFound {
        /// What was looked for; and what there is instead.
        what: String,
        /// The layout, as the user named it.
        place: String,
    },
    /// Several images answer to the reference.
    #[error("{} holds several images that could be meant: {}", shown(.place), shown(.choices))]
    Ambiguous {
        /// The layout, as the user named it.
        place: String,
        /// By which tags or digests they can be told apart.
        choices: String,
    },
    /// It breaks the OCI image specification.
    #[error("{} is not as the OCI image specification wants it: {}", shown(.what), shown(.reason))]
    Invalid {
        /// The document.
        what: String,
        /// What is wrong.
        reason: String,
    },
    /// Content that is not what its digest and size say.
    #[error("{} is damaged: {}", shown(.what), shown(.reason))]
    Corrupt {
        /// The blob.
        what: String,
        /// What was found and what was expected.
        reason: String,
    },
    /// Something that the specification knows and this program does not.
    #[error("{} is not supported: {}", shown(.what), shown(.reason))]
    Unsupported {
        /// What.
        what: String,
        /// What is supported instead.
        reason: String,
    },
    /// More than the host is willing to handle.
    #[error("{} is too large: more than {limit} {unit}", shown(.what))]
    TooLarge {
        /// What.
        what: String,
        /// The limit.
        limit: u64,
        /// Of what.
        unit: &'static str,
    },
    /// An image that would become more on disk than an image may.
    #[error(
        "the image is too large: unpacked it has more than {limit} {unit}, the limit `{setting}`"
    )]
    Unpacked {
        /// The limit.
        limit: u64,
        /// Of what.
        unit: &'static str,
        /// As the operator's configuration spells the limit.
        setting: &'static str,
    },
    /// A layer that would write to, or point to, what is not its own.
    #[error("the image is not safe to unpack: `{}` {reason}", shown(.entry))]
    Unsafe {
        /// A path in a layer.
        entry: String,
        /// What it tries.
        reason: &'static str,
    },
    /// The program of the image cannot run on this machine without a container.
    #[error("`{}` cannot run here: {}", shown(.program), shown(.reason))]
    NotRunnable {
        /// As it was to be started.
        program: String,
        /// Why not.
        reason: String,
    },
    /// A release is unpacked there already.
    #[error("there is already something at the place of the new release")]
    Occupied,
    /// The step ended before the operation did.
    #[error("stopped, because the step has ended")]
    Interrupted,
    /// A folder that is packed, or that holds a layout.
    #[error(transparent)]
    Folder(FolderError),
    /// The file system refused.
    #[error("cannot {doing} {}: {source}", shown(.what))]
    Io {
        /// A verb: `write`.
        doing: &'static str,
        /// What.
        what: String,
        /// Why.
        source: io::Error,
    },
}

/// Images come from anywhere, and errors quote them: names in layers, words in documents.
fn shown(text: &str) -> String {
    const LONGEST: usize = 1024;
    harmless::line(text, LONGEST)
}

impl ImageError {
    /// The stable code that a guest is given.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "image.malformed",
            Self::NotFound { .. } => "image.not-found",
            Self::Ambiguous { .. } => "image.ambiguous",
            Self::Invalid { .. } => "image.invalid",
            Self::Corrupt { .. } => "image.corrupt",
            Self::Unsupported { .. } => "image.unsupported",
            Self::TooLarge { .. } | Self::Unpacked { .. } => "image.too-large",
            Self::Unsafe { .. } => "image.unsafe",
            Self::NotRunnable { .. } => "image.not-runnable",
            Self::Occupied => "image.occupied",
            Self::Interrupted => "image.interrupted",
            Self::Folder(error) => error.code(),
            Self::Io { .. } => "image.io",
        }
    }

    /// What a person can do about it, where the message does not say so already.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Ambiguous { .. } => {
                Some("name one of them: `oci:FOLDER:TAG` or `oci:FOLDER@sha256:…`")
            }
            Self::Corrupt { .. } => {
                Some("copy the image again from where it came from, or build it again")
            }
            Self::TooLarge { .. } => {
                Some("this bound is fixed: build the image with less of it, or in fewer parts")
            }
            Self::Unpacked { .. } => Some(
                "raise that limit under `limits` in the operator's configuration, if the image is meant to be that large; nothing of it was kept",
            ),
            Self::Unsafe { .. } => {
                Some("build the image again with a tool that you trust; nothing was unpacked")
            }
            Self::NotRunnable { .. } => Some(
                "without containers a program runs with the libraries and interpreters of this machine: link it statically, build it on this machine, or name an interpreter that is installed here",
            ),
            Self::Folder(error) => error.hint(),
            Self::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                Some("make room on the disk that holds the state folder")
            }
            _ => None,
        }
    }

    /// Whether the same call may work later without anything being changed by hand.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Folder(error) if error.is_temporary())
    }

    /// Names the operation and the thing that an I/O error belongs to.
    pub(crate) fn io(
        doing: &'static str,
        what: impl Into<String>,
    ) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io {
            doing,
            what: what.into(),
            source,
        }
    }

    /// The same, for a path of this machine.
    pub(crate) fn at(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        Self::io(doing, format!("`{}`", path.display()))
    }
}

impl From<FolderError> for ImageError {
    fn from(error: FolderError) -> Self {
        match error {
            FolderError::Interrupted => Self::Interrupted,
            other => Self::Folder(other),
        }
    }
}
