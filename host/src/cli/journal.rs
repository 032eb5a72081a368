//! `journal check` and `journal export`: is all of the journal what was written, and what can
//! be read of one that is not.
//!
//! They need no more of the host than the state folder, since a damaged journal is one that
//! the rest of the host refuses.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::json;
use stagewright_journal::{Finding, Found, JournalError, Salvage};

use super::arguments::{Export, Global, Journal, Output};
use super::{Exit, print};
use crate::compose;

pub(crate) fn run(global: &Global, journal: &Journal) -> Result<Exit> {
    let salvage = match compose::salvage(global) {
        Ok(salvage) => salvage,
        // So much is lost that there is no way to the rest.
        Err(error) if is_damaged(&error) => {
            super::report(&error, global.output);
            return Ok(Exit::Failed);
        }
        Err(error) => return Err(error),
    };
    match journal {
        Journal::Check => check(&salvage, global.output),
        Journal::Export(export) => self::export(&salvage, export, global.output),
    }
}

fn is_damaged(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(JournalError::Damaged { .. }))
}

fn check(salvage: &Salvage, output: Output) -> Result<Exit> {
    let mut count = 0_u64;
    salvage.check(&mut |damage| {
        count += 1;
        match output {
            Output::Json => print::json(&json!({ "damage": damage })),
            Output::Text => print::line(&damage),
        }
    })?;
    match output {
        Output::Json => print::json(&json!({ "sound": count == 0, "damages": count }))?,
        Output::Text if count == 0 => print::line("the journal is sound")?,
        Output::Text => print::note(
            "the journal is damaged; `stagewright journal export` writes what can still be read",
        ),
    }
    Ok(ending(count))
}

fn export(salvage: &Salvage, export: &Export, output: Output) -> Result<Exit> {
    let mut file = export.to.as_deref().map(create).transpose()?;
    let (mut rows, mut damages) = (0_u64, 0_u64);
    salvage.walk(
        export.environment.as_deref(),
        &mut |finding| match finding {
            Finding::Row(row) => {
                rows += 1;
                match &mut file {
                    Some(file) => write(file, &row),
                    None => print::json(&row),
                }
            }
            Finding::Damage(damage) => {
                damages += 1;
                print::note(&match output {
                    Output::Json => json!({ "damage": damage }).to_string(),
                    Output::Text => damage,
                });
                Ok(())
            }
        },
    )?;
    if let Some(file) = file {
        let file = file.into_inner().map_err(|error| error.into_error())?;
        file.sync_all()?;
        match output {
            Output::Json => print::json(&json!({ "rows": rows, "damages": damages }))?,
            Output::Text => print::line(&format!("{rows} rows were written"))?,
        }
    }
    Ok(ending(damages))
}

/// A file that only this user can read: facts may hold what is not for others.
fn create(path: &Path) -> Result<BufWriter<File>> {
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("cannot make {}", path.display()))?;
    Ok(BufWriter::new(file))
}

fn write(file: &mut impl Write, row: &Found) -> Result<()> {
    serde_json::to_writer(&mut *file, row)?;
    file.write_all(b"\n").context("cannot write the export")
}

fn ending(damages: u64) -> Exit {
    match damages {
        0 => Exit::Success,
        _ => Exit::Failed,
    }
}
