//! Reads what attempts said, from a cursor on.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::{AttemptName, Record};

/// The longest line that is read; the writer's lines are far shorter.
const LONGEST: u64 = 256 * 1024;

/// One thing that was said, by whom, and the cursor after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    /// In which attempt.
    pub(crate) attempt: AttemptName,
    /// What.
    pub(crate) record: Record,
    /// Where the next one begins: generation and bytes in it.
    pub(crate) offset: (u32, u64),
}

/// Reads the logs of one deployment as they grow.
pub(crate) struct LogReader {
    folder: PathBuf,
    cursors: BTreeMap<AttemptName, (u32, u64)>,
}

impl LogReader {
    /// A reader of the logs of a deployment, from their beginnings.
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            cursors: BTreeMap::new(),
        }
    }

    /// Everything that an attempt said since it was last asked about, in order.
    ///
    /// # Errors
    /// When a log is there and cannot be read.
    pub(crate) fn read(&mut self, attempt: &AttemptName) -> Result<Vec<Said>> {
        let mut said = Vec::new();
        let mut cursor = self.cursors.get(attempt).copied().unwrap_or((0, 0));
        for number in generations(&self.folder, attempt) {
            if number < cursor.0 {
                continue;
            }
            if number > cursor.0 {
                cursor = (number, 0);
            }
            self.read_generation(attempt, &mut cursor, &mut said)?;
        }
        self.cursors.insert(attempt.clone(), cursor);
        Ok(said)
    }

    fn read_generation(
        &self,
        attempt: &AttemptName,
        cursor: &mut (u32, u64),
        said: &mut Vec<Said>,
    ) -> Result<()> {
        let path = self.folder.join(attempt.file(cursor.0));
        let mut file = match File::open(&path) {
            Ok(file) => file,
            // It was rotated away since the folder was listed.
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read {}", path.display()));
            }
        };
        file.seek(SeekFrom::Start(cursor.1))?;
        let mut reader = BufReader::new(file);
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = std::io::Read::take(&mut reader, LONGEST).read_until(b'\n', &mut line)?;
            if line.last() != Some(&b'\n') {
                // The end, or a line that is just being written.
                return Ok(());
            }
            cursor.1 += read as u64;
            match serde_json::from_slice(&line) {
                Ok(record) => said.push(Said {
                    attempt: attempt.clone(),
                    record,
                    offset: *cursor,
                }),
                Err(error) => {
                    tracing::warn!(path = %path.display(), %error, "a line of a log is unreadable");
                }
            }
        }
    }
}

/// The generations of an attempt that exist, oldest first.
pub(super) fn generations(folder: &Path, attempt: &AttemptName) -> Vec<u32> {
    let mut numbers: Vec<u32> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .filter_map(|entry| parse(entry.file_name().to_str()?))
        .filter(|(name, _)| name == attempt)
        .map(|(_, number)| number)
        .collect();
    numbers.sort_unstable();
    numbers
}

fn parse(file: &str) -> Option<(AttemptName, u32)> {
    let mut words = file.strip_suffix(".log")?.split('.');
    let attempt = AttemptName {
        service: words.next()?.to_owned(),
        step: serde_json::from_value(words.next()?.into()).ok()?,
        attempt: words.next()?.parse().ok()?,
    };
    let number = words.next()?.parse().ok()?;
    words.next().is_none().then_some((attempt, number))
}
