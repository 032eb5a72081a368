//! A fresh installation in a temporary folder, and the program run in it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// The program under test.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_stagewright-under-test");

/// A state folder and a folder for environment files. Whatever was deployed is destroyed
/// with it.
pub struct Installation {
    folder: TempDir,
    program: &'static str,
}

/// How a run of the program ended.
pub struct Run {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Installation {
    pub fn new() -> Self {
        Self::inside(&std::env::temp_dir())
    }

    /// One whose folders are on the file system of this one.
    pub fn inside(parent: &Path) -> Self {
        let folder = tempfile::tempdir_in(parent).unwrap();
        std::fs::create_dir(folder.path().join("project")).unwrap();
        Self {
            folder,
            program: PROGRAM,
        }
    }

    /// Runs another program from now on.
    pub fn run_by(mut self, program: &'static str) -> Self {
        self.program = program;
        self
    }

    /// Where environment files and sources are written.
    pub fn project(&self) -> PathBuf {
        self.folder.path().join("project")
    }

    pub fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// Writes a file of the project, with the folders above it.
    pub fn write(&self, path: &str, text: &str) -> PathBuf {
        let path = self.project().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Writes the operator's configuration.
    pub fn configure(&self, text: &str) {
        let folder = self.folder.path().join("config/stagewright");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("config.yaml"), text).unwrap();
    }

    /// The program, to be run in the project's folder.
    pub fn command(&self, arguments: &[&str]) -> Command {
        self.command_of(self.program, arguments)
    }

    /// Another program, which runs the program under test.
    pub fn command_of(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(self.project())
            .env("STAGEWRIGHT_HOME", self.state())
            .env("XDG_CONFIG_HOME", self.folder.path().join("config"))
            .env_remove("STAGEWRIGHT_CONFIG")
            .stdin(Stdio::null());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Run {
        self.command(arguments).output().unwrap().into()
    }

    /// Runs the program and expects exit code 0.
    pub fn succeed(&self, arguments: &[&str]) -> Run {
        let run = self.run(arguments);
        assert_eq!(run.code, Some(0), "{arguments:?}\n{run}");
        run
    }
}

impl Drop for Installation {
    fn drop(&mut self) {
        let environments = std::fs::read_dir(self.state().join("locks"));
        for environment in environments.into_iter().flatten().flatten() {
            let name = environment.file_name();
            let ended = self
                .command(&["destroy", "--yes", "--data", &name.to_string_lossy()])
                .output();
            if !std::thread::panicking() {
                let run = Run::from(ended.unwrap());
                assert_eq!(run.code, Some(0), "destroy at the end\n{run}");
            }
        }
    }
}

impl Run {
    /// The events or objects of a run with `--output json`.
    pub fn json(&self) -> Vec<Value> {
        let objects = self.stdout.lines().map(serde_json::from_str);
        objects
            .collect::<Result<_, _>>()
            .unwrap_or_else(|error| panic!("{error}\n{self}"))
    }
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl std::fmt::Display for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            code,
            stdout,
            stderr,
        } = self;
        write!(
            f,
            "code {code:?}\n--- stdout\n{stdout}\n--- stderr\n{stderr}"
        )
    }
}

/// Copies a folder.
pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            if entry.file_name() != "target" {
                copy(&entry.path(), &target);
            }
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
