//! The standard library that guests are compiled with.
//!
//! Most machines have it or get it from rustup. For those that reach neither rustup's servers
//! nor have the target there are two recipes over Debian's packages, which need no root and
//! leave the system as it is: what they make is kept in the user's cache folder, by the commit
//! of the compiler that it belongs to.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, bail, ensure};

use crate::compiler::{Compiler, LINKER, TARGET, has_standard_library};
use crate::environment::scrubbed;

/// Names a single way to try, for tests and for those who know better.
pub(crate) const CHOICE: &str = "STAGEWRIGHT_WASM_STD";

/// A compiler and what it takes to compile guests with it.
pub(crate) struct Toolchain {
    pub(crate) compiler: Compiler,
    /// Where the standard library is, unless the compiler finds it by itself.
    pub(crate) sysroot: Option<PathBuf>,
    /// What links guests: beside this compiler or that of the outer build, else by name.
    pub(crate) linker: PathBuf,
    /// For people: how it was found.
    pub(crate) told: String,
}

/// The ways to get a standard library, in the order in which they are tried.
const WAYS: [Way; 4] = [
    Way {
        name: "installed",
        get: installed,
    },
    Way {
        name: "rustup",
        get: from_rustup,
    },
    Way {
        name: "debian-source",
        get: from_debian_source,
    },
    Way {
        name: "debian-pair",
        get: from_debian_pair,
    },
];

struct Way {
    name: &'static str,
    get: fn(&Compiler) -> Result<Found>,
}

/// What a way has found.
struct Found {
    /// None: the compiler's own.
    sysroot: Option<PathBuf>,
    /// Another compiler than that of the outer build.
    compiler: Option<PathBuf>,
    told: String,
}

/// Finds or makes a standard library for the compiler of this build.
pub(crate) fn find() -> Result<Toolchain> {
    let compiler = Compiler::of_this_build()?;
    let choice = std::env::var(CHOICE).ok();
    let mut tried = Vec::new();
    for way in &WAYS {
        if choice.as_deref().is_some_and(|choice| choice != way.name) {
            continue;
        }
        match (way.get)(&compiler) {
            Ok(found) => {
                let outer = compiler.linker();
                let compiler = match found.compiler {
                    Some(program) => Compiler::ask(program.into())?,
                    None => compiler,
                };
                return Ok(Toolchain {
                    linker: compiler.linker().or(outer).unwrap_or_else(|| LINKER.into()),
                    compiler,
                    sysroot: found.sysroot,
                    told: found.told,
                });
            }
            Err(error) => tried.push(format!("  {}: {error:#}", way.name)),
        }
    }
    if tried.is_empty() {
        let names: Vec<&str> = WAYS.iter().map(|way| way.name).collect();
        bail!(
            "{CHOICE} names no way that there is; they are {}",
            names.join(", ")
        );
    }
    bail!(
        "rustc {} has no standard library for {TARGET}, which plugins are compiled for. Tried:\n\
         {}\n\
         Install the target (`rustup target add {TARGET}`, or your distribution's package for \
         it), or let this machine reach rustup's servers or a Debian mirror.",
        compiler.release,
        tried.join("\n")
    )
}

fn installed(compiler: &Compiler) -> Result<Found> {
    ensure!(
        has_standard_library(&compiler.sysroot),
        "the target is not installed"
    );
    Ok(Found {
        sysroot: None,
        compiler: None,
        told: format!(
            "the installed target {TARGET} of rustc {}",
            compiler.release
        ),
    })
}

fn from_rustup(compiler: &Compiler) -> Result<Found> {
    let mut rustup = scrubbed("rustup", std::env::vars_os());
    let output = rustup
        .args(["target", "add", TARGET])
        .stdin(Stdio::null())
        .output()
        .context("rustup cannot be started")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{}", last_lines(&said));
    ensure!(
        has_standard_library(&compiler.sysroot),
        "rustup added the target to another toolchain than that of {}",
        compiler.program.display()
    );
    Ok(Found {
        sysroot: None,
        compiler: None,
        told: format!("the target {TARGET}, added by rustup"),
    })
}

fn from_debian_source(compiler: &Compiler) -> Result<Found> {
    let folder = cache()?.join(&compiler.commit);
    let script = include_str!("../wasm-std.sh");
    made_once(&folder, script, compiler)?;
    Ok(Found {
        told: format!("one made from Debian's rust-src {}", compiler.release),
        sysroot: Some(folder),
        compiler: None,
    })
}

fn from_debian_pair(compiler: &Compiler) -> Result<Found> {
    let folder = cache()?.join("debian-pair");
    let script = include_str!("../wasm-pair.sh");
    made_once(&folder, script, compiler)?;
    let pair = Compiler::ask(folder.join("rustc").into())?;
    Ok(Found {
        told: format!(
            "Debian's rustc-web {} and one made from its source",
            pair.release
        ),
        compiler: Some(folder.join("rustc")),
        sysroot: Some(folder),
    })
}

/// `stagewright/wasm-std` in the user's cache folder.
fn cache() -> Result<PathBuf> {
    let cache = match std::env::var_os("XDG_CACHE_HOME").filter(|path| !path.is_empty()) {
        Some(folder) => PathBuf::from(folder),
        None => {
            let home = std::env::var_os("HOME").context("HOME is not set")?;
            Path::new(&home).join(".cache")
        }
    };
    Ok(cache.join("stagewright").join("wasm-std"))
}

/// Runs a script that makes a folder a sysroot, unless that has been done. Two builds that want the same
/// folder do it one after the other, and a folder of this name is always a whole one.
fn made_once(folder: &Path, script: &str, compiler: &Compiler) -> Result<()> {
    let above = folder.parent().context("a cache folder is in a folder")?;
    fs::create_dir_all(above)?;
    let lock = File::create(folder.with_extension("lock"))?;
    lock.lock()?;
    if folder.exists() {
        return Ok(());
    }
    let half = folder.with_extension("half");
    if half.exists() {
        fs::remove_dir_all(&half)?;
    }
    run(script, &half, compiler)?;
    ensure!(
        has_standard_library(&half),
        "what was made holds no standard library"
    );
    fs::rename(&half, folder)
        .with_context(|| format!("{} cannot be put in its place", folder.display()))
}

/// Runs a script with the folder to fill as its argument.
fn run(script: &str, folder: &Path, compiler: &Compiler) -> Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut child = scrubbed("bash", std::env::vars_os())
        .args(["-s", "--"])
        .arg(folder)
        .env("RUSTC", &compiler.program)
        .env("RELEASE", &compiler.release)
        .env("COMMIT", &compiler.commit)
        .env("CARGO", cargo)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .context("bash cannot be started")?;
    // Written whole before it is read from: a script is shorter than a pipe is wide.
    child
        .stdin
        .take()
        .context("bash has no standard input")?
        .write_all(script.as_bytes())?;
    let output = child.wait_with_output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{}", last_lines(&said));
    Ok(())
}

/// The end of what a program said, which is where it says why it failed.
fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.trim().lines().collect();
    match lines.get(lines.len().saturating_sub(5)..) {
        None | Some([]) => "it ended without a word".to_owned(),
        Some(last) => last.join("\n    "),
    }
}

#[cfg(test)]
mod tests;
