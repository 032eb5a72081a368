//! A gate that builds and programs of a test wait at, until the test lets some of them through.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

use crate::installation::Installation;

/// A fifo, from which everyone who passes takes one line. Whoever comes before it is opened
/// waits.
pub struct Gate {
    path: PathBuf,
    file: Option<File>,
}

impl Gate {
    pub fn new(installation: &Installation, name: &str) -> Self {
        let path = installation.project().join(name);
        let made = Command::new("mkfifo").arg(&path).status().unwrap();
        assert!(made.success(), "mkfifo {}", path.display());
        Self { path, file: None }
    }

    pub fn path(&self) -> String {
        self.path.display().to_string()
    }

    /// A build step that waits at the gate.
    pub fn step(&self) -> String {
        format!(r#"[sh, -c, "read -r _ < {}"]"#, self.path.display())
    }

    /// Lets so many through, those who wait and those who come later.
    pub fn admit(&mut self, passes: usize) {
        let path = &self.path;
        // Open for reading, too, a fifo keeps what is written to it while nobody waits.
        let open = || OpenOptions::new().read(true).write(true).open(path);
        let file = self.file.get_or_insert_with(|| open().unwrap());
        file.write_all("\n".repeat(passes).as_bytes()).unwrap();
    }
}
