//! What is read from the tables, with its seals looked at. Nothing here writes.

use rusqlite::{Connection, OptionalExtension, ToSql, params};

use super::{
    failure::{Failure, Outcome},
    row::{self, Kept, stored, unsigned},
};
use crate::{
    Deployment, DeploymentId, Entry, JournalError, MAX_PAGE,
    seal::{self, Chain},
};

/// Reading facts stops after this many bytes, however many were asked for.
const PAGE_BYTES: usize = 16 << 20;

/// The facts after a number.
pub(super) fn entries(
    connection: &Connection,
    id: &DeploymentId,
    after_seq: u64,
    limit: usize,
) -> Outcome<Vec<Entry>> {
    // One snapshot, so that what is written in between is not taken for damage.
    let snapshot = connection.unchecked_transaction()?;
    let kept = remembered(&snapshot, id)?;
    if after_seq > kept.deployment.last_seq {
        return Ok(Vec::new());
    }
    let mut chain = chain_after(&snapshot, &kept, stored(after_seq))?;
    let mut statement = snapshot.prepare_cached(
        "SELECT seq, time_ms, body, seal FROM fact WHERE deployment = ?1 AND seq > ?2
         ORDER BY seq",
    )?;
    let mut rows = statement.query([kept.row, stored(after_seq)])?;
    let (mut entries, mut bytes) = (Vec::new(), 0_usize);
    while entries.len() < limit && bytes < PAGE_BYTES {
        let Some(row) = rows.next()? else {
            let last = stored(kept.deployment.last_seq);
            let whole = chain.finish(last, kept.last_seal);
            return whole.map(|()| entries).map_err(Failure::Damaged);
        };
        let body: String = row.get(2)?;
        chain
            .take(row.get(0)?, row.get(1)?, &body, row.get(3)?)
            .map_err(Failure::Damaged)?;
        bytes = bytes.saturating_add(body.len());
        entries.push(Entry {
            seq: unsigned(row, 0)?,
            time_ms: unsigned(row, 1)?,
            body,
        });
    }
    Ok(entries)
}

fn chain_after(connection: &Connection, kept: &Kept, seq: i64) -> Outcome<Chain> {
    let id = &kept.deployment.id;
    let seal = match seq {
        0 => None,
        _ => connection
            .prepare_cached("SELECT seal FROM fact WHERE deployment = ?1 AND seq = ?2")?
            .query_row([kept.row, seq], |row| row.get(0))
            .optional()?
            .ok_or_else(|| Failure::Damaged(format!("fact {seq} of {id} is missing")))?,
    };
    Ok(Chain::after(id.clone(), kept.sealed_from, seq, seal))
}

/// One deployment.
pub(super) fn deployment(
    connection: &Connection,
    id: &DeploymentId,
) -> Outcome<Option<Deployment>> {
    Ok(row::find(connection, id)?.map(|kept| kept.deployment))
}

/// The description of a deployment.
pub(super) fn description(connection: &Connection, id: &DeploymentId) -> Outcome<String> {
    let snapshot = connection.unchecked_transaction()?;
    let kept = remembered(&snapshot, id)?;
    let (body, seal): (String, Option<i64>) = snapshot
        .prepare_cached("SELECT body, seal FROM description WHERE deployment = ?1")?
        .query_row([kept.row], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?
        .ok_or_else(|| Failure::Damaged(format!("the description of {id} is missing")))?;
    match seal {
        None if kept.sealed_from > 0 => Ok(body),
        Some(seal) if seal == seal::description(id, &body) => Ok(body),
        _ => Err(Failure::Damaged(format!(
            "the description of {id} is not what was written"
        ))),
    }
}

/// The last deployments of an environment or of all, newest first.
pub(super) fn newest(
    connection: &Connection,
    environment: Option<&str>,
    limit: usize,
) -> Outcome<Vec<Deployment>> {
    let limit = bounded(limit);
    match environment {
        Some(name) => row::all(
            connection,
            "WHERE e.name = ?1 ORDER BY d.number DESC LIMIT ?2",
            params![name, limit],
        ),
        None => row::all(connection, "ORDER BY d.id DESC LIMIT ?1", [limit]),
    }
}

/// The last deployments of an environment with one of these actions, newest first.
pub(super) fn selected(
    connection: &Connection,
    environment: &str,
    actions: &[String],
    forgotten: bool,
    limit: usize,
) -> Outcome<Vec<Deployment>> {
    let limit = bounded(limit);
    let mut parameters: Vec<&dyn ToSql> = vec![&environment, &limit, &forgotten];
    parameters.extend(actions.iter().map(|action| action as &dyn ToSql));
    let places = vec!["?"; actions.len()].join(", ");
    let rest = format!(
        "WHERE e.name = ?1 AND (?3 OR NOT d.forgotten) AND d.action IN ({places})
         ORDER BY d.number DESC LIMIT ?2"
    );
    row::all(connection, &rest, parameters.as_slice())
}

/// The queued and running deployments of an environment, oldest first.
pub(super) fn unfinished(connection: &Connection, environment: &str) -> Outcome<Vec<Deployment>> {
    row::all(
        connection,
        "WHERE e.name = ?1 AND d.state <> 'ended' ORDER BY d.number LIMIT ?2",
        params![environment, bounded(MAX_PAGE)],
    )
}

/// A document of an environment.
pub(super) fn document(
    connection: &Connection,
    environment: &str,
    key: &str,
) -> Outcome<Option<String>> {
    let find = |how| {
        connection
            .prepare_cached(&format!(
                "SELECT o.body, o.seal FROM document o {how}
                 JOIN environment e ON e.id = o.environment WHERE e.name = ?1 AND o.key = ?2"
            ))?
            .query_row([environment, key], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()
    };
    let mut found: Option<(String, Option<i64>)> = find("")?;
    if found.is_none() {
        // Nothing else tells that there was a document, so an index that lost it must not make
        // it look as if there was none.
        found = find("NOT INDEXED")?;
    }
    match found {
        Some((body, Some(seal))) if seal != seal::document(environment, key, &body) => {
            Err(Failure::Damaged(format!(
                "document `{key}` of {environment} is not what was written"
            )))
        }
        // Without a seal it is as old as the first version of the tables.
        found => Ok(found.map(|(body, _)| body)),
    }
}

/// The names of all environments.
pub(super) fn environments(connection: &Connection) -> Outcome<Vec<String>> {
    let mut statement = connection.prepare_cached("SELECT name FROM environment ORDER BY name")?;
    let names = statement.query_map([], |row| row.get(0))?;
    Ok(names.collect::<rusqlite::Result<_>>()?)
}

/// A deployment whose facts were not removed.
fn remembered(connection: &Connection, id: &DeploymentId) -> Outcome<Kept> {
    let kept = row::existing(connection, id)?;
    match kept.deployment.forgotten {
        true => Err(JournalError::Forgotten(id.clone()).into()),
        false => Ok(kept),
    }
}

fn bounded(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
