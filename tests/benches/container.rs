//! The smallest container that there can be: `runc`, a root folder made of the machine's own,
//! and a program that does nothing.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::place::Place;

/// What of the machine a program needs to run.
const SYSTEM: [&str; 4] = ["/bin", "/lib", "/lib64", "/usr"];

/// A bundle (OCI runtime specification) that can be run again and again.
pub struct Container {
    bundle: TempDir,
}

impl Container {
    /// Makes the bundle and runs it once.
    ///
    /// # Errors
    /// In words why there is nothing to be measured on this machine.
    pub fn new(place: &Place) -> Result<Self, String> {
        if Command::new("runc").arg("--version").output().is_err() {
            return Err("`runc` is not on this machine".to_owned());
        }
        let made = Self::make(place).and_then(|container| {
            container.run()?;
            Ok(container)
        });
        made.map_err(|error| format!("`runc` runs nothing here: {error:#}"))
    }

    fn make(place: &Place) -> Result<Self> {
        let bundle = place.folder()?;
        let path = bundle.path();
        let root = path.join("rootfs");
        std::fs::create_dir(&root)?;
        let spec = Command::new("runc")
            .arg("spec")
            .current_dir(path)
            .output()?;
        ensure!(
            spec.status.success(),
            "`runc spec` ended with {}",
            spec.status
        );
        let file = path.join("config.json");
        let mut config: Value = serde_json::from_slice(&std::fs::read(&file)?)?;
        let process = config
            .get_mut("process")
            .context("a bundle has a process")?;
        let process = process.as_object_mut().context("which is an object")?;
        process.insert("terminal".into(), json!(false));
        process.insert("args".into(), json!(["/bin/true"]));
        let mounts = config.get_mut("mounts").and_then(Value::as_array_mut);
        let mounts = mounts.context("a bundle has mounts")?;
        for folder in SYSTEM
            .into_iter()
            .filter(|folder| Path::new(folder).is_dir())
        {
            std::fs::create_dir(root.join(folder.trim_start_matches('/')))?;
            mounts.push(json!({
                "destination": folder,
                "source": std::fs::canonicalize(folder)?,
                "type": "bind",
                "options": ["rbind", "ro"],
            }));
        }
        std::fs::write(&file, serde_json::to_vec(&config)?)?;
        Ok(Self { bundle })
    }

    /// Runs it to its end.
    pub fn run(&self) -> Result<()> {
        let name = format!("stagewright-bench-{}", std::process::id());
        let output = Command::new("runc")
            .args(["run", &name])
            .current_dir(self.bundle.path())
            .stdin(Stdio::null())
            .output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{}: {said}", output.status);
        Ok(())
    }
}
