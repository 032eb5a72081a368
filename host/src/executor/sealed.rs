//! Sensitive outputs of jobs: kept beside the journal in a file that only this user can read,
//! never in it. What the journal gets in their place is an empty value.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use stagewright_pipeline::{Failure, Output};
use stagewright_runtime::SecretText;
use stagewright_runtime::record;

use super::attempt::outputs;
use crate::home::private_folder;

/// Values by job and output.
type Values = BTreeMap<String, BTreeMap<String, String>>;

/// The sensitive outputs of one environment.
pub(super) struct Sealed {
    path: PathBuf,
    /// Two jobs may end at once.
    turn: Mutex<()>,
}

impl Sealed {
    pub(super) fn new(path: PathBuf) -> Self {
        Self {
            path,
            turn: Mutex::new(()),
        }
    }

    /// Keeps the sensitive ones of a job's outputs; the answer is what may be written down.
    pub(super) fn keep(
        &self,
        job: &str,
        given: Vec<record::Output>,
    ) -> Result<Vec<Output>, Failure> {
        let mut shown = outputs(given);
        let hidden: BTreeMap<String, String> = shown
            .iter_mut()
            .filter(|output| output.sensitive)
            .map(|output| (output.name.clone(), std::mem::take(&mut output.value)))
            .collect();
        if !hidden.is_empty() {
            self.change(|values| {
                values.insert(job.to_owned(), hidden);
            })?;
        }
        Ok(shown)
    }

    /// Forgets what a job answered.
    pub(super) fn forget(&self, job: &str) -> Result<(), Failure> {
        if !self.path.exists() {
            return Ok(());
        }
        self.change(|values| {
            values.remove(job);
        })
    }

    /// The value of a sensitive output.
    pub(super) fn value(&self, job: &str, output: &str) -> Result<Option<SecretText>, Failure> {
        let values = self.read()?;
        let value = values.get(job).and_then(|outputs| outputs.get(output));
        Ok(value.map(|value| SecretText::new(value.as_str())))
    }

    /// All values: what must never be written.
    pub(super) fn values(&self) -> Result<Vec<String>, Failure> {
        Ok(self
            .read()?
            .into_values()
            .flat_map(BTreeMap::into_values)
            .collect())
    }

    fn change(&self, change: impl FnOnce(&mut Values)) -> Result<(), Failure> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let mut values = self.read()?;
        change(&mut values);
        self.write(&values)
            .map_err(|error| self.failed("written", &error))
    }

    fn read(&self) -> Result<Values, Failure> {
        let text = match std::fs::read(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Values::new()),
            Err(error) => return Err(self.failed("read", &error)),
        };
        // An error of the reader could quote a value, so it is not passed on.
        serde_json::from_slice(&text).map_err(|_| self.failed("read", &"it is damaged"))
    }

    /// A new file in place of the old one, so that a crash leaves one of the two.
    fn write(&self, values: &Values) -> anyhow::Result<()> {
        if let Some(folder) = self.path.parent() {
            private_folder(folder)?;
        }
        let fresh = self.path.with_extension("new");
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&fresh)?;
        file.write_all(&serde_json::to_vec(values)?)?;
        file.sync_all()?;
        std::fs::rename(&fresh, &self.path)?;
        if let Some(folder) = self.path.parent() {
            File::open(folder)?.sync_all()?;
        }
        Ok(())
    }

    fn failed(&self, what: &str, why: &dyn std::fmt::Display) -> Failure {
        let path = self.path.display();
        Failure::new("outputs.sealed", format!("{path} cannot be {what}: {why}"))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn output(name: &str, value: &str, sensitive: bool) -> record::Output {
        record::Output {
            name: name.into(),
            value: value.into(),
            sensitive,
        }
    }

    #[test]
    fn sensitive_outputs_are_kept_and_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sealed/shop.json");
        let sealed = Sealed::new(path.clone());
        let shown = sealed
            .keep(
                "migrate",
                vec![
                    output("version", "3", false),
                    output("token", "t0ken", true),
                ],
            )
            .unwrap();
        assert_eq!(
            shown.iter().map(|o| o.value.as_str()).collect::<Vec<_>>(),
            ["3", ""]
        );
        let sealed = Sealed::new(path.clone());
        assert_eq!(
            sealed.value("migrate", "token").unwrap().unwrap().expose(),
            "t0ken"
        );
        assert_eq!(sealed.value("migrate", "version").unwrap(), None);
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        sealed.forget("migrate").unwrap();
        assert_eq!(sealed.value("migrate", "token").unwrap(), None);
    }
}
