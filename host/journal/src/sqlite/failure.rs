//! Why a request was not carried out: because of what it asks, or because of the database.

use crate::JournalError;

/// Why a request was not carried out.
pub(super) enum Failure {
    /// It alone is answered with an error; nothing was written for it.
    Refused(JournalError),
    /// The database failed, and with it everything in the transaction.
    Database(rusqlite::Error),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

impl From<JournalError> for Failure {
    fn from(refusal: JournalError) -> Self {
        Self::Refused(refusal)
    }
}

/// What a request comes to.
pub(super) type Outcome<T> = Result<T, Failure>;
