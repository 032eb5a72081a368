//! What belongs to an environment or to a deployment: documents, descriptions and facts.

use rusqlite::{OptionalExtension, Row};

use super::{Check, Finding, Found, Key, Range, Salvage, Take, broken, lost, page};
use crate::{
    DeploymentId,
    seal::{self, Chain},
};

/// A fact as it is stored: time, text, seal.
type Stored = (i64, String, Option<i64>);

/// Facts that are handed out one after the other.
struct Facts<'a> {
    /// The row of their deployment, and what it is called.
    row: i64,
    name: &'a str,
    /// Without it nothing is known of what they should be.
    chain: Option<&'a mut Chain>,
}

impl Salvage {
    pub(super) fn description<E>(
        &self,
        row: i64,
        id: &DeploymentId,
        may_lack_seal: bool,
        take: Take<'_, E>,
    ) -> Result<(), E> {
        let what = || format!("the description of {id}");
        let read = self.connection.query_row(
            "SELECT body, seal FROM description WHERE deployment = ?1",
            [row],
            |row| Ok((text(row, 0)?, row.get::<_, Option<i64>>(1)?)),
        );
        match read.optional() {
            Ok(Some((body, seal))) => {
                let holds = match seal {
                    None => may_lack_seal,
                    Some(seal) => seal == seal::description(id, &body),
                };
                let check = Check::of(seal.is_some(), holds);
                take(Finding::Row(Found::Description {
                    deployment: id.to_string(),
                    body,
                    check,
                }))?;
                broken(check, what, take)
            }
            Ok(None) => take(Finding::Damage(format!("{} is missing", what()))),
            Err(error) => take(Finding::Damage(format!(
                "{} cannot be read: {error}",
                what()
            ))),
        }
    }

    /// The facts of a deployment by its row; without a chain nothing is known of what they
    /// should be.
    pub(super) fn facts<E>(
        &self,
        row: i64,
        name: &str,
        chain: Option<&mut Chain>,
        take: Take<'_, E>,
    ) -> Result<(), E> {
        let mut facts = Facts { row, name, chain };
        Range::all(
            "SELECT seq, time_ms, body, seal FROM fact
             WHERE deployment = ?3 AND seq BETWEEN ?1 AND ?2 ORDER BY seq",
        )
        .walk(&self.connection, &[row], &mut |key, row| {
            let read = row.and_then(|row| Ok((row.get(1)?, text(row, 2)?, row.get(3)?)));
            match read {
                Ok(stored) => facts.hand_out(key.first, stored, take),
                Err(error) => {
                    take(lost(&format!("facts of {name}"), &key.to_string(), &error))?;
                    self.carve(&mut facts, &key, take)
                }
            }
        })
    }

    /// Facts to which the tree leads no more, where their pages are whole.
    fn carve<E>(&self, facts: &mut Facts<'_>, key: &Key, take: Take<'_, E>) -> Result<(), E> {
        let numbers = key.first..=key.last;
        match page::facts(&self.path, facts.row, &numbers) {
            Ok(found) => {
                for (seq, carved) in found {
                    let stored = (carved.time_ms, carved.body, carved.seal);
                    facts.hand_out(seq, stored, take)?;
                }
                Ok(())
            }
            Err(error) => take(Finding::Damage(format!(
                "the pages of the file cannot be looked through: {error}"
            ))),
        }
    }

    pub(super) fn documents<E>(
        &self,
        environment: i64,
        name: &str,
        take: Take<'_, E>,
    ) -> Result<(), E> {
        Range::all(
            "SELECT rowid, key, body, seal FROM document NOT INDEXED
             WHERE environment = ?3 AND rowid BETWEEN ?1 AND ?2 ORDER BY rowid",
        )
        .walk(&self.connection, &[environment], &mut |key, row| {
            let read = row
                .and_then(|row| Ok((text(row, 1)?, text(row, 2)?, row.get::<_, Option<i64>>(3)?)));
            let (key, body, seal) = match read {
                Ok(read) => read,
                Err(error) => return take(lost("documents", &key.to_string(), &error)),
            };
            let holds = seal.is_none_or(|seal| seal == seal::document(name, &key, &body));
            let check = Check::of(seal.is_some(), holds);
            let what = format!("document `{key}` of `{name}`");
            take(Finding::Row(Found::Document {
                environment: name.to_owned(),
                key,
                body,
                check,
            }))?;
            broken(check, || what, take)
        })
    }
}

impl Facts<'_> {
    fn hand_out<E>(
        &mut self,
        seq: i64,
        (time_ms, body, seal): Stored,
        take: Take<'_, E>,
    ) -> Result<(), E> {
        let verified = match &mut self.chain {
            Some(chain) => chain.take(seq, time_ms, &body, seal),
            None => Err(format!("nothing else is left of {}", self.name)),
        };
        take(Finding::Row(Found::Fact {
            deployment: self.name.to_owned(),
            seq,
            time_ms,
            body,
            check: Check::of(seal.is_some(), verified.is_ok()),
        }))?;
        verified.or_else(|damage| take(Finding::Damage(damage)))
    }
}

/// Text that may have become something else.
fn text(row: &Row<'_>, column: usize) -> rusqlite::Result<String> {
    let value = row.get_ref(column)?;
    let bytes = value.as_bytes().map_err(rusqlite::Error::from)?;
    Ok(String::from_utf8_lossy(bytes).into_owned())
}
