//! The second cargo: what it is asked, and what it is asked with.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::compiler::TARGET;
use crate::environment::scrubbed;
use crate::standard_library::Toolchain;

/// A package of the workspace, as cargo tells of it.
#[derive(Deserialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) manifest_path: PathBuf,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    crate_types: Vec<String>,
}

/// The workspace that the guests belong to.
#[derive(Deserialize)]
pub(crate) struct Workspace {
    pub(crate) workspace_root: PathBuf,
    pub(crate) packages: Vec<Package>,
}

impl Package {
    /// The file name of its component, without the extension; none when it is no guest.
    pub(crate) fn library(&self) -> Option<&str> {
        let guest = |target: &&Target| target.crate_types.iter().any(|kind| kind == "cdylib");
        self.targets
            .iter()
            .find(guest)
            .map(|target| target.name.as_str())
    }
}

/// Asks for the workspace that a folder is in.
pub(crate) fn workspace(folder: &Path) -> Result<Workspace> {
    let mut cargo = cargo();
    cargo
        .args(["metadata", "--no-deps", "--format-version=1"])
        .current_dir(folder);
    let output = finished(&mut cargo)?;
    serde_json::from_slice(&output.stdout).context("what cargo tells of the workspace")
}

/// Compiles guests. Their components are in the folder that this answers with.
pub(crate) fn build(
    workspace: &Path,
    packages: &[&str],
    toolchain: &Toolchain,
    target_folder: &Path,
) -> Result<PathBuf> {
    let mut cargo = cargo();
    cargo
        .args(["build", "--locked", "--profile=guest", "--target", TARGET])
        .arg("--target-dir")
        .arg(target_folder)
        .current_dir(workspace)
        .env("RUSTC", &toolchain.compiler.program)
        .env(
            "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER",
            &toolchain.linker,
        )
        .env("PATH", search_path(&toolchain.linker)?)
        .env("CARGO_ENCODED_RUSTFLAGS", flags(workspace, toolchain)?);
    for package in packages {
        cargo.args(["--package", package]);
    }
    finished(&mut cargo)?;
    Ok(target_folder.join(TARGET).join("guest"))
}

/// The outer build's path, and at its end the folder in which the linker for components finds
/// the one for modules. A compiler knows that of its own toolchain, not of another.
fn search_path(linker: &Path) -> Result<OsString> {
    let path = std::env::var_os("PATH").context("PATH is not set")?;
    let beside = linker.parent().map(|folder| folder.join("gcc-ld"));
    std::env::join_paths(std::env::split_paths(&path).chain(beside)).context("the linker's folder")
}

/// The flags for guests, separated as cargo wants them: where the standard library is, and
/// names instead of this machine's paths, so that the same sources make the same bytes in every
/// folder.
fn flags(workspace: &Path, toolchain: &Toolchain) -> Result<OsString> {
    let mut flags = OsString::new();
    let mut push = |parts: [&std::ffi::OsStr; 2]| {
        if !flags.is_empty() {
            flags.push("\u{1f}");
        }
        parts.into_iter().for_each(|part| flags.push(part));
    };
    if let Some(sysroot) = &toolchain.sysroot {
        push(["--sysroot=".as_ref(), sysroot.as_os_str()]);
    }
    let mut remap = |path: &Path, name: &str| {
        let mut pair = path.as_os_str().to_owned();
        pair.push("=");
        pair.push(name);
        push(["--remap-path-prefix=".as_ref(), &pair]);
    };
    remap(workspace, "/guest");
    for registry in registries()? {
        remap(&registry, "/registry");
    }
    Ok(flags)
}

/// The folders that cargo unpacks crates into, one for each registry.
fn registries() -> Result<BTreeSet<PathBuf>> {
    let home = match std::env::var_os("CARGO_HOME") {
        Some(home) => PathBuf::from(home),
        None => {
            let home = std::env::var_os("HOME").context("neither CARGO_HOME nor HOME is set")?;
            Path::new(&home).join(".cargo")
        }
    };
    let Ok(folders) = home.join("registry").join("src").read_dir() else {
        return Ok(BTreeSet::new());
    };
    Ok(folders.flatten().map(|folder| folder.path()).collect())
}

fn cargo() -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = scrubbed(program, std::env::vars_os());
    command.stdin(Stdio::null());
    command
}

/// Runs to the end; what it said is the error when that was not a good one.
fn finished(command: &mut Command) -> Result<Output> {
    let output = command.output().context("cargo cannot be started")?;
    if output.status.success() {
        return Ok(output);
    }
    let arguments: Vec<_> = command.get_args().map(|it| it.to_string_lossy()).collect();
    bail!(
        "cargo {} ended with {}:\n{}",
        arguments.join(" "),
        output.status,
        String::from_utf8_lossy(&output.stderr)
    )
}
