//! The embedded journal against real files: what is kept, what is refused, who is told.

mod broken;
mod claim;
mod damage;
mod forget;
mod fuzz;
mod order;
mod torn;
mod watch;

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::{Salvage, SqliteJournal};
use crate::{Append, Claim, DeploymentId, Journal, NewDeployment};

/// A journal in a folder of its own.
struct Fixture {
    folder: TempDir,
    journal: SqliteJournal,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let journal = SqliteJournal::open(&folder.path().join("journal.db")).unwrap();
        Self { folder, journal }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("journal.db")
    }

    /// Closes the journal and opens it again, as a restart does.
    fn reopened(self) -> Self {
        let Self { folder, journal } = self;
        drop(journal);
        let journal = SqliteJournal::open(&folder.path().join("journal.db")).unwrap();
        Self { folder, journal }
    }

    /// Closes the journal, so that all of it is in one file.
    fn closed(self) -> TempDir {
        drop(self.journal);
        self.folder
    }

    /// A copy of the files as they are now: what a power cut would leave.
    fn copied(&self) -> (TempDir, PathBuf) {
        let copy = tempfile::tempdir().unwrap();
        for name in ["journal.db", "journal.db-wal"] {
            std::fs::copy(self.folder.path().join(name), copy.path().join(name)).unwrap();
        }
        let path = copy.path().join("journal.db");
        (copy, path)
    }
}

fn new_deployment(environment: &str) -> NewDeployment {
    NewDeployment {
        environment: environment.to_owned(),
        action: "deploy".to_owned(),
        trigger: "test".to_owned(),
        description: format!(r#"{{"name":"{environment}"}}"#),
        time_ms: 1_000,
        bodies: Vec::new(),
    }
}

async fn queued(journal: &SqliteJournal, environment: &str) -> DeploymentId {
    journal.create(new_deployment(environment)).await.unwrap()
}

/// An append that is good as long as nobody has claimed the environment.
fn facts(deployment: &DeploymentId, first_seq: u64, bodies: &[&str]) -> Append {
    let bodies = bodies.iter().map(|body| (*body).to_owned()).collect();
    let nobodys = Claim::new(deployment.environment().to_owned(), 0);
    Append::new(
        nobodys,
        deployment.clone(),
        first_seq,
        1_000 + first_seq,
        bodies,
    )
}

async fn bodies(journal: &SqliteJournal, deployment: &DeploymentId) -> Vec<String> {
    let entries = journal.read(deployment, 0, usize::MAX).await.unwrap();
    for (entry, seq) in entries.iter().zip(1..) {
        assert_eq!(entry.seq, seq);
    }
    entries.into_iter().map(|entry| entry.body).collect()
}

/// What is wrong with a journal.
fn damage(path: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let checked = Salvage::open(path).unwrap().check(&mut |damage| {
        found.push(damage);
        Ok::<(), std::convert::Infallible>(())
    });
    checked.unwrap();
    found
}

fn open_raw(path: &Path) -> rusqlite::Connection {
    rusqlite::Connection::open(path).unwrap()
}
