//! Which file a command means, and which variables of the host programs may see.

use std::ffi::OsString;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, CWD, Mode, OFlags, ResolveFlags, open, openat2};

use super::error::Error;

/// The variables of the host's own environment that build commands see.
pub const PASS_THROUGH: &[&str] = &[
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "TZ",
    "CARGO_HOME",
    "RUSTUP_HOME",
    "RUSTUP_TOOLCHAIN",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
];

/// Those of them that releases see: they get a home and a scratch folder of their own.
const RELEASE_PASS_THROUGH: &[&str] = &["PATH", "LANG", "LC_ALL", "TZ"];

/// Picks [`PASS_THROUGH`] out of an environment. What is not UTF-8 is left out.
pub fn pass_through(
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> Vec<(String, String)> {
    environment
        .into_iter()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| PASS_THROUGH.contains(&name.as_str()))
        .collect()
}

/// Picks what releases see out of what was picked for builds.
pub(super) fn for_releases(
    passed: &[(String, String)],
) -> impl Iterator<Item = (String, String)> + '_ {
    passed
        .iter()
        .filter(|(name, _)| RELEASE_PASS_THROUGH.contains(&name.as_str()))
        .cloned()
}

/// The file that the first word of a build command means: a path (relative to `directory`)
/// when it has a `/`, else the first executable file of that name in `path`, a list as in
/// `PATH`.
///
/// # Errors
/// [`Error::ProgramNotFound`], or [`Error::ProgramRefused`] when what was found is not
/// executable.
pub fn resolve_program(program: &str, path: &str, directory: &Path) -> Result<PathBuf, Error> {
    check_word(program)?;
    if program.contains('/') {
        let file = directory.join(program);
        return executable(program, file, || format!("in {}", directory.display()));
    }
    let mut refused = None;
    for folder in path.split(':').filter(|folder| folder.starts_with('/')) {
        match executable(program, Path::new(folder).join(program), String::new) {
            Ok(file) => return Ok(file),
            Err(error @ Error::ProgramRefused { .. }) => refused = Some(error),
            Err(_) => {}
        }
    }
    Err(refused.unwrap_or_else(|| Error::ProgramNotFound {
        program: program.to_owned(),
        place: format!("in PATH ({path})"),
    }))
}

/// The file that the first word of a release's command means. Absolute: a file of the
/// release, with links resolved as if its root were `/`. Relative with a `/`: from the
/// working directory, in the release. Else a program of this machine.
pub(super) fn resolve_in_release(
    program: &str,
    path: &str,
    root: &Path,
    working_directory: &str,
) -> Result<PathBuf, Error> {
    check_word(program)?;
    let inside = if program.starts_with('/') {
        program.to_owned()
    } else if program.contains('/') {
        format!("{working_directory}/{program}")
    } else {
        return resolve_program(program, path, root);
    };
    let file = within(root, &inside).map_err(|_| Error::ProgramNotFound {
        program: program.to_owned(),
        place: "in the release".to_owned(),
    })?;
    executable(program, file, || "in the release".to_owned())
}

/// The folder of the release that a program starts in; empty means the root.
pub(super) fn directory_in_release(root: &Path, directory: &str) -> Result<PathBuf, Error> {
    let found = within(root, if directory.is_empty() { "/" } else { directory })
        .map_err(Error::io("find in the release the folder", directory))?;
    if found.is_dir() {
        Ok(found)
    } else {
        Err(Error::Invalid(format!(
            "the working directory `{directory}` is not a folder of the release"
        )))
    }
}

/// Where a path leads when `root` is taken for `/`, so that no `..` and no link leaves it.
fn within(root: &Path, path: &str) -> std::io::Result<PathBuf> {
    let folder = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = open(root, folder, Mode::empty())?;
    let file = openat2(
        &root,
        path,
        OFlags::PATH | OFlags::CLOEXEC,
        Mode::empty(),
        ResolveFlags::IN_ROOT,
    )?;
    std::fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

fn executable(
    program: &str,
    file: PathBuf,
    place: impl FnOnce() -> String,
) -> Result<PathBuf, Error> {
    match file.metadata() {
        Ok(data) if data.is_file() => {}
        Ok(_) => {
            return Err(Error::ProgramRefused {
                program: program.to_owned(),
                cause: "it is not a file".to_owned(),
            });
        }
        Err(_) => {
            return Err(Error::ProgramNotFound {
                program: program.to_owned(),
                place: place(),
            });
        }
    }
    match rustix::fs::accessat(CWD, &file, Access::EXEC_OK, rustix::fs::AtFlags::EACCESS) {
        Ok(()) => Ok(file),
        Err(error) => Err(Error::ProgramRefused {
            program: program.to_owned(),
            cause: format!("it is not executable ({error})"),
        }),
    }
}

fn check_word(program: &str) -> Result<(), Error> {
    if program.is_empty() || program.contains('\0') {
        return Err(Error::Invalid("the command names no program".to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
