//! The row of a deployment: read with its seal looked at, and sealed again after a change.

use rusqlite::{Connection, OptionalExtension, Row, params, types::Type};

use super::failure::{Failure, Outcome};
use crate::{Deployment, DeploymentId, JournalError, State, seal::Seal};

/// The columns that [`read`] reads.
const COLUMNS: &str = "
    SELECT e.name, d.number, d.action, d.trigger, d.state, d.result, m.number, d.last_seq,
           d.created_ms, d.started_ms, d.ended_ms, d.forgotten,
           d.id, d.environment, d.last_seal, d.sealed_from, d.seal
    FROM deployment d
    JOIN environment e ON e.id = d.environment
    LEFT JOIN deployment m ON m.id = d.merged_into ";

/// A deployment, with what the tables keep beside it.
pub(super) struct Kept {
    pub(super) deployment: Deployment,
    /// Its row, and that of its environment.
    pub(super) row: i64,
    pub(super) environment: i64,
    /// The seal of its last fact; `None` when that has none.
    pub(super) last_seal: Option<i64>,
    /// Its first fact with a seal. 0: there were seals when it was recorded, so that all of it
    /// has them.
    pub(super) sealed_from: i64,
    seal: Option<i64>,
}

/// All deployments that fit, in the order that `rest` of the query says.
pub(super) fn all(
    connection: &Connection,
    rest: &str,
    parameters: impl rusqlite::Params,
) -> Outcome<Vec<Deployment>> {
    let mut statement = connection.prepare_cached(&format!("{COLUMNS} {rest}"))?;
    let rows = statement.query_map(parameters, read)?;
    rows.map(|kept| Ok(kept?.verified()?.deployment)).collect()
}

/// One deployment; `None` when there is none of that id.
pub(super) fn find(connection: &Connection, id: &DeploymentId) -> Outcome<Option<Kept>> {
    let found = connection
        .prepare_cached(&format!("{COLUMNS} WHERE e.name = ?1 AND d.number = ?2"))?
        .query_row(params![id.environment(), stored(id.number())], read)
        .optional()?;
    found.map(Kept::verified).transpose()
}

/// The deployment of a row, whatever has become of it.
pub(super) fn unverified(connection: &Connection, row: i64) -> rusqlite::Result<Kept> {
    connection
        .prepare_cached(&format!("{COLUMNS} WHERE d.id = ?1"))?
        .query_row([row], read)
}

/// One deployment that has to be there.
pub(super) fn existing(connection: &Connection, id: &DeploymentId) -> Outcome<Kept> {
    find(connection, id)?.ok_or_else(|| JournalError::Unknown(id.clone()).into())
}

/// Seals the row again, after it was changed.
pub(super) fn seal(connection: &Connection, row: i64) -> Outcome<()> {
    let kept = unverified(connection, row)?;
    connection
        .prepare_cached("UPDATE deployment SET seal = ?2 WHERE id = ?1")?
        .execute([row, kept.expected_seal()])?;
    Ok(())
}

impl Kept {
    fn verified(self) -> Outcome<Self> {
        if self.seal_holds() {
            return Ok(self);
        }
        let id = &self.deployment.id;
        Err(Failure::Damaged(format!(
            "the row of deployment {id} is not what was written"
        )))
    }

    /// Is it as it was written, as far as that can be told?
    pub(super) fn seal_holds(&self) -> bool {
        match self.seal {
            None => self.sealed_from > 0,
            Some(seal) => seal == self.expected_seal(),
        }
    }

    /// Has it a seal? A row that was last written before there were seals has none.
    pub(super) fn is_sealed(&self) -> bool {
        self.seal.is_some()
    }

    fn expected_seal(&self) -> i64 {
        let deployment = &self.deployment;
        let heir = deployment.merged_into.as_ref().map(DeploymentId::number);
        Seal::of("deployment")
            .text(&deployment.id.to_string())
            .text(&deployment.action)
            .text(&deployment.trigger)
            .text(deployment.state.as_str())
            .optional_text(deployment.result.as_deref())
            .optional_number(heir.map(stored))
            .number(stored(deployment.last_seq))
            .number(stored(deployment.created_ms))
            .optional_number(deployment.started_ms.map(stored))
            .optional_number(deployment.ended_ms.map(stored))
            .number(i64::from(deployment.forgotten))
            .optional_number(self.last_seal)
            .number(self.sealed_from)
            .finish()
    }
}

/// Reads the columns of a query that begins with [`COLUMNS`].
fn read(row: &Row<'_>) -> rusqlite::Result<Kept> {
    let environment: String = row.get(0)?;
    let heir = optional(row, 6)?;
    let deployment = Deployment {
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
    };
    Ok(Kept {
        deployment,
        row: row.get(12)?,
        environment: row.get(13)?,
        last_seal: row.get(14)?,
        sealed_from: row.get(15)?,
        seal: row.get(16)?,
    })
}

fn state(row: &Row<'_>, column: usize) -> rusqlite::Result<State> {
    let name: String = row.get(column)?;
    State::named(&name).ok_or_else(|| {
        let reason = format!("`{name}` is not a state of a deployment");
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, reason.into())
    })
}

/// A number that was written as [`stored`].
pub(super) fn unsigned(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let number: i64 = row.get(column)?;
    u64::try_from(number).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, number))
}

fn optional(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<u64>> {
    match row.get::<_, Option<i64>>(column)? {
        None => Ok(None),
        Some(_) => unsigned(row, column).map(Some),
    }
}

/// SQLite's integers are signed; what does not fit lies beyond any time and any number.
pub(super) fn stored(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
