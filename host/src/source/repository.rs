//! Names of repositories, revisions and commits, as the environment file gives them.

use std::{
    fmt,
    path::{Component, Path, PathBuf},
    str::FromStr,
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use stagewright_pipeline::environment;

use super::SourceError;

/// A git repository by its address, which holds no credentials.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Repository {
    address: Arc<str>,
    key: Arc<str>,
}

impl Repository {
    /// The repository that an environment file calls `written`: an https, ssh or file URL,
    /// `user@host:path`, or a path, which is relative to the folder of the environment file.
    ///
    /// # Errors
    /// When it is none of these, and when it contains credentials.
    pub(crate) fn parse(written: &str, environment_folder: &Path) -> Result<Self, SourceError> {
        let written = written.trim();
        let local = |path: &Path| {
            let address = normal(&environment_folder.join(path));
            address
                .into_os_string()
                .into_string()
                .map_err(|_| invalid(written, "its path is not text"))
        };
        let address = match kind(written) {
            Kind::Url("file") => local(Path::new(file_path(written)?))?,
            Kind::Url("https" | "ssh") => remote(written)?,
            Kind::Url("http" | "git") => {
                return Err(invalid(
                    written,
                    "nothing protects what it sends; use https",
                ));
            }
            Kind::Url(_) => return Err(invalid(written, "it is not of a known kind")),
            Kind::Login => remote(written)?,
            Kind::Path if written.is_empty() => return Err(invalid(written, "it is empty")),
            Kind::Path => local(Path::new(written))?,
        };
        let hash = Sha256::digest(address.as_bytes());
        let key: String = hash
            .iter()
            .take(16)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Ok(Self {
            address: address.into(),
            key: key.into(),
        })
    }

    /// What git is given.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Where it is, when it is on this machine.
    pub(super) fn folder(&self) -> Option<&Path> {
        self.address
            .starts_with('/')
            .then(|| Path::new(&*self.address))
    }

    /// Names its folder among the sources.
    pub(super) fn key(&self) -> &str {
        &self.key
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.address)
    }
}

enum Kind<'a> {
    Url(&'a str),
    /// `user@host:path`, which git takes for ssh.
    Login,
    Path,
}

fn kind(written: &str) -> Kind<'_> {
    if let Some((scheme, _)) = written.split_once("://") {
        return Kind::Url(scheme);
    }
    // A name such as `ext::command` would run a command; nothing of the kind is let through.
    if written.contains("::") {
        return Kind::Url("");
    }
    match written.split_once(':') {
        Some((host, _)) if !host.contains('/') => Kind::Login,
        _ => Kind::Path,
    }
}

fn file_path(written: &str) -> Result<&str, SourceError> {
    let path = written.strip_prefix("file://").unwrap_or(written);
    let path = path.strip_prefix("localhost").unwrap_or(path);
    if path.starts_with('/') {
        return Ok(path);
    }
    Err(invalid(
        written,
        "a file URL has an absolute path: file:///folder",
    ))
}

/// Checks an address on another machine; it stays as it was written.
fn remote(written: &str) -> Result<String, SourceError> {
    if written.contains(['?', '#']) {
        let url = written.split(['?', '#']).next().unwrap_or_default();
        return Err(SourceError::Credentials {
            url: without_login(url),
        });
    }
    let url = gix::url::parse(written).map_err(|_| invalid(written, "it cannot be read"))?;
    let ssh = url.scheme == gix::url::Scheme::Ssh;
    if url.password().is_some() || (url.user().is_some() && !ssh) {
        return Err(SourceError::Credentials {
            url: without_login(written),
        });
    }
    match url.host_argument_safe() {
        Some(host) if !host.is_empty() => {}
        _ => return Err(invalid(written, "it names no host")),
    }
    if url.path.is_empty() || url.path.starts_with(b"-") || url.path_is_root() {
        return Err(invalid(written, "it names no repository on its host"));
    }
    Ok(written.to_owned())
}

fn invalid(written: &str, reason: &str) -> SourceError {
    let url = written.split(['?', '#']).next().unwrap_or_default();
    SourceError::InvalidUrl {
        url: without_login(url),
        reason: reason.to_owned(),
    }
}

/// An address without what stands before the `@` of its host.
fn without_login(url: &str) -> String {
    let (scheme, rest) = match url.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), url),
    };
    match rest.rsplit_once('@') {
        Some((_, rest)) => format!("{scheme}{rest}"),
        None => format!("{scheme}{rest}"),
    }
}

/// A text of git's, in which the user's configuration may have put other addresses, without what
/// may be a credential in them.
pub(super) fn without_logins(text: &str) -> String {
    let mut pieces = text.split("://");
    let mut shown = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let end = piece.find(|letter: char| letter == '/' || letter.is_whitespace());
        let (host, rest) = piece.split_at(end.unwrap_or(piece.len()));
        let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
        shown.extend(["://", host, rest]);
    }
    shown
}

/// A path without `.` and `..`, so that one folder has one name; links are not followed.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                normal.pop();
            }
            other => normal.push(other),
        }
    }
    normal
}

/// A commit, by its full hash.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct CommitId(String);

impl CommitId {
    /// Forty lower-case hexadecimal digits.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn from_object(id: &gix::oid) -> Self {
        Self(id.to_hex().to_string())
    }
}

impl FromStr for CommitId {
    type Err = SourceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() == 40 && text.bytes().all(digit) {
            return Ok(Self(text.to_owned()));
        }
        Err(SourceError::InvalidCommit(text.chars().take(64).collect()))
    }
}

impl TryFrom<String> for CommitId {
    type Error = SourceError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<CommitId> for String {
    fn from(id: CommitId) -> Self {
        id.0
    }
}

impl fmt::Display for CommitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What of a repository is built.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Revision {
    /// The head of a branch.
    Branch(String),
    /// A tag; an annotated one stands for what it was put on.
    Tag(String),
    /// A commit, wherever it is.
    Commit(CommitId),
}

/// What an environment file names.
impl TryFrom<&environment::Revision> for Revision {
    type Error = SourceError;

    fn try_from(named: &environment::Revision) -> Result<Self, SourceError> {
        Ok(match named {
            environment::Revision::Branch(name) => Self::Branch(name.clone()),
            environment::Revision::Tag(name) => Self::Tag(name.clone()),
            environment::Revision::Commit(hash) => Self::Commit(hash.parse()?),
        })
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Branch(name) => write!(f, "branch `{name}`"),
            Self::Tag(name) => write!(f, "tag `{name}`"),
            Self::Commit(id) => write!(f, "commit {id}"),
        }
    }
}
