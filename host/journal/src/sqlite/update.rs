//! What one request changes in the tables.
//!
//! Each function refuses before it writes, so that a refused request leaves nothing in the
//! transaction that it shares with others.

use rusqlite::{Connection, params};

use super::{
    claim,
    failure::{Failure, Outcome},
    row::{self, Kept, stored},
};
use crate::{
    Append, DeploymentId, Document, End, JournalError, MAX_APPEND_BYTES, MAX_TEXT_BYTES,
    NewDeployment, State, seal,
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
    let row = connection.last_insert_rowid();
    let id = DeploymentId::new(&new.environment, number.unsigned_abs());
    connection
        .prepare_cached("INSERT INTO description (deployment, body, seal) VALUES (?1, ?2, ?3)")?
        .execute(params![
            row,
            new.description,
            seal::description(&id, &new.description)
        ])?;
    let last = Last {
        row,
        seq: 0,
        seal: None,
    };
    insert(connection, &id, last, stored(new.time_ms), &new.bodies)?;
    row::seal(connection, row)?;
    Ok(id)
}

/// Appends facts and what comes with them.
pub(super) fn append(connection: &Connection, append: &Append) -> Outcome<Option<DeploymentId>> {
    let (largest, sum) = append.size();
    fits("a fact or a document", largest, MAX_TEXT_BYTES)?;
    fits("an append", sum, MAX_APPEND_BYTES)?;
    if let Some(next) = &append.then {
        fits_new(next)?;
    }
    let found = row::existing(connection, &append.deployment)?;
    claim::verify(connection, &append.claim, &found)?;
    continues(append, &found)?;
    let heir = match &append.end {
        Some(End::MergedInto(into)) => Some(heir(connection, append, &found, into)?),
        _ => None,
    };

    let time = stored(append.time_ms);
    let last = Last {
        row: found.row,
        seq: stored(found.deployment.last_seq),
        seal: found.last_seal,
    };
    insert(connection, &append.deployment, last, time, &append.bodies)?;
    if append.starts {
        start(connection, found.row, time)?;
    }
    if let Some(how) = &append.end {
        end(connection, found.row, how, heir, time)?;
    }
    row::seal(connection, found.row)?;
    for document in &append.documents {
        let environment = append.deployment.environment();
        put(connection, found.environment, environment, document)?;
    }
    let next = append.then.as_deref();
    next.map(|next| record(connection, next)).transpose()
}

/// Refuses facts that do not follow the last one, and any after the end.
fn continues(append: &Append, found: &Kept) -> Outcome<()> {
    let next = found.deployment.last_seq + 1;
    if found.deployment.state == State::Ended {
        let id = append.deployment.clone();
        return Err(Failure::Refused(JournalError::Ended(id)));
    }
    if append.first_seq != next {
        return Err(Failure::Refused(JournalError::Conflict {
            deployment: append.deployment.clone(),
            first_seq: append.first_seq,
            next,
        }));
    }
    Ok(())
}

/// Removes the facts and the description of an ended deployment.
pub(super) fn forget(connection: &Connection, id: &DeploymentId) -> Outcome<()> {
    let found = row::existing(connection, id)?;
    if found.deployment.state != State::Ended {
        return Err(Failure::Refused(JournalError::Unfinished(id.clone())));
    }
    for removal in [
        "DELETE FROM fact WHERE deployment = ?1",
        "DELETE FROM description WHERE deployment = ?1",
        "UPDATE deployment SET forgotten = 1 WHERE id = ?1",
    ] {
        connection.prepare_cached(removal)?.execute([found.row])?;
    }
    row::seal(connection, found.row)
}

/// The last fact of a deployment.
struct Last {
    row: i64,
    seq: i64,
    seal: Option<i64>,
}

/// Writes facts after the last one of a deployment; its row is to be sealed then.
fn insert(
    connection: &Connection,
    id: &DeploymentId,
    mut last: Last,
    time: i64,
    bodies: &[String],
) -> Outcome<()> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO fact (deployment, seq, time_ms, body, seal) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    for body in bodies {
        last.seq += 1;
        last.seal = Some(seal::fact(id, last.seal, last.seq, time, body));
        insert.execute(params![last.row, last.seq, time, body, last.seal])?;
    }
    connection
        .prepare_cached("UPDATE deployment SET last_seq = ?2, last_seal = ?3 WHERE id = ?1")?
        .execute(params![last.row, last.seq, last.seal])?;
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
    let row = environment(connection, environment_name)?;
    put(connection, row, environment_name, document)
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

/// The row of the deployment that takes the place of the one that is appended to.
fn heir(
    connection: &Connection,
    append: &Append,
    found: &Kept,
    into: &DeploymentId,
) -> Outcome<i64> {
    let refused = |reason| {
        Failure::Refused(JournalError::NotMergeable {
            deployment: append.deployment.clone(),
            into: into.clone(),
            reason,
        })
    };
    let Some(heir) = row::find(connection, into)? else {
        return Err(refused("there is no such deployment"));
    };
    let states = [found.deployment.state, heir.deployment.state];
    if states != [State::Queued; 2] {
        return Err(refused("only queued deployments merge"));
    }
    if heir.environment != found.environment || heir.row == found.row {
        return Err(refused("it is not another one of the same environment"));
    }
    Ok(heir.row)
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
pub(super) fn environment(connection: &Connection, name: &str) -> Outcome<i64> {
    connection
        .prepare_cached("INSERT INTO environment (name) VALUES (?1) ON CONFLICT DO NOTHING")?
        .execute([name])?;
    let id = connection
        .prepare_cached("SELECT id FROM environment WHERE name = ?1")?
        .query_row([name], |row| row.get(0))?;
    Ok(id)
}

fn put(
    connection: &Connection,
    row: i64,
    environment: &str,
    Document { key, body }: &Document,
) -> Outcome<()> {
    connection
        .prepare_cached(
            "INSERT INTO document (environment, key, body, seal) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (environment, key) DO UPDATE SET body = excluded.body, seal = excluded.seal",
        )?
        .execute(params![row, key, body, seal::document(environment, key, body)])?;
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
