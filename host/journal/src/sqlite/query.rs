//! What is read from the tables. Nothing here writes.

use rusqlite::{Connection, OptionalExtension, Row, params, types::Type};

use super::{checksum, update::stored};
use crate::{Deployment, DeploymentId, Entry, MAX_PAGE, State};

/// Reading facts stops after this many bytes, however many were asked for.
const PAGE_BYTES: usize = 16 << 20;

/// The columns that [`read_deployment`] reads.
const DEPLOYMENT: &str = "
    SELECT e.name, d.number, d.action, d.trigger, d.state, d.result, m.number, d.last_seq,
           d.created_ms, d.started_ms, d.ended_ms
    FROM deployment d
    JOIN environment e ON e.id = d.environment
    LEFT JOIN deployment m ON m.id = d.merged_into ";

/// The facts after a number; `None` when there is no such deployment. A fact that is missing
/// or not as it was written is an error.
pub(super) fn entries(
    connection: &Connection,
    id: &DeploymentId,
    after_seq: u64,
    limit: usize,
) -> rusqlite::Result<Option<Vec<Entry>>> {
    let Some((deployment, last_seq)) = row_of(connection, id)? else {
        return Ok(None);
    };
    let mut statement = connection.prepare_cached(
        "SELECT seq, time_ms, body, checksum FROM fact WHERE deployment = ?1 AND seq > ?2
         ORDER BY seq LIMIT ?3",
    )?;
    let mut rows = statement.query(params![deployment, stored(after_seq), bounded(limit)])?;
    let (mut entries, mut bytes) = (Vec::new(), 0_usize);
    let mut next = stored(after_seq).saturating_add(1);
    while bytes < PAGE_BYTES && entries.len() < limit {
        let Some(row) = rows.next()? else {
            if next <= last_seq {
                return Err(damaged(format!("fact {next} of {id} is missing")));
            }
            break;
        };
        let entry = entry(row, id, next)?;
        bytes = bytes.saturating_add(entry.body.len());
        next = next.saturating_add(1);
        entries.push(entry);
    }
    Ok(Some(entries))
}

/// A fact, if it is the next one and as it was written.
fn entry(row: &Row<'_>, id: &DeploymentId, next: i64) -> rusqlite::Result<Entry> {
    let (seq, time_ms, body): (i64, i64, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
    if seq != next {
        return Err(damaged(format!("fact {next} of {id} is missing")));
    }
    if row.get::<_, i64>(3)? != i64::from(checksum::fact(id, seq, time_ms, &body)) {
        return Err(damaged(format!(
            "fact {seq} of {id} is not as it was written"
        )));
    }
    Ok(Entry {
        seq: unsigned(row, 0)?,
        time_ms: unsigned(row, 1)?,
        body,
    })
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

/// The description of a deployment; `None` when there is no such deployment.
pub(super) fn description(
    connection: &Connection,
    id: &DeploymentId,
) -> rusqlite::Result<Option<String>> {
    let Some((deployment, _)) = row_of(connection, id)? else {
        return Ok(None);
    };
    let found: Option<(String, i64)> = connection
        .prepare_cached("SELECT body, checksum FROM description WHERE deployment = ?1")?
        .query_row([deployment], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    match found {
        None => Err(damaged(format!("the description of {id} is missing"))),
        Some((body, sum)) if sum == i64::from(checksum::description(id, &body)) => Ok(Some(body)),
        Some(_) => Err(damaged(format!(
            "the description of {id} is not as it was written"
        ))),
    }
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
    let found: Option<(String, i64)> = connection
        .prepare_cached(
            "SELECT o.body, o.checksum FROM document o
             JOIN environment e ON e.id = o.environment
             WHERE e.name = ?1 AND o.key = ?2",
        )?
        .query_row([environment, key], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    match found {
        Some((body, sum)) if sum != i64::from(checksum::document(environment, key, &body)) => {
            let what = format!("the document `{key}` of {environment} is not as it was written");
            Err(damaged(what))
        }
        found => Ok(found.map(|(body, _)| body)),
    }
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
        damaged(format!(
            "`{}` is not a state of a deployment",
            name.escape_debug()
        ))
    })
}

/// What a query answers with when the file holds what nobody has written.
fn damaged(what: String) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, Type::Text, what.into())
}

/// The row of a deployment, and the number of its last fact.
fn row_of(connection: &Connection, id: &DeploymentId) -> rusqlite::Result<Option<(i64, i64)>> {
    connection
        .prepare_cached(
            "SELECT d.id, d.last_seq FROM deployment d JOIN environment e ON e.id = d.environment
             WHERE e.name = ?1 AND d.number = ?2",
        )?
        .query_row(params![id.environment(), stored(id.number())], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()
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
