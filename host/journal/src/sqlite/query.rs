//! What is read from the tables. Nothing here writes.

use rusqlite::{Connection, OptionalExtension, Row, params, types::Type};

use super::{failure::Outcome, update::stored};
use crate::{Deployment, DeploymentId, Entry, JournalError, MAX_PAGE, State};

/// Reading facts stops after this many bytes, however many were asked for.
const PAGE_BYTES: usize = 16 << 20;

/// The columns that [`read_deployment`] reads.
const DEPLOYMENT: &str = "
    SELECT e.name, d.number, d.action, d.trigger, d.state, d.result, m.number, d.last_seq,
           d.created_ms, d.started_ms, d.ended_ms, d.forgotten
    FROM deployment d
    JOIN environment e ON e.id = d.environment
    LEFT JOIN deployment m ON m.id = d.merged_into ";

/// The facts after a number.
pub(super) fn entries(
    connection: &Connection,
    id: &DeploymentId,
    after_seq: u64,
    limit: usize,
) -> Outcome<Vec<Entry>> {
    let deployment = remembered(connection, id)?;
    let mut statement = connection.prepare_cached(
        "SELECT seq, time_ms, body FROM fact WHERE deployment = ?1 AND seq > ?2
         ORDER BY seq LIMIT ?3",
    )?;
    let mut rows = statement.query(params![deployment, stored(after_seq), bounded(limit)])?;
    let (mut entries, mut bytes) = (Vec::new(), 0_usize);
    while bytes < PAGE_BYTES
        && let Some(row) = rows.next()?
    {
        let body: String = row.get(2)?;
        bytes = bytes.saturating_add(body.len());
        entries.push(Entry {
            seq: unsigned(row, 0)?,
            time_ms: unsigned(row, 1)?,
            body,
        });
    }
    Ok(entries)
}

/// One deployment.
pub(super) fn deployment(
    connection: &Connection,
    id: &DeploymentId,
) -> rusqlite::Result<Option<Deployment>> {
    connection
        .prepare_cached(&format!("{DEPLOYMENT} WHERE e.name = ?1 AND d.number = ?2"))?
        .query_row(
            params![id.environment(), stored(id.number())],
            read_deployment,
        )
        .optional()
}

/// The description of a deployment.
pub(super) fn description(connection: &Connection, id: &DeploymentId) -> Outcome<String> {
    let deployment = remembered(connection, id)?;
    let body = connection
        .prepare_cached("SELECT body FROM description WHERE deployment = ?1")?
        .query_row([deployment], |row| row.get(0))?;
    Ok(body)
}

/// The last deployments of an environment or of all, newest first.
pub(super) fn newest(
    connection: &Connection,
    environment: Option<&str>,
    limit: usize,
) -> rusqlite::Result<Vec<Deployment>> {
    let limit = bounded(limit);
    match environment {
        Some(name) => connection
            .prepare_cached(&format!(
                "{DEPLOYMENT} WHERE e.name = ?1 ORDER BY d.number DESC LIMIT ?2"
            ))?
            .query_map(params![name, limit], read_deployment)?
            .collect(),
        None => connection
            .prepare_cached(&format!("{DEPLOYMENT} ORDER BY d.id DESC LIMIT ?1"))?
            .query_map([limit], read_deployment)?
            .collect(),
    }
}

/// The queued and running deployments of an environment, oldest first.
pub(super) fn unfinished(
    connection: &Connection,
    environment: &str,
) -> rusqlite::Result<Vec<Deployment>> {
    connection
        .prepare_cached(&format!(
            "{DEPLOYMENT} WHERE e.name = ?1 AND d.state <> 'ended' ORDER BY d.number LIMIT ?2"
        ))?
        .query_map(params![environment, bounded(MAX_PAGE)], read_deployment)?
        .collect()
}

/// A document of an environment.
pub(super) fn document(
    connection: &Connection,
    environment: &str,
    key: &str,
) -> rusqlite::Result<Option<String>> {
    connection
        .prepare_cached(
            "SELECT o.body FROM document o JOIN environment e ON e.id = o.environment
             WHERE e.name = ?1 AND o.key = ?2",
        )?
        .query_row([environment, key], |row| row.get(0))
        .optional()
}

/// The names of all environments.
pub(super) fn environments(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    connection
        .prepare_cached("SELECT name FROM environment ORDER BY name")?
        .query_map([], |row| row.get(0))?
        .collect()
}

/// The first damage that SQLite finds in the file; `None` when it is sound.
pub(super) fn damage(connection: &Connection) -> rusqlite::Result<Option<String>> {
    let found: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    Ok((found != "ok").then_some(found))
}

/// The state in a column.
pub(super) fn state(row: &Row<'_>, column: usize) -> rusqlite::Result<State> {
    let name: String = row.get(column)?;
    State::named(&name).ok_or_else(|| {
        let reason = format!("`{name}` is not a state of a deployment");
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, reason.into())
    })
}

/// The row of a deployment whose facts were not removed.
fn remembered(connection: &Connection, id: &DeploymentId) -> Outcome<i64> {
    let found = connection
        .prepare_cached(
            "SELECT d.id, d.forgotten FROM deployment d
             JOIN environment e ON e.id = d.environment WHERE e.name = ?1 AND d.number = ?2",
        )?
        .query_row(params![id.environment(), stored(id.number())], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    match found {
        None => Err(JournalError::Unknown(id.clone()).into()),
        Some((_, true)) => Err(JournalError::Forgotten(id.clone()).into()),
        Some((row, false)) => Ok(row),
    }
}

fn read_deployment(row: &Row<'_>) -> rusqlite::Result<Deployment> {
    let environment: String = row.get(0)?;
    let heir = optional(row, 6)?;
    Ok(Deployment {
        merged_into: heir.map(|number| DeploymentId::new(&environment, number)),
        id: DeploymentId::new(environment, unsigned(row, 1)?),
        action: row.get(2)?,
        trigger: row.get(3)?,
        state: state(row, 4)?,
        result: row.get(5)?,
        last_seq: unsigned(row, 7)?,
        created_ms: unsigned(row, 8)?,
        started_ms: optional(row, 9)?,
        ended_ms: optional(row, 10)?,
        forgotten: row.get(11)?,
    })
}

fn unsigned(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let number: i64 = row.get(column)?;
    u64::try_from(number).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, number))
}

fn optional(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<u64>> {
    match row.get::<_, Option<i64>>(column)? {
        None => Ok(None),
        Some(_) => unsigned(row, column).map(Some),
    }
}

fn bounded(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
