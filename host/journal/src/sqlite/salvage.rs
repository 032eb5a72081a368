//! Reads what can still be read of a journal, damaged or not, and says what cannot.
//!
//! Everything else in this crate refuses a damaged row; this goes around it. It walks the tables
//! in ranges, so that a page which is lost costs the rows on it and no others, finds deployments
//! by their index where their rows are gone, and facts on their pages where no tree leads to
//! them any more. Never writes, and never repairs: what
//! it finds is for people, who decide what to make of it.

mod contents;
mod finding;
mod page;
mod range;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use rusqlite::Connection;

use super::{
    connection::{Database, io_error},
    row, schema,
};
use crate::{DeploymentId, JournalError, seal::Chain};
pub use finding::{Check, Finding, Found};
use range::{Key, Range};

/// How many defects SQLite is asked for.
const DEFECTS: i64 = 100;

/// A journal that is read for what is left of it.
pub struct Salvage {
    connection: Connection,
    path: PathBuf,
}

/// An environment by its row: its name, and the number of its last deployment where that can
/// be read.
type Environments = BTreeMap<i64, (String, Option<i64>)>;

/// Where findings go. An error of theirs ends the walk.
type Take<'a, E> = &'a mut dyn FnMut(Finding) -> Result<(), E>;

impl Salvage {
    /// Opens the journal in `path`, which must be there.
    ///
    /// # Errors
    /// When it is not, or so little is left of it that it cannot be told for a journal.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        let database = Database::new(path)?;
        std::fs::metadata(path).map_err(|source| io_error("open the journal", path, source))?;
        let mut connection = database.open_reader()?;
        if !schema::is_current(&connection, &database)? {
            connection = database.open_writer()?;
            schema::migrate(&mut connection, &database)?;
        }
        connection
            .pragma_update(None, "cell_size_check", true)
            .map_err(|error| database.error("be opened", error))?;
        Ok(Self {
            connection,
            path: path.to_owned(),
        })
    }

    /// Hands out everything that can be read, of one environment or of all, and what is wrong
    /// with it: environments with their documents, deployments with description and facts.
    /// What is written meanwhile is not seen.
    ///
    /// # Errors
    /// What `take` gives.
    pub fn walk<E>(&self, environment: Option<&str>, take: Take<'_, E>) -> Result<(), E> {
        let Ok(_snapshot) = self.connection.unchecked_transaction() else {
            return take(Finding::Damage("the database cannot be read".to_owned()));
        };
        let mut environments = self.environments(take)?;
        environments.retain(|_, (name, _)| environment.is_none_or(|wanted| wanted == name));
        if let Some(wanted) = environment
            && environments.is_empty()
        {
            return take(Finding::Damage(format!(
                "there is no environment `{wanted}`, or its row is lost"
            )));
        }
        let mut known = Vec::new();
        for (&row, (name, last)) in &environments {
            self.environment(row, name, *last, &mut known, take)?;
        }
        match environment {
            Some(_) => Ok(()),
            None => self.orphans(&known, take),
        }
    }

    /// Looks at the whole file and at every seal, and hands out what is wrong; takes time in
    /// proportion to its size.
    ///
    /// # Errors
    /// What `take` gives.
    pub fn check<E>(&self, take: &mut dyn FnMut(String) -> Result<(), E>) -> Result<(), E> {
        for defect in self.defects() {
            take(defect)?;
        }
        self.walk(None, &mut |finding| match finding {
            Finding::Damage(damage) => take(damage),
            Finding::Row(_) => Ok(()),
        })
    }

    /// What SQLite itself finds wrong with the file.
    fn defects(&self) -> Vec<String> {
        let ask = || -> rusqlite::Result<Vec<String>> {
            let query = format!("PRAGMA integrity_check({DEFECTS})");
            let mut statement = self.connection.prepare(&query)?;
            let lines = statement.query_map([], |row| row.get(0))?;
            lines.collect()
        };
        let mut found = ask().unwrap_or_else(|error| vec![error.to_string()]);
        found.retain(|line| line != "ok");
        found
    }

    fn environments<E>(&self, take: Take<'_, E>) -> Result<Environments, E> {
        let mut found = Environments::new();
        Range::all(
            "SELECT id, name, last_number FROM environment
             WHERE id BETWEEN ?1 AND ?2 ORDER BY id",
        )
        .walk(&self.connection, &[], &mut |key, row| {
            let read = row.and_then(|row| Ok((row.get(1)?, row.get(2)?)));
            match read {
                Ok((name, last)) => {
                    found.insert(key.first, (name, Some(last)));
                    Ok(())
                }
                Err(error) => take(lost("environments", &key.to_string(), &error)),
            }
        })?;
        // The index on the names has them once more.
        let names = self
            .pairs("SELECT id, name FROM environment INDEXED BY sqlite_autoindex_environment_1");
        for (row, name) in names {
            found.entry(row).or_insert((name, None));
        }
        Ok(found)
    }

    fn environment<E>(
        &self,
        row: i64,
        name: &str,
        last: Option<i64>,
        known: &mut Vec<i64>,
        take: Take<'_, E>,
    ) -> Result<(), E> {
        take(Finding::Row(Found::Environment {
            name: name.to_owned(),
            last_number: last.map(i64::unsigned_abs),
        }))?;
        self.documents(row, name, take)?;
        let deployments = self.deployments(row, name, take)?;
        if let Some(last) = last {
            let missing = last - i64::try_from(deployments.len()).unwrap_or(i64::MAX);
            if missing != 0 {
                take(Finding::Damage(format!(
                    "{missing} of the {last} deployments of `{name}` are missing"
                )))?;
            }
        }
        for (row, number) in deployments {
            known.push(row);
            let id = DeploymentId::new(name, number.unsigned_abs());
            self.deployment(row, &id, take)?;
        }
        Ok(())
    }

    /// The deployments of an environment, by their rows, from the index and from the table.
    fn deployments<E>(
        &self,
        environment: i64,
        name: &str,
        take: Take<'_, E>,
    ) -> Result<BTreeMap<i64, i64>, E> {
        let mut found = BTreeMap::new();
        for how in ["INDEXED BY sqlite_autoindex_deployment_1", "NOT INDEXED"] {
            let query = format!(
                "SELECT number, id FROM deployment {how}
                 WHERE environment = ?3 AND number BETWEEN ?1 AND ?2 ORDER BY number"
            );
            Range::all(&query).walk(&self.connection, &[environment], &mut |key, row| match row
                .and_then(|row| row.get(1))
            {
                Ok(row) => {
                    found.insert(row, key.first);
                    Ok(())
                }
                Err(error) => take(lost(
                    &format!("deployments of `{name}`"),
                    &key.to_string(),
                    &error,
                )),
            })?;
        }
        Ok(found)
    }

    fn deployment<E>(&self, row: i64, id: &DeploymentId, take: Take<'_, E>) -> Result<(), E> {
        let kept = match row::unverified(&self.connection, row) {
            Ok(kept) => kept,
            Err(error) => {
                let name = id.to_string();
                take(lost("deployment", &name, &error))?;
                self.description(row, id, false, take)?;
                let mut chain = Chain::after(id.clone(), 0, 0, None);
                return self.facts(row, &name, Some(&mut chain), take).map(drop);
            }
        };
        let check = Check::of(kept.is_sealed(), kept.seal_holds());
        take(Finding::Row(Found::Deployment {
            deployment: Box::new(kept.deployment.clone()),
            check,
        }))?;
        broken(check, || format!("the row of deployment {id}"), take)?;
        if kept.deployment.forgotten {
            return Ok(());
        }
        self.description(row, id, kept.sealed_from > 0, take)?;
        let mut chain = Chain::after(id.clone(), kept.sealed_from, 0, None);
        self.facts(row, &id.to_string(), Some(&mut chain), take)?;
        let last = row::stored(kept.deployment.last_seq);
        match chain.finish(last, kept.last_seal) {
            Ok(()) => Ok(()),
            Err(damage) => take(Finding::Damage(damage)),
        }
    }

    /// Facts of deployments of which neither the row nor the name is left.
    fn orphans<E>(&self, known: &[i64], take: Take<'_, E>) -> Result<(), E> {
        let rows = self.pairs("SELECT DISTINCT deployment, '' FROM fact");
        for (row, _) in rows {
            if !known.contains(&row) {
                self.facts(row, &format!("deployment in row {row}"), None, take)?;
            }
        }
        Ok(())
    }

    /// Rows of a number and a text, as far as they can be read.
    fn pairs(&self, query: &str) -> Vec<(i64, String)> {
        let read = || -> rusqlite::Result<Vec<(i64, String)>> {
            let mut statement = self.connection.prepare(query)?;
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            Ok(rows.map_while(Result::ok).collect())
        };
        // What makes this fail was told by the walk over the table.
        read().unwrap_or_default()
    }
}

fn lost(what: &str, which: &str, error: &rusqlite::Error) -> Finding {
    Finding::Damage(format!("{what} {which} cannot be read: {error}"))
}

fn broken<E>(check: Check, what: impl FnOnce() -> String, take: Take<'_, E>) -> Result<(), E> {
    match check {
        Check::Broken => take(Finding::Damage(format!(
            "{} is not what was written",
            what()
        ))),
        Check::Holds | Check::None => Ok(()),
    }
}
