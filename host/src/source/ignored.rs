//! What of a source is not source: `.git` always, and what the service's list names.

use std::{
    fs::File,
    io::{self, BufRead, BufReader},
    path::Path,
};

use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::SourceError;

/// The list, in the folder that the service's `path` names; it has the syntax of `.gitignore`.
pub(super) const FILE_NAME: &str = ".stagewrightignore";
/// More bytes than any such list has.
const MAX_LINES: usize = 10_000;

/// Says what is ignored below one folder.
pub(super) struct Ignored {
    rules: Gitignore,
}

impl Ignored {
    /// The rules of a folder; none but the built-in one when it has no list.
    pub(super) fn read(folder: &Path) -> Result<Self, SourceError> {
        let path = folder.join(FILE_NAME);
        let invalid = |reason: String| SourceError::InvalidIgnoreFile {
            path: path.clone(),
            reason,
        };
        let mut builder = GitignoreBuilder::new(folder);
        match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(invalid(error.to_string())),
            Ok(file) => {
                for (number, line) in (1..).zip(BufReader::new(file).lines()) {
                    let line = line.map_err(|error| invalid(error.to_string()))?;
                    if number > MAX_LINES {
                        return Err(invalid(format!("it has more than {MAX_LINES} lines")));
                    }
                    builder
                        .add_line(None, &line)
                        .map_err(|error| invalid(format!("line {number}: {error}")))?;
                }
            }
        }
        let rules = builder
            .build()
            .map_err(|error| invalid(error.to_string()))?;
        Ok(Self { rules })
    }

    /// Whether anything can be ignored at all.
    pub(super) fn has_rules(&self) -> bool {
        !self.rules.is_empty()
    }

    /// Whether a path below the folder is ignored; one inside an ignored folder is not asked for.
    pub(super) fn contains(&self, path: &Path, is_folder: bool) -> bool {
        self.rules.matched(path, is_folder).is_ignore()
    }
}
