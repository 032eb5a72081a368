//! Connections for reading, apart from the writer's, on threads that may block.

use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::{
    connection::Database,
    failure::{Failure, Outcome},
};
use crate::JournalError;

/// How many reads go on at once; further ones wait for their turn.
const CONNECTIONS: usize = 4;

/// A few connections, opened when they are needed and kept.
pub(super) struct Readers {
    database: Arc<Database>,
    idle: Arc<Mutex<Vec<Connection>>>,
    permits: Arc<Semaphore>,
}

impl Readers {
    pub(super) fn new(database: Arc<Database>) -> Self {
        Self {
            database,
            idle: Arc::default(),
            permits: Arc::new(Semaphore::new(CONNECTIONS)),
        }
    }

    /// Runs a query; `what` completes "the journal could not" when it fails.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        what: &'static str,
        query: impl FnOnce(&Connection) -> Outcome<T> + Send + 'static,
    ) -> Result<T, JournalError> {
        let permit = Arc::clone(&self.permits)
            .acquire_owned()
            .await
            .map_err(|_| JournalError::Closed)?;
        let (database, idle) = (Arc::clone(&self.database), Arc::clone(&self.idle));
        let reading = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let kept = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let connection = match kept {
                Some(connection) => connection,
                None => database.open_reader()?,
            };
            let answer = query(&connection);
            // A connection that failed is closed, so that its state troubles nobody else.
            if let Err(Failure::Database(error)) = answer {
                return Err(database.error(what, error));
            }
            idle.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(connection);
            answer.map_err(|failure| database.failure(what, failure))
        });
        reading.await.map_err(|_| JournalError::Closed)?
    }
}
