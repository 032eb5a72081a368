//! What one request changes in the tables.
//!
//! Each function refuses before it writes, so that a refused request leaves nothing in the
//! transaction that it shares with others.

use rusqlite::{Connection, OptionalExtension, params};

use super::failure::{Failure, Outcome};
use crate::{
    Append, DeploymentId, Document, End, JournalError, MAX_APPEND_BYTES, MAX_TEXT_BYTES,
    NewDeployment, State,
};

/// Records a queued deployment under the next number of its environment.
pub(super) fn create(connection: &Connection, new: &NewDeployment) -> Outcome<DeploymentId> {
    fits_new(new)?;
    record(connection, new)
}

fn fits_new(new: &NewDeployment) -> Outcome<()> {
    let (largest, sum) = size(&new.bodies);
    fits("a description", new.description.len(), MAX_TEXT_BYTES)?;
    fits("a fact", largest, MAX_TEXT_BYTES)?;
    fits("the first facts", sum, MAX_APPEND_BYTES)
}

/// Writes a deployment that fits.
fn record(connection: &Connection, new: &NewDeployment) -> Outcome<DeploymentId> {
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
    let id = connection.last_insert_rowid();
    connection
        .prepare_cached("INSERT INTO description (deployment, body) VALUES (?1, ?2)")?
        .execute(params![id, new.description])?;
    insert(connection, id, 0, stored(new.time_ms), &new.bodies)?;
    Ok(DeploymentId::new(&new.environment, number.unsigned_abs()))
}

/// Appends facts and what comes with them.
pub(super) fn append(connection: &Connection, append: &Append) -> Outcome<Option<DeploymentId>> {
    let (largest, sum) = append.size();
    fits("a fact or a document", largest, MAX_TEXT_BYTES)?;
    fits("an append", sum, MAX_APPEND_BYTES)?;
    if let Some(next) = &append.then {
        fits_new(next)?;
    }
    let found = existing(connection, &append.deployment)?;
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
    insert(connection, found.id, found.last_seq, time, &append.bodies)?;
    if append.starts {
        start(connection, found.id, time)?;
    }
    if let Some(how) = &append.end {
        end(connection, found.id, how, merged_into, time)?;
    }
    for document in &append.documents {
        put(connection, found.environment, document)?;
    }
    let next = append.then.as_deref();
    next.map(|next| record(connection, next)).transpose()
}

/// Removes the facts and the description of an ended deployment.
pub(super) fn forget(connection: &Connection, id: &DeploymentId) -> Outcome<()> {
    let found = existing(connection, id)?;
    if found.state != State::Ended {
        return Err(Failure::Refused(JournalError::Unfinished(id.clone())));
    }
    for removal in [
        "DELETE FROM fact WHERE deployment = ?1",
        "DELETE FROM description WHERE deployment = ?1",
        "UPDATE deployment SET forgotten = 1 WHERE id = ?1",
    ] {
        connection.prepare_cached(removal)?.execute([found.id])?;
    }
    Ok(())
}

/// Writes facts after the last one of a deployment.
fn insert(
    connection: &Connection,
    deployment: i64,
    last_seq: i64,
    time: i64,
    bodies: &[String],
) -> Outcome<()> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO fact (deployment, seq, time_ms, body) VALUES (?1, ?2, ?3, ?4)",
    )?;
    let mut last = last_seq;
    for body in bodies {
        last += 1;
        insert.execute(params![deployment, last, time, body])?;
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
    put(
        connection,
        environment(connection, environment_name)?,
        document,
    )
}

/// Removes a document outside any deployment.
pub(super) fn delete_document(
    connection: &Connection,
    environment: &str,
    key: &str,
) -> Outcome<()> {
    connection
        .prepare_cached(
            "DELETE FROM document WHERE key = ?2
             AND environment = (SELECT id FROM environment WHERE name = ?1)",
        )?
        .execute([environment, key])?;
    Ok(())
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

fn existing(connection: &Connection, id: &DeploymentId) -> Outcome<Target> {
    target(connection, id)?.ok_or_else(|| Failure::Refused(JournalError::Unknown(id.clone())))
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

fn put(connection: &Connection, environment: i64, document: &Document) -> Outcome<()> {
    connection
        .prepare_cached(
            "INSERT INTO document (environment, key, body) VALUES (?1, ?2, ?3)
             ON CONFLICT (environment, key) DO UPDATE SET body = excluded.body",
        )?
        .execute(params![environment, document.key, document.body])?;
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
