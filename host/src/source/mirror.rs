//! One repository on this machine: a bare mirror that fetches add to, and the trees that were
//! checked out of it. Everything here blocks.
//!
//! ```text
//! <folder>/lock              held by the process that fetches or checks out
//! <folder>/repository.git    the mirror
//! <folder>/trees/<commit>    the files of a commit; a temporary name until they are complete
//! ```

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use gix::{
    bstr::ByteSlice as _,
    protocol::handshake::Ref,
    remote::{Direction, fetch::Tags},
};

use stagewright_runtime::touch;

use super::{
    CommitId, Repository, Revision, SourceError, errand::Errand, repository::without_logins,
    resolver::References,
};
use crate::discard::{TEMPORARY, clear};

/// Between two looks at a lock that another process has.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

const BRANCHES: &str = "+refs/heads/*:refs/heads/*";
const TAGS: &str = "+refs/tags/*:refs/tags/*";

/// The folder of one repository among the sources.
pub(super) struct Mirror {
    folder: PathBuf,
}

impl Mirror {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where the files of a commit are once they were checked out.
    pub(super) fn tree(&self, commit: &CommitId) -> PathBuf {
        self.trees().join(commit.as_str())
    }

    /// Asks the repository for its branches and tags.
    pub(super) fn references(&self, repository: &Repository) -> Result<References, SourceError> {
        let mirror = self.open(repository, Purpose::Fetch)?;
        let ask = || -> gix::Result<Vec<Ref>> {
            let remote = mirror
                .remote_at(repository.address())?
                .with_fetch_tags(Tags::None)
                .with_refspecs([BRANCHES, TAGS], Direction::Fetch)?;
            let connection = remote.connect(Direction::Fetch)?;
            let (map, _) = connection.ref_map(gix::progress::Discard, Default::default())?;
            Ok(map.remote_refs)
        };
        let told = ask().map_err(|error| unreachable(repository, &error))?;
        let mut references = References::default();
        for reference in &told {
            // An annotated tag is told with what it was put on, which is what it stands for.
            let (name, target, peeled) = reference.unpack();
            let (Ok(name), Some(commit)) = (name.to_str(), peeled.or(target)) else {
                continue;
            };
            let commit = CommitId::from_object(commit);
            if let Some(branch) = name.strip_prefix("refs/heads/") {
                references.branches.insert(branch.to_owned(), commit);
            } else if let Some(tag) = name.strip_prefix("refs/tags/") {
                references.tags.insert(tag.to_owned(), commit);
            }
        }
        Ok(references)
    }

    /// The folder with the files of a commit, made unless it is there.
    pub(super) fn check_out(
        &self,
        repository: &Repository,
        commit: &CommitId,
        errand: &Errand,
    ) -> Result<PathBuf, SourceError> {
        let _alone = self.alone(repository, errand)?;
        let tree = self.tree(commit);
        if touch(&tree).is_ok() {
            return Ok(tree);
        }
        self.bring(repository, commit, errand)?;
        self.write_tree(repository, commit, errand)?;
        Ok(tree)
    }

    /// Fetches a commit unless it is there; checks nothing out.
    pub(super) fn provide(
        &self,
        repository: &Repository,
        commit: &CommitId,
        errand: &Errand,
    ) -> Result<(), SourceError> {
        let _alone = self.alone(repository, errand)?;
        self.bring(repository, commit, errand)
    }

    /// Makes the mirror if there is none, and waits until nobody else changes it.
    fn alone(&self, repository: &Repository, errand: &Errand) -> Result<File, SourceError> {
        self.open(repository, Purpose::CheckOut)?;
        let _waiting = errand.meter.activity("waiting for another process");
        self.lock_unless_interrupted(errand)
    }

    fn bring(
        &self,
        repository: &Repository,
        commit: &CommitId,
        errand: &Errand,
    ) -> Result<(), SourceError> {
        self.remove_leftovers()?;
        if !self.has(repository, commit)? {
            self.fetch(repository, commit, errand)?;
        }
        Ok(())
    }

    fn has(&self, repository: &Repository, commit: &CommitId) -> Result<bool, SourceError> {
        let mirror = self.open(repository, Purpose::CheckOut)?;
        Ok(object_id(commit).is_some_and(|id| mirror.has_object(id)))
    }

    /// Fetches a commit: by its hash, which brings the least, else with all branches and tags
    /// from a server that hands out nothing but those.
    fn fetch(
        &self,
        repository: &Repository,
        commit: &CommitId,
        errand: &Errand,
    ) -> Result<(), SourceError> {
        // The reference keeps it known, so that the next fetch brings only what is new since.
        let alone = format!("+{commit}:refs/stagewright/{commit}");
        let mut last = Ok(());
        for specs in [vec![alone.as_str()], vec![BRANCHES, TAGS]] {
            last = self.receive(repository, &specs, errand);
            if errand.is_interrupted() {
                return Err(SourceError::Cancelled);
            }
            if self.has(repository, commit)? {
                return Ok(());
            }
        }
        last?;
        Err(SourceError::NoSuchRevision {
            repository: repository.clone(),
            revision: Revision::Commit(commit.clone()),
            hint: "push the commit, or name one that a branch or tag leads to".to_owned(),
        })
    }

    fn receive(
        &self,
        repository: &Repository,
        specs: &[&str],
        errand: &Errand,
    ) -> Result<(), SourceError> {
        let mirror = self.open(repository, Purpose::Fetch)?;
        let fetch = || -> gix::Result<()> {
            let remote = mirror
                .remote_at(repository.address())?
                .with_fetch_tags(Tags::None)
                .with_refspecs(specs.iter().copied(), Direction::Fetch)?;
            let mut activity = errand.meter.activity("fetching");
            remote
                .connect(Direction::Fetch)?
                .prepare_fetch(&mut activity, Default::default())?
                .with_write_packed_refs_only(true)
                .receive(&mut activity, &errand.interrupted)?;
            Ok(())
        };
        fetch().map_err(|error| unreachable(repository, &error))
    }

    /// Opens the mirror, made empty when there is none.
    pub(super) fn open(
        &self,
        repository: &Repository,
        purpose: Purpose,
    ) -> Result<gix::Repository, SourceError> {
        if purpose == Purpose::Fetch && repository.folder().is_some_and(|path| !path.is_dir()) {
            return Err(SourceError::Unreachable {
                repository: repository.clone(),
                reason: "there is no such folder".to_owned(),
            });
        }
        let path = self.clone_folder();
        if !path.is_dir() {
            self.make(&path)?;
        }
        let opened = gix::open_opts(&path, purpose.options());
        let mut mirror = opened.map_err(|error| unusable(&path, &error))?;
        if purpose == Purpose::Fetch {
            ask_nobody(&mut mirror).map_err(|error| unreachable(repository, &error))?;
        }
        Ok(mirror)
    }

    fn make(&self, path: &Path) -> Result<(), SourceError> {
        let trees = self.trees();
        fs::create_dir_all(&trees).map_err(SourceError::io("make", &trees))?;
        let _alone = self.lock()?;
        if path.is_dir() {
            return Ok(());
        }
        let temporary = tempfile::Builder::new()
            .prefix(TEMPORARY)
            .tempdir_in(&self.folder)
            .map_err(SourceError::io("make a folder in", &self.folder))?;
        gix::init_bare(temporary.path()).map_err(|error| unusable(path, &error))?;
        fs::rename(temporary.path(), path).map_err(SourceError::io("make", path))?;
        let _renamed = temporary.keep();
        Ok(())
    }

    /// Held until the answer is dropped; waits for other processes.
    pub(super) fn lock(&self) -> Result<File, SourceError> {
        let path = self.folder.join("lock");
        let file = self.lock_file()?;
        file.lock().map_err(SourceError::io("lock", &path))?;
        Ok(file)
    }

    /// As [`lock`](Self::lock), for as long as somebody waits for it.
    fn lock_unless_interrupted(&self, errand: &Errand) -> Result<File, SourceError> {
        let path = self.folder.join("lock");
        let file = self.lock_file()?;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::Error(error)) => {
                    return Err(SourceError::io("lock", &path)(error));
                }
                Err(TryLockError::WouldBlock) if errand.is_interrupted() => {
                    return Err(SourceError::Cancelled);
                }
                // The system tells of a lock that is free only to those who cannot be
                // interrupted.
                Err(TryLockError::WouldBlock) => thread::sleep(LOOK_AGAIN),
            }
        }
    }

    fn lock_file(&self) -> Result<File, SourceError> {
        let path = self.folder.join("lock");
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path);
        file.map_err(SourceError::io("open", &path))
    }

    /// Removes what a killed process left; the lock says that nobody is at it.
    pub(super) fn remove_leftovers(&self) -> Result<(), SourceError> {
        for folder in [self.trees(), self.folder.clone()] {
            clear(&folder).map_err(SourceError::io("clear", &folder))?;
        }
        Ok(())
    }

    /// What was fetched.
    pub(super) fn clone_folder(&self) -> PathBuf {
        self.folder.join("repository.git")
    }

    pub(super) fn trees(&self) -> PathBuf {
        self.folder.join("trees")
    }
}

/// What a mirror is opened for decides whose configuration counts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// With the user's: proxies, certificates, credential helpers, how to run ssh.
    Fetch,
    /// With nobody's, so that a commit has the same files everywhere and no filter runs.
    CheckOut,
}

impl Purpose {
    fn options(self) -> gix::open::Options {
        let options = match self {
            Self::Fetch => gix::open::Options::default().config_overrides([
                "gitoxide.credentials.terminalPrompt=false",
                "gitoxide.http.connectTimeout=20000",
            ]),
            Self::CheckOut => gix::open::Options::isolated(),
        };
        options.with(gix::sec::Trust::Full).open_path_as_is(true)
    }
}

/// Nobody sits at a deployment to type a passphrase, so ssh must fail where it would ask.
fn ask_nobody(mirror: &mut gix::Repository) -> gix::Result<()> {
    if mirror.config_snapshot().string("core.sshCommand").is_some() {
        return Ok(());
    }
    let mut config = mirror.config_snapshot_mut();
    config.set_raw_value("core.sshCommand", "ssh -o BatchMode=yes")?;
    config.commit()?;
    Ok(())
}

pub(super) fn object_id(commit: &CommitId) -> Option<gix::ObjectId> {
    gix::ObjectId::from_hex(commit.as_str().as_bytes()).ok()
}

fn unreachable(repository: &Repository, error: &gix::Error) -> SourceError {
    SourceError::Unreachable {
        repository: repository.clone(),
        reason: sentence(error),
    }
}

fn unusable(path: &Path, error: &gix::Error) -> SourceError {
    let source = std::io::Error::other(sentence(error));
    SourceError::io("open the mirror (remove it to fetch anew)", path)(source)
}

/// An error with its causes, in one line.
pub(super) fn sentence(error: &gix::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text.push_str(": ");
            text.push_str(&inner_text);
        }
        cause = inner.source();
    }
    let text = without_logins(&text.replace('\n', " "));
    text.chars().take(1000).collect()
}
