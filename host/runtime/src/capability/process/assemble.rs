//! From a launch to a program: which file, which arguments, which environment.
//!
//! The environment is made from nothing. Later entries win over earlier ones: what the host
//! passes on, what the image says, what the launch says, and last what Stagewright promises.

use std::collections::BTreeMap;
use std::path::Path;

use super::error::Error;
use super::launch::{ImageDefaults, Launch, Value};
use super::lost::MARK;
use super::program;
use super::protocol::Program;
use super::record::Layout;

/// What is the same for all releases of a service.
#[derive(Debug)]
pub(super) struct Surroundings<'a> {
    /// Name of the environment.
    pub(super) environment: &'a str,
    /// Name of the service.
    pub(super) service: &'a str,
    /// Its data folder, which outlives releases.
    pub(super) data: &'a Path,
    /// The variables of this machine that may pass.
    pub(super) passed: &'a [(String, String)],
}

/// Resolves everything that a launch leaves open.
pub(super) fn assemble(
    launch: &Launch,
    image: &ImageDefaults,
    layout: &Layout,
    around: &Surroundings<'_>,
) -> Result<Program, Error> {
    let argv = match launch.argv.as_slice() {
        [] => image.argv.clone(),
        given => given.to_vec(),
    };
    let Some(word) = argv.first() else {
        return Err(Error::Invalid(
            "neither the launch nor the image says what to run".to_owned(),
        ));
    };
    if argv.iter().any(|word| word.contains('\0')) {
        return Err(Error::Invalid(
            "a word of the command contains NUL".to_owned(),
        ));
    }
    let environment = environment(launch, image, layout, around)?;
    let path = environment.get("PATH").map_or("", String::as_str);
    let directory = match launch.working_directory.as_str() {
        "" => image.working_directory.as_str(),
        given => given,
    };
    let root = layout.root();
    Ok(Program {
        path: program::resolve_in_release(word, path, &root, directory)?,
        directory: program::directory_in_release(&root, directory)?,
        argv,
        environment: environment.into_iter().collect(),
        listeners: sockets(launch).map(|port| port.name.clone()).collect(),
    })
}

/// The ports that the shim listens on.
pub(super) fn sockets(launch: &Launch) -> impl Iterator<Item = &super::launch::Port> {
    launch
        .ports
        .iter()
        .filter(|port| launch.socket_activation && port.protocol == "tcp")
}

fn environment(
    launch: &Launch,
    image: &ImageDefaults,
    layout: &Layout,
    around: &Surroundings<'_>,
) -> Result<BTreeMap<String, String>, Error> {
    let mut all: BTreeMap<String, String> = program::for_releases(around.passed).collect();
    all.insert("HOME".to_owned(), text(around.data)?);
    all.insert("TMPDIR".to_owned(), text(&layout.scratch())?);
    all.extend(image.environment.iter().cloned());
    for variable in &launch.variables {
        let value = match &variable.value {
            Value::Text(text) => text,
            Value::Secret { name, value } => {
                value.reveal().ok_or_else(|| Error::SecretMissing {
                    variable: variable.name.clone(),
                    secret: name.clone(),
                })?
            }
        };
        all.insert(variable.name.clone(), value.to_owned());
    }
    for (name, value) in [
        ("STAGEWRIGHT_ENVIRONMENT", around.environment.to_owned()),
        ("STAGEWRIGHT_SERVICE", around.service.to_owned()),
        ("STAGEWRIGHT_REASON", launch.reason.clone()),
        ("STAGEWRIGHT_DATA", text(around.data)?),
        ("STAGEWRIGHT_OUTPUT", text(&layout.outputs())?),
        (MARK, text(layout.folder())?),
    ] {
        all.insert(name.to_owned(), value);
    }
    check(&all)?;
    Ok(all)
}

/// Names and values that no environment can hold are told here, where the name is known.
pub(super) fn check<'a>(
    variables: impl IntoIterator<Item = (&'a String, &'a String)>,
) -> Result<(), Error> {
    for (name, value) in variables {
        if name.is_empty() || name.contains(['=', '\0']) {
            return Err(Error::Invalid(format!(
                "`{}` cannot be the name of a variable",
                name.escape_default()
            )));
        }
        if value.contains('\0') {
            return Err(Error::Invalid(format!(
                "the variable `{name}` contains NUL"
            )));
        }
    }
    Ok(())
}

fn text(path: &Path) -> Result<String, Error> {
    path.to_str()
        .map(str::to_owned)
        .ok_or_else(|| Error::Invalid(format!("the path {} is not UTF-8", path.display())))
}

#[cfg(test)]
mod tests;
