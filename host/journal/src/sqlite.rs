//! The embedded journal: one SQLite file, written by one thread per process.
//!
//! The file is in WAL mode with `synchronous=FULL`, so a commit is on the disk when it returns,
//! and readers go on beside the writer. Several processes may have it open, each driving
//! environments of its own; SQLite serialises their transactions.

mod bell;
mod claim;
mod connection;
mod failure;
mod query;
mod reader;
mod row;
mod salvage;
mod schema;
#[cfg(test)]
mod tests;
mod update;
mod writer;

use std::{path::Path, sync::Arc};

use crate::{
    Answer, Append, Claim, Deployment, DeploymentId, Document, Entry, Journal, JournalError,
    MAX_PAGE, NewDeployment, Selection, Watch,
};
use bell::Bell;
use connection::Database;
use reader::Readers;
use writer::Writer;

pub use salvage::{Check, Finding, Found, Salvage};
pub use writer::WriteCounts;

/// A [`Journal`] in one SQLite file (and the files beside it that begin with its name).
///
/// Dropping it carries out what was handed over, which may take as long as one commit.
pub struct SqliteJournal {
    database: Arc<Database>,
    writer: Writer,
    readers: Readers,
}

impl SqliteJournal {
    /// Opens the journal in `path`, or makes it when there is none; its folder must exist.
    /// A journal of an older version is brought up to date. Blocks for a moment.
    ///
    /// # Errors
    /// When the file is damaged, another program's, of a newer version, or cannot be opened, and
    /// when it is on a network file system.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        let database = Arc::new(Database::new(path)?);
        let bell = Bell::open(path)?;
        let connection = {
            // Two processes that make the file at once would fail each other.
            let _alone = bell.lock()?;
            let mut connection = database.open_writer()?;
            schema::migrate(&mut connection, &database)?;
            connection
        };
        Ok(Self {
            writer: Writer::start(Arc::clone(&database), connection, bell)?,
            readers: Readers::new(Arc::clone(&database)),
            database,
        })
    }

    /// How many writes this handle has carried out, and in how many transactions.
    pub fn write_counts(&self) -> WriteCounts {
        self.writer.counts()
    }
}

impl Journal for SqliteJournal {
    fn create(&self, deployment: NewDeployment) -> Answer<'_, DeploymentId> {
        Box::pin(
            self.writer
                .run(move |connection| update::create(connection, &deployment)),
        )
    }

    fn claim<'a>(&'a self, environment: &'a str, claimant: &'a str) -> Answer<'a, Claim> {
        let (environment, claimant) = (environment.to_owned(), claimant.to_owned());
        Box::pin(
            self.writer
                .run(move |connection| claim::give(connection, &environment, &claimant)),
        )
    }

    fn append(&self, append: Append) -> Answer<'_, Option<DeploymentId>> {
        Box::pin(
            self.writer
                .run(move |connection| update::append(connection, &append)),
        )
    }

    fn forget<'a>(&'a self, deployment: &'a DeploymentId) -> Answer<'a, ()> {
        let id = deployment.clone();
        Box::pin(
            self.writer
                .run(move |connection| update::forget(connection, &id)),
        )
    }

    fn put_document<'a>(
        &'a self,
        environment: &'a str,
        key: &'a str,
        body: String,
    ) -> Answer<'a, ()> {
        let environment = environment.to_owned();
        let document = Document {
            key: key.to_owned(),
            body,
        };
        Box::pin(
            self.writer
                .run(move |connection| update::put_document(connection, &environment, &document)),
        )
    }

    fn delete_document<'a>(&'a self, environment: &'a str, key: &'a str) -> Answer<'a, ()> {
        let (environment, key) = (environment.to_owned(), key.to_owned());
        Box::pin(
            self.writer
                .run(move |connection| update::delete_document(connection, &environment, &key)),
        )
    }

    fn read<'a>(
        &'a self,
        deployment: &'a DeploymentId,
        after_seq: u64,
        limit: usize,
    ) -> Answer<'a, Vec<Entry>> {
        let id = deployment.clone();
        let limit = limit.min(MAX_PAGE);
        Box::pin(self.readers.run("be read", move |connection| {
            query::entries(connection, &id, after_seq, limit)
        }))
    }

    fn deployment<'a>(&'a self, id: &'a DeploymentId) -> Answer<'a, Option<Deployment>> {
        let id = id.clone();
        Box::pin(self.readers.run("be read", move |connection| {
            query::deployment(connection, &id)
        }))
    }

    fn description<'a>(&'a self, id: &'a DeploymentId) -> Answer<'a, String> {
        let id = id.clone();
        Box::pin(self.readers.run("be read", move |connection| {
            query::description(connection, &id)
        }))
    }

    fn deployments<'a>(
        &'a self,
        environment: Option<&'a str>,
        limit: usize,
    ) -> Answer<'a, Vec<Deployment>> {
        let environment = environment.map(str::to_owned);
        let limit = limit.min(MAX_PAGE);
        Box::pin(self.readers.run("be read", move |connection| {
            query::newest(connection, environment.as_deref(), limit)
        }))
    }

    fn selected<'a>(
        &'a self,
        environment: &'a str,
        selection: Selection<'a>,
        limit: usize,
    ) -> Answer<'a, Vec<Deployment>> {
        let environment = environment.to_owned();
        let actions: Vec<String> = selection.actions.iter().map(ToString::to_string).collect();
        let forgotten = selection.forgotten;
        let limit = limit.min(MAX_PAGE);
        Box::pin(self.readers.run("be read", move |connection| {
            query::selected(connection, &environment, &actions, forgotten, limit)
        }))
    }

    fn unfinished<'a>(&'a self, environment: &'a str) -> Answer<'a, Vec<Deployment>> {
        let environment = environment.to_owned();
        Box::pin(self.readers.run("be read", move |connection| {
            query::unfinished(connection, &environment)
        }))
    }

    fn document<'a>(&'a self, environment: &'a str, key: &'a str) -> Answer<'a, Option<String>> {
        let (environment, key) = (environment.to_owned(), key.to_owned());
        Box::pin(self.readers.run("be read", move |connection| {
            query::document(connection, &environment, &key)
        }))
    }

    fn environments(&self) -> Answer<'_, Vec<String>> {
        Box::pin(self.readers.run("be read", query::environments))
    }

    fn watch(&self) -> Result<Box<dyn Watch>, JournalError> {
        Ok(Box::new(bell::Listener::new(self.database.path())?))
    }
}
