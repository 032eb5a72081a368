//! Logs and progress of attempts: files beside the journal, one series an attempt, written by
//! the driver and read by anybody at any time.
//!
//! They are not facts: nothing is decided from them, they are bounded, and old ones may be
//! removed. An attempt's series is `SERVICE.STEP.ATTEMPT.GENERATION.log`; when a generation is
//! full the next one begins and the one before the last goes.

mod bell;
mod reader;

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use stagewright_pipeline::{Step, Timestamp};
use stagewright_runtime::record::Level;
use stagewright_runtime::{LogLine, Progress, Sink};

use crate::clock::Clock;
use crate::home::private_folder;

pub(crate) use bell::LogBell;
pub(crate) use reader::{LogReader, Said};

/// A generation is full when it has this many bytes.
const GENERATION: u64 = 4 * 1024 * 1024;
/// How many generations of an attempt are kept.
const KEPT: u32 = 2;

/// Which attempt a log belongs to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct AttemptName {
    /// The service.
    pub(crate) service: String,
    /// Its step.
    pub(crate) step: Step,
    /// Counted from 1.
    pub(crate) attempt: u16,
}

impl AttemptName {
    fn file(&self, generation: u32) -> String {
        format!(
            "{}.{}.{}.{generation}.log",
            self.service, self.step, self.attempt
        )
    }
}

/// One thing that was said, as it is in the file: the fields of the events `step.log` and
/// `step.progress` that the name of the file does not tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event")]
pub(crate) enum Record {
    /// A line.
    #[serde(rename = "step.log")]
    Line {
        /// When.
        time: String,
        /// `trace`, `debug`, `info`, `warn`, `error`.
        level: String,
        /// Who: `plugin`, `program`, `host`.
        origin: String,
        /// What.
        message: String,
        /// Names and values that go with it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        fields: Vec<(String, String)>,
    },
    /// How far the step is.
    #[serde(rename = "step.progress")]
    Progress {
        /// When.
        time: String,
        /// Work that is done.
        done: u64,
        /// All work, in the same unit, when it is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        total: Option<u64>,
        /// What is being done.
        what: String,
    },
}

impl Record {
    /// What it says, in a few words.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::Line { message, .. } => message.clone(),
            Self::Progress {
                done,
                total: Some(total),
                what,
                ..
            } if *total > 0 => format!("{what} {} %", done.saturating_mul(100) / total),
            Self::Progress { what, .. } => what.clone(),
        }
    }
}

/// Writes the log of one attempt. Losing a line must not fail a step, so a file that cannot
/// be written is reported once and then left alone.
pub(crate) struct AttemptLog {
    folder: PathBuf,
    name: AttemptName,
    clock: Arc<dyn Clock>,
    open: Mutex<Option<Generation>>,
}

struct Generation {
    number: u32,
    file: File,
    bytes: u64,
}

impl AttemptLog {
    /// Begins, or goes on with, the log of an attempt in the logs of its deployment.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub(crate) fn open(folder: &Path, name: AttemptName, clock: Arc<dyn Clock>) -> Result<Self> {
        private_folder(folder)?;
        let number = reader::generations(folder, &name)
            .last()
            .copied()
            .unwrap_or(1);
        let generation = generation(folder, &name, number)?;
        Ok(Self {
            folder: folder.to_owned(),
            name,
            clock,
            open: Mutex::new(Some(generation)),
        })
    }

    fn write(&self, record: &Record) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(generation) = open.as_mut() else {
            return;
        };
        if let Err(error) = self.append(generation, record) {
            tracing::error!(
                "the log of {} {} is incomplete: {error:#}",
                self.name.service,
                self.name.step
            );
            *open = None;
        }
    }

    fn append(&self, current: &mut Generation, record: &Record) -> Result<()> {
        let mut line = serde_json::to_string(record)?;
        line.push('\n');
        if current.bytes > 0 && current.bytes + line.len() as u64 > GENERATION {
            let number = current.number + 1;
            *current = generation(&self.folder, &self.name, number)?;
            if let Some(old) = number.checked_sub(KEPT).filter(|&old| old > 0) {
                // One that somebody else has removed is gone as well.
                match std::fs::remove_file(self.folder.join(self.name.file(old))) {
                    Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
                    _ => {}
                }
            }
        }
        // One write for one line, so that a reader never sees half of it for long.
        current.file.write_all(line.as_bytes())?;
        current.bytes += line.len() as u64;
        Ok(())
    }

    fn time(&self) -> String {
        let now: Timestamp = self.clock.now();
        now.to_string()
    }
}

impl Sink for AttemptLog {
    fn line(&self, line: LogLine) {
        self.write(&Record::Line {
            time: self.time(),
            level: level(line.level).to_owned(),
            origin: line.origin.as_str().to_owned(),
            message: line.message,
            fields: line.fields,
        });
    }

    fn progress(&self, progress: Progress) {
        self.write(&Record::Progress {
            time: self.time(),
            done: progress.done,
            total: progress.total,
            what: progress.what,
        });
    }
}

fn level(level: Level) -> &'static str {
    match level {
        Level::Trace => "trace",
        Level::Debug => "debug",
        Level::Info => "info",
        Level::Warn => "warn",
        Level::Error => "error",
    }
}

fn generation(folder: &Path, name: &AttemptName, number: u32) -> Result<Generation> {
    let path = folder.join(name.file(number));
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .read(true)
        .mode(0o600)
        .open(&path)
        .with_context(|| format!("cannot write the log {}", path.display()))?;
    let mut bytes = file.metadata()?.len();
    if bytes > 0 {
        // A driver that was killed may have left half a line, which ends here.
        let mut last = [0];
        file.read_exact_at(&mut last, bytes - 1)?;
        if last != *b"\n" {
            file.write_all(b"\n")?;
            bytes += 1;
        }
    }
    Ok(Generation {
        number,
        file,
        bytes,
    })
}

#[cfg(test)]
mod tests;
