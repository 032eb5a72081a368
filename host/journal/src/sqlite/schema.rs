//! The tables, and the way from each version of them to the next.
//!
//! A released migration is never changed: journals that it made exist. A new version is a new
//! entry at the end.

use rusqlite::{Connection, TransactionBehavior};

use super::connection::Database;
use crate::JournalError;

/// Written into the header of the file, so that another program's database is not taken for a
/// journal. The letters `StgW`.
const APPLICATION_ID: i64 = 0x5374_6757;

/// What leads from version n to n + 1, by index.
const MIGRATIONS: &[&str] = &["
    CREATE TABLE environment (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        last_number INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE TABLE deployment (
        id INTEGER PRIMARY KEY,
        environment INTEGER NOT NULL REFERENCES environment (id),
        number INTEGER NOT NULL,
        action TEXT NOT NULL,
        trigger TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'ended')),
        result TEXT CHECK ((result IS NOT NULL) = (state = 'ended')),
        merged_into INTEGER REFERENCES deployment (id),
        last_seq INTEGER NOT NULL DEFAULT 0,
        created_ms INTEGER NOT NULL,
        started_ms INTEGER,
        ended_ms INTEGER,
        UNIQUE (environment, number)
    ) STRICT;
    CREATE INDEX unfinished ON deployment (environment, number) WHERE state <> 'ended';
    CREATE TABLE description (
        deployment INTEGER PRIMARY KEY REFERENCES deployment (id),
        body TEXT NOT NULL,
        checksum INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE fact (
        deployment INTEGER NOT NULL REFERENCES deployment (id),
        seq INTEGER NOT NULL,
        time_ms INTEGER NOT NULL,
        body TEXT NOT NULL,
        checksum INTEGER NOT NULL,
        PRIMARY KEY (deployment, seq)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE document (
        environment INTEGER NOT NULL REFERENCES environment (id),
        key TEXT NOT NULL,
        body TEXT NOT NULL,
        checksum INTEGER NOT NULL,
        UNIQUE (environment, key)
    ) STRICT;
"];

/// The newest version that is known here.
pub(super) const VERSION: i64 = MIGRATIONS.len() as i64;

/// Makes the tables, or brings older ones up to date, in one transaction.
pub(super) fn migrate(
    connection: &mut Connection,
    database: &Database,
) -> Result<(), JournalError> {
    let error = |error| database.error("be brought up to date", error);
    let found = version(connection, database)?;
    database.enable_wal(connection)?;
    if found == VERSION {
        return Ok(());
    }
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(error)?;
    // The version is read again, since another process may have been here in between.
    let found = version(&transaction, database)?;
    for migration in MIGRATIONS.iter().skip(usize::try_from(found).unwrap_or(0)) {
        transaction.execute_batch(migration).map_err(error)?;
    }
    transaction
        .pragma_update(None, "application_id", APPLICATION_ID)
        .and_then(|()| transaction.pragma_update(None, "user_version", VERSION))
        .and_then(|()| transaction.commit())
        .map_err(error)
}

/// The version of the tables; refuses a newer one, and a database that is not ours.
fn version(connection: &Connection, database: &Database) -> Result<i64, JournalError> {
    let number = |pragma| connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    let read = || -> rusqlite::Result<(i64, i64, i64)> {
        let tables =
            connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        Ok((number("application_id")?, number("user_version")?, tables))
    };
    let (application, version, tables) =
        read().map_err(|error| database.error("be opened", error))?;
    let path = database.path().to_owned();
    match (application, version) {
        (APPLICATION_ID, found) if found > VERSION => Err(JournalError::Newer {
            path,
            found,
            known: VERSION,
        }),
        (APPLICATION_ID, found) if found > 0 => Ok(found),
        (0, 0) if tables == 0 => Ok(0),
        _ => Err(JournalError::Foreign { path }),
    }
}
