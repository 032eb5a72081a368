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
use stagewright_journal::{Finding, Found};

use super::arguments::{Export, Global, Journal, Output};
use super::{Exit, print};
use crate::compose;

pub(crate) fn run(global: &Global, journal: &Journal) -> Result<Exit> {
    match journal {
        Journal::Check => check(global),
        Journal::Export(export) => self::export(global, export),
    }
}

fn check(global: &Global) -> Result<Exit> {
    let mut count = 0_u64;
    compose::salvage(global)?.check(&mut |damage| {
        count += 1;
        match global.output {
            Output::Json => print::json(&json!({ "damage": damage })),
            Output::Text => print::line(&damage),
        }
    })?;
    match global.output {
        Output::Json => print::json(&json!({ "sound": count == 0, "damages": count }))?,
        Output::Text if count == 0 => print::line("the journal is sound")?,
        Output::Text => print::note(
            "the journal is damaged; `stagewright journal export` writes what can still be read",
        ),
    }
    Ok(ending(count))
}

fn export(global: &Global, export: &Export) -> Result<Exit> {
    let salvage = compose::salvage(global)?;
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
                print::note(&match global.output {
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
        match global.output {
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
