//! Who may write to an environment: claims are given here, and compared in the transaction
//! that writes.

use rusqlite::{Connection, params};

use super::{
    failure::{Failure, Outcome},
    row::{Kept, stored},
    update,
};
use crate::{Claim, JournalError};

/// Gives the next claim on an environment, and remembers whose it is.
pub(super) fn give(connection: &Connection, name: &str, claimant: &str) -> Outcome<Claim> {
    let row = update::environment(connection, name)?;
    let number: i64 = connection
        .prepare_cached(
            "UPDATE environment SET claim = claim + 1, claimed_by = ?2 WHERE id = ?1
             RETURNING claim",
        )?
        .query_row(params![row, claimant], |row| row.get(0))?;
    Ok(Claim::new(name.to_owned(), number.unsigned_abs()))
}

/// Refuses a claim after which there was a later one, or that is another environment's than
/// the deployment's.
pub(super) fn verify(connection: &Connection, claim: &Claim, found: &Kept) -> Outcome<()> {
    let environment = found.deployment.id.environment();
    if claim.environment() != environment {
        return Err(Failure::Refused(JournalError::ClaimOfAnother {
            claimed: claim.environment().to_owned(),
            deployment: found.deployment.id.clone(),
        }));
    }
    let (latest, claimant): (i64, String) = connection
        .prepare_cached("SELECT claim, claimed_by FROM environment WHERE id = ?1")?
        .query_row([found.environment], |row| Ok((row.get(0)?, row.get(1)?)))?;
    if latest == stored(claim.number()) {
        return Ok(());
    }
    Err(Failure::Refused(JournalError::Superseded {
        environment: environment.to_owned(),
        claimant,
    }))
}
