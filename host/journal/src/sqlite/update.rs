//! What one request changes in the tables.
//!
//! Each function refuses before it writes, so that a refused request leaves nothing in the
//! transaction that it shares with others.

use rusqlite::{Connection, OptionalExtension, params};

use super::checksum;
use crate::{
    Append, DeploymentId, Document, End, JournalError, MAX_APPEND_BYTES, MAX_TEXT_BYTES,
    NewDeployment, State,
};

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

type Outcome<T> = Result<T, Failure>;

/// Records a queued deployment under the next number of its environment.
pub(super) fn create(connection: &Connection, new: &NewDeployment) -> Outcome<DeploymentId> {
    let (largest, sum) = size(&new.bodies);
    fits("a description", new.description.len(), MAX_TEXT_BYTES)?;
    fits("a fact", largest, MAX_TEXT_BYTES)?;
    fits("the first facts", sum, MAX_APPEND_BYTES)?;
    let environment = environment(connection, &new.environment)?;
    let number: i64 = connection
        .prepare_cached(
            "UPDATE environment SET last_number = last_number + 1 WHERE id = ?1
             RETURNING last_number",
        )?
        .query_row([environment], |row| row.get(0))?;
    connection
        .prepare_cached(
            "INSERT INTO deployment (environment, number, action, trigger, state, created_ms)
             VALUES (?1, ?2, ?3, ?4, 'queued', ?5)",
        )?
        .execute(params![
            environment,
            number,
            new.action,
            new.trigger,
            stored(new.time_ms)
        ])?;
    let row = connection.last_insert_rowid();
    let id = DeploymentId::new(&new.environment, number.unsigned_abs());
    let checksum = checksum::description(&id, &new.description);
    connection
        .prepare_cached("INSERT INTO description (deployment, body, checksum) VALUES (?1, ?2, ?3)")?
        .execute(params![row, new.description, checksum])?;
    let time = stored(new.time_ms);
    insert(connection, &id, (row, 0), time, &new.bodies)?;
    Ok(id)
}

/// Appends facts and what comes with them.
pub(super) fn append(connection: &Connection, append: &Append) -> Outcome<()> {
    let (largest, sum) = append.size();
    fits("a fact or a document", largest, MAX_TEXT_BYTES)?;
    fits("an append", sum, MAX_APPEND_BYTES)?;
    let found = target(connection, &append.deployment)?
        .ok_or_else(|| Failure::Refused(JournalError::Unknown(append.deployment.clone())))?;
    if found.state == State::Ended {
        return Err(Failure::Refused(JournalError::Ended(
            append.deployment.clone(),
        )));
    }
    if stored(append.first_seq) != found.last_seq + 1 {
        return Err(Failure::Refused(JournalError::Conflict {
            deployment: append.deployment.clone(),
            first_seq: append.first_seq,
            next: (found.last_seq + 1).unsigned_abs(),
        }));
    }
    let merged_into = match &append.end {
        Some(End::MergedInto(into)) => Some(heir(connection, append, &found, into)?),
        _ => None,
    };

    let time = stored(append.time_ms);
    let place = (found.id, found.last_seq);
    insert(connection, &append.deployment, place, time, &append.bodies)?;
    if append.starts {
        start(connection, found.id, time)?;
    }
    if let Some(how) = &append.end {
        end(connection, found.id, how, merged_into, time)?;
    }
    for document in &append.documents {
        let name = append.deployment.environment();
        put(connection, found.environment, name, document)?;
    }
    Ok(())
}

/// Writes facts after the last one of a deployment, which is given with its row.
fn insert(
    connection: &Connection,
    id: &DeploymentId,
    (deployment, last_seq): (i64, i64),
    time: i64,
    bodies: &[String],
) -> Outcome<()> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO fact (deployment, seq, time_ms, body, checksum) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    let mut last = last_seq;
    for body in bodies {
        last += 1;
        let checksum = checksum::fact(id, last, time, body);
        insert.execute(params![deployment, last, time, body, checksum])?;
    }
    connection
        .prepare_cached("UPDATE deployment SET last_seq = ?2 WHERE id = ?1")?
        .execute(params![deployment, last])?;
    Ok(())
}

/// The bytes of the largest text, and of all of them.
fn size(bodies: &[String]) -> (usize, usize) {
    bodies
        .iter()
        .map(String::len)
        .fold((0, 0), |(largest, sum), size| {
            (largest.max(size), sum.saturating_add(size))
        })
}

/// Replaces a document outside any deployment.
pub(super) fn put_document(
    connection: &Connection,
    environment_name: &str,
    document: &Document,
) -> Outcome<()> {
    fits("a document", document.body.len(), MAX_TEXT_BYTES)?;
    let environment = environment(connection, environment_name)?;
    put(connection, environment, environment_name, document)
}

/// A deployment that is written to.
struct Target {
    id: i64,
    environment: i64,
    state: State,
    last_seq: i64,
}

fn target(connection: &Connection, id: &DeploymentId) -> Outcome<Option<Target>> {
    let found = connection
        .prepare_cached(
            "SELECT d.id, d.environment, d.state, d.last_seq
             FROM deployment d JOIN environment e ON e.id = d.environment
             WHERE e.name = ?1 AND d.number = ?2",
        )?
        .query_row(params![id.environment(), stored(id.number())], |row| {
            Ok(Target {
                id: row.get(0)?,
                environment: row.get(1)?,
                state: super::query::state(row, 2)?,
                last_seq: row.get(3)?,
            })
        })
        .optional()?;
    Ok(found)
}

/// The row of the deployment that takes the place of the one that is appended to.
fn heir(
    connection: &Connection,
    append: &Append,
    found: &Target,
    into: &DeploymentId,
) -> Outcome<i64> {
    let refused = |reason| {
        Failure::Refused(JournalError::NotMergeable {
            deployment: append.deployment.clone(),
            into: into.clone(),
            reason,
        })
    };
    let Some(heir) = target(connection, into)? else {
        return Err(refused("there is no such deployment"));
    };
    if found.state != State::Queued || heir.state != State::Queued {
        return Err(refused("only queued deployments merge"));
    }
    if heir.environment != found.environment || heir.id == found.id {
        return Err(refused("it is not another one of the same environment"));
    }
    Ok(heir.id)
}

fn start(connection: &Connection, id: i64, time: i64) -> Outcome<()> {
    connection
        .prepare_cached(
            "UPDATE deployment SET state = 'running', started_ms = ?2
             WHERE id = ?1 AND state = 'queued'",
        )?
        .execute([id, time])?;
    Ok(())
}

fn end(
    connection: &Connection,
    id: i64,
    how: &End,
    merged_into: Option<i64>,
    time: i64,
) -> Outcome<()> {
    let result = match how {
        End::Result(result) => result.as_str(),
        End::MergedInto(_) => "merged",
    };
    connection
        .prepare_cached(
            "UPDATE deployment SET state = 'ended', ended_ms = ?2, result = ?3, merged_into = ?4
             WHERE id = ?1",
        )?
        .execute(params![id, time, result, merged_into])?;
    Ok(())
}

/// The row of an environment, made when there is none.
fn environment(connection: &Connection, name: &str) -> Outcome<i64> {
    connection
        .prepare_cached("INSERT INTO environment (name) VALUES (?1) ON CONFLICT DO NOTHING")?
        .execute([name])?;
    let id = connection
        .prepare_cached("SELECT id FROM environment WHERE name = ?1")?
        .query_row([name], |row| row.get(0))?;
    Ok(id)
}

fn put(connection: &Connection, environment: i64, name: &str, document: &Document) -> Outcome<()> {
    let checksum = checksum::document(name, &document.key, &document.body);
    connection
        .prepare_cached(
            "INSERT INTO document (environment, key, body, checksum) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (environment, key)
             DO UPDATE SET body = excluded.body, checksum = excluded.checksum",
        )?
        .execute(params![environment, document.key, document.body, checksum])?;
    Ok(())
}

fn fits(what: &'static str, bytes: usize, limit: usize) -> Outcome<()> {
    if bytes <= limit {
        return Ok(());
    }
    Err(Failure::Refused(JournalError::TooLarge {
        what,
        bytes,
        limit,
    }))
}

/// SQLite's integers are signed; what does not fit lies beyond any time and any number.
pub(super) fn stored(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
