//! The embedded journal: one SQLite file, written by one thread per process.
//!
//! The file is in WAL mode with `synchronous=FULL`, so a commit is on the disk when it returns,
//! and readers go on beside the writer. Several processes may have it open, each driving
//! environments of its own; SQLite serialises their transactions.

mod bell;
mod checksum;
mod connection;
mod query;
mod reader;
mod schema;
#[cfg(test)]
mod tests;
mod update;
mod writer;

use std::{path::Path, sync::Arc};

use crate::{
    Answer, Append, Deployment, DeploymentId, Document, Entry, Journal, JournalError, MAX_PAGE,
    NewDeployment, Watch,
};
use bell::Bell;
use connection::Database;
use reader::Readers;
use writer::Writer;

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

    /// Reads the whole file and reports damage; takes time in proportion to its size.
    ///
    /// # Errors
    /// [`JournalError::Damaged`] with what was found first.
    pub async fn check(&self) -> Result<(), JournalError> {
        let found = self.readers.run("be checked", query::damage).await?;
        match found {
            Some(reason) => Err(self.database.damaged(reason)),
            None => Ok(()),
        }
    }

    /// How many writes this handle has carried out, and in how many transactions.
    pub fn write_counts(&self) -> WriteCounts {
        self.writer.counts()
    }
}

impl Journal for SqliteJournal {
    fn create(&self, deployment: NewDeployment) -> Answer<'_, DeploymentId> {
        Box::pin(self.writer.create(deployment))
    }

    fn append(&self, append: Append) -> Answer<'_, ()> {
        Box::pin(self.writer.append(append))
    }

    fn put_document<'a>(
        &'a self,
        environment: &'a str,
        key: &'a str,
        body: String,
    ) -> Answer<'a, ()> {
        let document = Document {
            key: key.to_owned(),
            body,
        };
        Box::pin(self.writer.put_document(environment.to_owned(), document))
    }

    fn read<'a>(
        &'a self,
        deployment: &'a DeploymentId,
        after_seq: u64,
        limit: usize,
    ) -> Answer<'a, Vec<Entry>> {
        let id = deployment.clone();
        Box::pin(async move {
            let limit = limit.min(MAX_PAGE);
            let found = self
                .readers
                .run("be read", move |connection| {
                    query::entries(connection, &id, after_seq, limit)
                })
                .await?;
            found.ok_or_else(|| JournalError::Unknown(deployment.clone()))
        })
    }

    fn deployment<'a>(&'a self, id: &'a DeploymentId) -> Answer<'a, Option<Deployment>> {
        let id = id.clone();
        Box::pin(self.readers.run("be read", move |connection| {
            query::deployment(connection, &id)
        }))
    }

    fn description<'a>(&'a self, id: &'a DeploymentId) -> Answer<'a, String> {
        let wanted = id.clone();
        Box::pin(async move {
            let found = self
                .readers
                .run("be read", move |connection| {
                    query::description(connection, &wanted)
                })
                .await?;
            found.ok_or_else(|| JournalError::Unknown(id.clone()))
        })
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
