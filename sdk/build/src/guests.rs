//! From a folder of packages to components, and to the table that a crate compiles in.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::cargo::{self, Workspace};
use crate::standard_library;

/// Packages to compile to components.
pub struct Guests {
    folder: PathBuf,
    workspace: Workspace,
    output: PathBuf,
    target: PathBuf,
}

/// A compiled guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Component {
    /// The name of the folder of its package.
    pub name: String,
    /// The component; a copy of the caller's own.
    pub file: PathBuf,
}

/// Compiled guests, sorted by name.
#[derive(Debug)]
pub struct Components {
    /// The components.
    pub components: Vec<Component>,
    /// One sentence: which compiler and standard library they were made with.
    pub made_with: String,
    /// Every file that they were made from.
    pub sources: BTreeSet<PathBuf>,
    output: PathBuf,
}

impl Guests {
    /// The packages in the sub-folders of a folder, which is relative to the package of the
    /// build script. Components go to the output folder that cargo gave to the script.
    ///
    /// # Errors
    /// When there is none, or cargo cannot read their workspace.
    pub fn in_folder(folder: impl AsRef<Path>) -> Result<Self> {
        let output = std::env::var_os("OUT_DIR").context("OUT_DIR is not set: no build script")?;
        Self::in_folders(folder.as_ref(), Path::new(&output))
    }

    pub(crate) fn in_folders(folder: &Path, output: &Path) -> Result<Self> {
        let folder = folder
            .canonicalize()
            .with_context(|| format!("the folder of guests {}", folder.display()))?;
        Ok(Self {
            workspace: cargo::workspace(&folder)?,
            folder,
            target: shared(output).join("guests"),
            output: output.to_owned(),
        })
    }

    /// Compiles them. What is up to date is not compiled again.
    ///
    /// # Errors
    /// Without a standard library for guests, with all that was tried; and with the compiler's
    /// own words when a guest does not compile.
    pub fn build(&self) -> Result<Components> {
        let guests = self.packages();
        let folder = self.folder.display();
        ensure!(!guests.is_empty(), "no package in {folder} has a `cdylib`");
        let toolchain = standard_library::find()?;
        let names: Vec<&str> = guests.iter().map(|guest| guest.package).collect();
        let root = &self.workspace.workspace_root;
        // Held until the components are copied: another build may be about to replace them.
        fs::create_dir_all(&self.target)?;
        let lock = File::create(self.target.join(".stagewright-lock"))?;
        lock.lock()?;
        let made = cargo::build(root, &names, &toolchain, &self.target)?;
        let mut sources = BTreeSet::from([root.join("Cargo.toml"), root.join("Cargo.lock")]);
        let mut components = Vec::new();
        for guest in guests {
            let dependencies = made.join(format!("{}.d", guest.library));
            sources.extend(read_dependencies(&dependencies)?);
            sources.insert(guest.manifest);
            let file = self.output.join(format!("{}.wasm", guest.name));
            fs::copy(made.join(format!("{}.wasm", guest.library)), &file)
                .with_context(|| format!("the component of {}", guest.name))?;
            components.push(Component {
                name: guest.name,
                file,
            });
        }
        Ok(Components {
            components,
            made_with: toolchain.told,
            sources,
            output: self.output.clone(),
        })
    }

    fn packages(&self) -> Vec<Guest<'_>> {
        let guest = |package: &'_ cargo::Package| {
            let folder = package.manifest_path.parent()?;
            (folder.parent()? == self.folder).then_some(())?;
            Some((
                folder.file_name()?.to_string_lossy().into_owned(),
                folder.join("Cargo.toml"),
            ))
        };
        let packages = self.workspace.packages.iter();
        let mut guests: Vec<Guest<'_>> = packages
            .filter_map(|package| {
                let (name, manifest) = guest(package)?;
                let library = package.library()?;
                Some(Guest {
                    name,
                    manifest,
                    library,
                    package: &package.name,
                })
            })
            .collect();
        guests.sort_by(|a, b| a.name.cmp(&b.name));
        guests
    }
}

/// A package that is to be compiled.
struct Guest<'a> {
    name: String,
    manifest: PathBuf,
    library: &'a str,
    package: &'a str,
}

impl Components {
    /// Writes the table of the components as a Rust expression of the type
    /// `&[(&str, &[u8])]` into the output folder, to be used by
    /// `include!(concat!(env!("OUT_DIR"), "/NAME"))`, and tells cargo when the build script has
    /// to run again.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_table(&self, name: &str) -> Result<()> {
        let mut table = String::from("&[\n");
        for Component { name, file } in &self.components {
            writeln!(
                table,
                "    ({name:?}, include_bytes!({file:?}).as_slice()),"
            )?;
        }
        table.push_str("]\n");
        let file = self.output.join(name);
        fs::write(&file, table).with_context(|| file.display().to_string())?;
        self.tell_cargo();
        Ok(())
    }

    /// Tells cargo when to run the build script again, and people how the components were made:
    /// on standard error, which cargo keeps beside the script's other output and shows with
    /// `-vv`, and as a line of the build when it is not the ordinary way.
    #[expect(
        clippy::print_stdout,
        reason = "this is how a build script talks to cargo"
    )]
    #[expect(
        clippy::print_stderr,
        reason = "this is how a build script talks to people"
    )]
    fn tell_cargo(&self) {
        for source in &self.sources {
            println!("cargo::rerun-if-changed={}", source.display());
        }
        println!("cargo::rerun-if-env-changed={}", standard_library::CHOICE);
        let line = format!("guests are compiled with {}", self.made_with);
        eprintln!("{line}");
        if !self.made_with.starts_with("the installed") {
            println!("cargo::warning={line}");
        }
    }
}

/// The folder that outlives this build script and is shared with the others of the workspace:
/// the target folder of the outer build, which cargo marks, else the script's own.
fn shared(output: &Path) -> &Path {
    let marked = |folder: &&Path| folder.join("CACHEDIR.TAG").exists();
    output.ancestors().find(marked).unwrap_or(output)
}

/// The sources in a file of dependencies as cargo writes it: `product: source source…`, spaces
/// in names escaped by `\`.
fn read_dependencies(file: &Path) -> Result<Vec<PathBuf>> {
    let text = fs::read_to_string(file).with_context(|| file.display().to_string())?;
    Ok(dependencies(&text))
}

fn dependencies(text: &str) -> Vec<PathBuf> {
    let Some((_, sources)) = text.lines().next().and_then(|line| line.split_once(": ")) else {
        return Vec::new();
    };
    let escaped = sources.replace("\\ ", "\u{0}");
    let names = escaped.split(' ').filter(|name| !name.is_empty());
    names
        .map(|name| PathBuf::from(name.replace('\u{0}', " ")))
        .collect()
}

#[cfg(test)]
mod tests;
