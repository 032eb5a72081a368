//! Where measurements are made: folders on one file system, and the program itself.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

/// The program, built with this bench.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_stagewright-under-test");

/// A folder that is gone when the run is over.
pub struct Place {
    root: TempDir,
}

/// An installation of its own: a state folder and a folder for an environment file. What was
/// deployed in it is destroyed with it.
pub struct Installation {
    folder: TempDir,
}

impl Place {
    /// Below this folder, which is made where it is not there.
    pub fn below(folder: &Path) -> Result<Self> {
        let made = std::fs::create_dir_all(folder)
            .and_then(|()| tempfile::Builder::new().prefix("bench").tempdir_in(folder));
        let root = made.with_context(|| folder.display().to_string())?;
        Ok(Self { root })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.root.path()
    }

    /// A new folder in it.
    pub fn folder(&self) -> Result<TempDir> {
        Ok(tempfile::tempdir_in(self.root.path())?)
    }

    /// A new installation in it.
    pub fn installation(&self) -> Result<Installation> {
        let folder = self.folder()?;
        std::fs::create_dir(folder.path().join("project"))?;
        Ok(Installation { folder })
    }
}

impl Installation {
    /// Where environment files and sources are written.
    pub fn project(&self) -> PathBuf {
        self.folder.path().join("project")
    }

    /// The state folder.
    pub fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// Writes a file of the project, with the folders above it.
    pub fn write(&self, path: &str, content: &[u8]) -> Result<PathBuf> {
        let path = self.project().join(path);
        std::fs::create_dir_all(path.parent().context("a file has a folder")?)?;
        std::fs::write(&path, content)?;
        Ok(path)
    }

    /// The program, to be run in the project's folder.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command
            .args(arguments)
            .current_dir(self.project())
            .env("STAGEWRIGHT_HOME", self.state())
            .env("XDG_CONFIG_HOME", self.folder.path().join("config"))
            .env_remove("STAGEWRIGHT_CONFIG")
            .stdin(Stdio::null());
        command
    }

    /// Runs the program to its end, which is to be success; the answer is what it printed.
    pub fn run(&self, arguments: &[&str]) -> Result<String> {
        let output = self.command(arguments).output()?;
        let (stdout, stderr) = (
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
        ensure!(
            output.status.success(),
            "{arguments:?} ended with {}: {stdout}{stderr}",
            output.status
        );
        Ok(stdout.into_owned())
    }
}

impl Drop for Installation {
    fn drop(&mut self) {
        let environments = std::fs::read_dir(self.state().join("locks"));
        for environment in environments.into_iter().flatten().flatten() {
            let name = environment.file_name();
            let name = name.to_string_lossy();
            if let Err(error) = self.run(&["destroy", "--yes", "--data", &name]) {
                // Nothing more can be done here, and no measurement is wrong for it.
                let _ = std::io::Write::write_fmt(
                    &mut std::io::stderr(),
                    format_args!("{name} is left behind: {error:#}\n"),
                );
            }
        }
    }
}
