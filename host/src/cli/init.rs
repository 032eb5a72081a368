//! `init`: a first environment file to go on from.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::Path;

use anyhow::{Context, Result, bail};
use stagewright_pipeline::environment;

use super::arguments::Init;
use super::{Exit, print};

/// What a new file says. `NAME` is replaced.
const TEMPLATE: &str = include_str!("init/stagewright.yaml");

pub(crate) fn run(init: &Init) -> Result<Exit> {
    let name = match &init.name {
        Some(name) => name.clone(),
        None => name_of_folder(&init.file)?,
    };
    let text = TEMPLATE.replace("NAME", &name);
    environment::read(&init.file.display().to_string(), &text)
        .with_context(|| format!("`{name}` cannot name an environment; choose one with --name"))?;
    let mut file = match OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&init.file)
    {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            bail!(
                "{} is there already; nothing was changed",
                init.file.display()
            );
        }
        Err(error) => {
            return Err(error).with_context(|| format!("cannot write {}", init.file.display()));
        }
    };
    file.write_all(text.as_bytes())?;
    print::line(&format!(
        "wrote {}; say what to deploy in it, then try `stagewright plan`",
        init.file.display()
    ))?;
    Ok(Exit::Success)
}

/// The name of the file's folder, made into a name of an environment.
fn name_of_folder(file: &Path) -> Result<String> {
    let folder = file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new(".")).canonicalize()?;
    let name = folder
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .to_lowercase();
    let name: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .take(63)
        .collect();
    Ok(match name.trim_matches('-') {
        "" => "environment".to_owned(),
        name => name.to_owned(),
    })
}
