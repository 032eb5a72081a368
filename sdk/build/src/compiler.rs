//! What there is to know of the compiler: its version, where it keeps what, and its linker for
//! components.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::environment::scrubbed;

/// What guests are compiled for.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

/// What makes a component of what the compiler leaves.
pub(crate) const LINKER: &str = "wasm-component-ld";

/// A compiler, asked once.
pub(crate) struct Compiler {
    /// The program.
    pub(crate) program: OsString,
    /// `1.95.0`.
    pub(crate) release: String,
    /// The commit that it was built from; `unknown` where a distribution does not say.
    pub(crate) commit: String,
    /// What it makes programs for when nothing is said.
    pub(crate) host: String,
    /// Where its libraries are.
    pub(crate) sysroot: PathBuf,
}

impl Compiler {
    /// The compiler of the build that called this script, else the one in `PATH`.
    pub(crate) fn of_this_build() -> Result<Self> {
        Self::ask(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
    }

    /// Asks a compiler about itself.
    pub(crate) fn ask(program: OsString) -> Result<Self> {
        let version = answer(&program, &["-vV"])?;
        let field = |name: &str| {
            let line = version.lines().find_map(|line| line.strip_prefix(name));
            line.map(|value| value.trim().to_owned())
                .with_context(|| format!("`rustc -vV` has no line `{name}`"))
        };
        Ok(Self {
            release: field("release:")?,
            commit: field("commit-hash:")?,
            host: field("host:")?,
            sysroot: answer(&program, &["--print", "sysroot"])?.into(),
            program,
        })
    }

    /// The linker that makes a component, when it is beside the compiler.
    pub(crate) fn linker(&self) -> Option<PathBuf> {
        let tools = self
            .sysroot
            .join("lib/rustlib")
            .join(&self.host)
            .join("bin");
        let linker = tools
            .join(LINKER)
            .with_extension(std::env::consts::EXE_EXTENSION);
        linker.exists().then_some(linker)
    }
}

/// Has a sysroot the standard library for guests?
pub(crate) fn has_standard_library(sysroot: &Path) -> bool {
    let folder = sysroot.join("lib/rustlib").join(TARGET).join("lib");
    let Ok(files) = folder.read_dir() else {
        return false;
    };
    // Cargo leaves the hash out where it also makes a dynamic library.
    let is_std = |name: &str| name == "libstd.rlib" || name.starts_with("libstd-");
    files
        .flatten()
        .any(|file| is_std(&file.file_name().to_string_lossy()))
}

fn answer(program: &OsString, arguments: &[&str]) -> Result<String> {
    let mut command = scrubbed(program, std::env::vars_os());
    let output = command
        .args(arguments)
        .output()
        .with_context(|| format!("{} cannot be started", program.display()))?;
    ensure!(
        output.status.success(),
        "{} {} ended with {}: {}",
        program.display(),
        arguments.join(" "),
        output.status,
        String::from_utf8_lossy(&output.stderr).trim()
    );
    let text = String::from_utf8(output.stdout).context("its answer is not UTF-8")?;
    Ok(text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_compiler_of_these_tests_knows_itself() {
        let compiler = Compiler::of_this_build().unwrap();
        assert!(compiler.release.starts_with("1."));
        assert!(
            compiler
                .sysroot
                .join("lib/rustlib")
                .join(&compiler.host)
                .is_dir()
        );
    }

    #[test]
    fn a_sysroot_has_a_standard_library_under_either_of_its_names_and_not_under_others() {
        for (name, has) in [
            ("libstd-1f.rlib", true),
            ("libstd.rlib", true),
            ("libstd_detect-1f.rlib", false),
        ] {
            let folder = tempfile::tempdir().unwrap();
            assert!(!has_standard_library(folder.path()));
            let lib = folder.path().join("lib/rustlib").join(TARGET).join("lib");
            std::fs::create_dir_all(&lib).unwrap();
            std::fs::write(lib.join(name), "").unwrap();
            assert_eq!(has_standard_library(folder.path()), has, "{name}");
        }
    }

    #[test]
    fn a_program_that_is_no_compiler_is_an_error_that_names_it() {
        let error = Compiler::ask("no-such-rustc".into()).err().unwrap();
        assert!(error.to_string().contains("no-such-rustc"));
    }
}
