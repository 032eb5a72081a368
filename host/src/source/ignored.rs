//! What of a source is not source: `.git` always, and what the service's list names.

use std::{
    io::{self, BufRead, BufReader},
    path::Path,
};

use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::{SourceError, content::open};

/// The list, in the folder that the service's `path` names; it has the syntax of `.gitignore`.
pub(super) const FILE_NAME: &str = ".stagewrightignore";
/// More bytes than any such list has.
const MAX_LINES: usize = 10_000;

/// Says what is ignored below one folder.
pub(super) struct Ignored {
    rules: Gitignore,
}

impl Ignored {
    /// No rules, for what is below a folder.
    pub(super) fn nothing() -> Self {
        let rules = Gitignore::empty();
        Self { rules }
    }

    /// The rules of a folder; none but the built-in one when it has no list.
    pub(super) fn read(folder: &Path) -> Result<Self, SourceError> {
        let path = folder.join(FILE_NAME);
        let name = path.display().to_string();
        match open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::nothing()),
            Err(error) if is_link(&path) => Err(SourceError::InvalidIgnoreFile {
                file: name,
                reason: format!("it is a link, which is not followed ({error})"),
            }),
            Err(error) => Err(SourceError::InvalidIgnoreFile {
                file: name,
                reason: error.to_string(),
            }),
            Ok(file) => Self::parse(folder, &name, BufReader::new(file)),
        }
    }

    /// The rules in a list, for what is below a folder. Errors call the list `name`.
    pub(super) fn parse(
        folder: &Path,
        name: &str,
        list: impl BufRead,
    ) -> Result<Self, SourceError> {
        let invalid = |reason: String| SourceError::InvalidIgnoreFile {
            file: name.to_owned(),
            reason,
        };
        let mut builder = GitignoreBuilder::new(folder);
        for (number, line) in (1..).zip(list.lines()) {
            let line = line.map_err(|error| invalid(error.to_string()))?;
            if number > MAX_LINES {
                return Err(invalid(format!("it has more than {MAX_LINES} lines")));
            }
            builder
                .add_line(None, &line)
                .map_err(|error| invalid(format!("line {number}: {error}")))?;
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

fn is_link(path: &Path) -> bool {
    path.symlink_metadata()
        .is_ok_and(|found| found.is_symlink())
}
