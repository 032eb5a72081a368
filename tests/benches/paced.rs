//! An environment whose steps take a set time: services of the `pacer` deployer.

use std::fmt::Write;

use anyhow::Result;

use crate::guest;
use crate::place::Installation;

/// Adds an environment of that name with one service for each number of milliseconds, in one
/// stage, and deploys it; its steps take their time when it is started, stopped or restarted.
pub fn deploy(installation: &Installation, name: &str, milliseconds: &[u64]) -> Result<String> {
    let mut file = format!("name: {name}\nservices:\n");
    for (at, time) in milliseconds.iter().enumerate() {
        write!(
            file,
            "  s{at}:\n    type: application\n    source: {{ path: files }}\n    \
             build: {{ plugin: \"builtin:static\", with: {{ target: /files }} }}\n    \
             deploy: {{ plugin: ./pacer.wasm, with: {{ milliseconds: {time} }} }}\n"
        )?;
    }
    let file_name = format!("{name}.yaml");
    installation.write("files/file", b"a file")?;
    installation.write("pacer.wasm", guest::pacer()?)?;
    installation.write(&file_name, file.as_bytes())?;
    installation.run(&["deploy", &file_name])?;
    Ok(file_name)
}
