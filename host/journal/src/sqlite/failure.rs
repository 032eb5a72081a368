//! Why a request was not carried out: because of what it asks, of what is stored, or of the
//! database.

use crate::JournalError;

/// Why a request was not carried out.
pub(super) enum Failure {
    /// It alone is answered with an error; nothing was written for it.
    Refused(JournalError),
    /// What is stored is not what was written.
    Damaged(String),
    /// The database failed, and with it everything in the transaction.
    Database(rusqlite::Error),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::Error::{
            FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnType, Utf8Error,
        };
        match error {
            // The tables are strict, so that a value which is not of its column's kind was not
            // written by anybody.
            FromSqlConversionFailure(..)
            | IntegralValueOutOfRange(..)
            | InvalidColumnType(..)
            | Utf8Error(..) => Self::Damaged(error.to_string()),
            error => Self::Database(error),
        }
    }
}

impl From<JournalError> for Failure {
    fn from(refusal: JournalError) -> Self {
        Self::Refused(refusal)
    }
}

/// What a request comes to.
pub(super) type Outcome<T> = Result<T, Failure>;
