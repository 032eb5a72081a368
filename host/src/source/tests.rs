//! Sources against real repositories that the `git` program makes.

mod checkout;
mod committed;
mod index;
mod listing;
mod names;
mod stage;
mod trees;

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Arc, atomic::AtomicBool},
};

use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::{CommitId, Repository, Revision, SourceError, Sources};

/// A repository, and sources that know nothing of it yet.
struct Fixture {
    folder: TempDir,
    sources: Arc<Sources>,
}

impl Fixture {
    /// With a branch `main` of one commit.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let sources = Sources::new(folder.path().join("sources"));
        fs::create_dir(folder.path().join("origin")).unwrap();
        let fixture = Self { folder, sources };
        fixture.git(&["init", "--quiet", "--initial-branch=main"]);
        fixture.commit("README", "first");
        fixture
    }

    fn origin(&self) -> PathBuf {
        self.folder.path().join("origin")
    }

    fn repository(&self) -> Repository {
        Repository::parse("origin", self.folder.path()).unwrap()
    }

    fn mirror(&self) -> PathBuf {
        self.folder
            .path()
            .join("sources")
            .join(self.repository().key())
    }

    /// Runs git in the repository and gives its output.
    fn git(&self, arguments: &[&str]) -> String {
        self.fed(arguments, "")
    }

    /// Runs git in the repository with this on its standard input, and gives its output.
    fn fed(&self, arguments: &[&str], input: &str) -> String {
        let mut git = Command::new("git")
            .args(["-c", "user.name=Test", "-c", "user.email=test@example.test"])
            .args(arguments)
            .current_dir(self.origin())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("git is installed");
        let mut stdin = git.stdin.take().unwrap();
        // What git has not read when it ends, it did not want.
        let _ = stdin.write_all(input.as_bytes());
        drop(stdin);
        let output = git.wait_with_output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "git {arguments:?}: {errors}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Writes a file and commits everything that is there.
    fn commit(&self, file: &str, content: &str) -> CommitId {
        write(&self.origin().join(file), content);
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", file]);
        self.git(&["rev-parse", "HEAD"]).parse().unwrap()
    }

    async fn resolve(&self, revision: Revision) -> Result<CommitId, SourceError> {
        let cancel = CancellationToken::new();
        let resolver = self.sources.resolver();
        resolver
            .resolve(&self.repository(), &revision, &cancel)
            .await
    }

    async fn checkout(&self, commit: &CommitId) -> Result<PathBuf, SourceError> {
        let cancel = CancellationToken::new();
        self.sources
            .checkout(&self.repository(), commit, &cancel, None)
            .await
    }

    /// What lies among the sources under a name that is not final.
    fn leftovers(&self) -> Vec<PathBuf> {
        let folders = [self.mirror(), self.mirror().join("trees")];
        folders
            .iter()
            .filter_map(|folder| fs::read_dir(folder).ok())
            .flatten()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.file_name().unwrap().to_string_lossy().starts_with('.'))
            .collect()
    }
}

fn write(path: &Path, content: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn branch(name: &str) -> Revision {
    Revision::Branch(name.to_owned())
}

fn tag(name: &str) -> Revision {
    Revision::Tag(name.to_owned())
}

/// Nothing interrupts.
fn calm() -> AtomicBool {
    AtomicBool::new(false)
}
