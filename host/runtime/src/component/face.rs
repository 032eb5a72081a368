//! What a component imports and exports, held against what this host offers.
//!
//! It is read from the compiled component's type; nothing is instantiated.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};
use wasmtime::component::Component;
use wasmtime::component::types::ComponentItem;

use crate::harmless;

/// The package that host and plugins share, and its version.
const PACKAGE: &str = "stagewright:plugin";
const VERSION: (u64, u64) = (0, 1);
const WASI: (u64, u64) = (0, 2);
/// Of interfaces that give access to files.
pub(crate) const FILES: &str = "wasi:filesystem";

/// Bytes of the name of an import or export that are shown.
const LONGEST_NAME: usize = 200;

/// What the host offers, in words.
pub(crate) const OFFERED: &str = "stagewright:plugin@0.1.0 and WASI 0.2";

/// What a component can be to the pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Makes images.
    Builder,
    /// Takes images to where deployers find them.
    Publisher,
    /// Brings services to the state that is described.
    Deployer,
}

impl Role {
    /// As the interface is named that exports it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Builder => "builder",
            Self::Publisher => "publisher",
            Self::Deployer => "deployer",
        }
    }

    fn of(interface: &str) -> Option<Self> {
        [Self::Builder, Self::Publisher, Self::Deployer]
            .into_iter()
            .find(|role| role.as_str() == interface)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A component that this host cannot use, whatever it is granted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FaceError {
    /// It was built against another version of the contract.
    #[error(
        "it wants {wants}, this host offers {OFFERED}: build it with the SDK of this host's version, or use it with a host that offers what it wants"
    )]
    Version {
        /// The import or export that tells, with its version.
        wants: String,
    },
    /// It wants something that is no part of the contract.
    #[error(
        "it wants {wants}, which no version of Stagewright offers; this host offers {OFFERED}: build it for one of the plugin worlds of wit/roles.wit"
    )]
    Unknown {
        /// The import.
        wants: String,
    },
    /// It is a component, but no plugin.
    #[error(
        "it exports no role: a plugin exports stagewright:plugin/plugin@0.1.0 and one of builder, publisher and deployer: build it for one of the plugin worlds of wit/roles.wit"
    )]
    NoRole,
}

/// What a component imports and exports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Face {
    /// What it can be.
    pub(crate) roles: BTreeSet<Role>,
    /// Functions of our own interfaces that it imports, as (interface, function).
    pub(crate) imports: BTreeSet<(String, String)>,
    /// It imports functions of WASI.
    pub(crate) wasi: bool,
    /// Functions of WASI's files are among them.
    pub(crate) files: bool,
}

impl Face {
    /// Reads it from a component.
    ///
    /// # Errors
    /// When the component wants what this host does not have, or is no plugin.
    pub(crate) fn of(component: &Component) -> Result<Self, FaceError> {
        let engine = component.engine();
        let ty = component.component_type();
        let mut face = Self::default();
        for (name, import) in ty.imports(engine) {
            let ComponentItem::ComponentInstance(instance) = import.ty else {
                let wants = wanted("import", name);
                return Err(FaceError::Unknown { wants });
            };
            let functions = instance
                .exports(engine)
                .filter(|(_, item)| matches!(item.ty, ComponentItem::ComponentFunc(_)))
                .map(|(function, _)| function.to_owned());
            face.import(name, functions)?;
        }
        let mut described = false;
        for (name, _) in ty.exports(engine) {
            let Some(interface) = ours(name, "export")? else {
                continue;
            };
            described |= interface == "plugin";
            face.roles.extend(Role::of(interface));
        }
        if !described || face.roles.is_empty() {
            return Err(FaceError::NoRole);
        }
        Ok(face)
    }

    /// The interfaces of which it imports a function; files of WASI are those of `workspace`.
    pub(crate) fn interfaces(&self) -> Vec<&str> {
        let mut names: Vec<_> = self.imports.iter().map(|(name, _)| name.as_str()).collect();
        names.dedup();
        names.extend(self.files.then_some("workspace"));
        names
    }

    fn import(
        &mut self,
        name: &str,
        functions: impl Iterator<Item = String>,
    ) -> Result<(), FaceError> {
        if let Some(interface) = ours(name, "import")? {
            self.imports
                .extend(functions.map(|function| (interface.to_owned(), function)));
            return Ok(());
        }
        if !name.starts_with("wasi:") {
            let wants = wanted("import", name);
            return Err(FaceError::Unknown { wants });
        }
        if version(name) != Some(WASI) {
            let wants = wanted("import", name);
            return Err(FaceError::Version { wants });
        }
        let imports_some = functions.count() > 0;
        self.wasi |= imports_some;
        self.files |= imports_some && name.starts_with(FILES);
        Ok(())
    }
}

/// Names are the author's own words, and may be long.
fn wanted(direction: &str, name: &str) -> String {
    format!("the {direction} `{}`", harmless::line(name, LONGEST_NAME))
}

/// The name of one of our interfaces, when it is one of them and of this version.
fn ours<'a>(name: &'a str, direction: &str) -> Result<Option<&'a str>, FaceError> {
    let Some(rest) = name
        .strip_prefix(PACKAGE)
        .and_then(|rest| rest.strip_prefix('/'))
    else {
        return Ok(None);
    };
    if version(name) != Some(VERSION) {
        let wants = wanted(direction, name);
        return Err(FaceError::Version { wants });
    }
    Ok(rest.split('@').next())
}

/// The two numbers that have to match. Before 1.0 each minor version is a contract of its own.
fn version(name: &str) -> Option<(u64, u64)> {
    let (_, version) = name.split_once('@')?;
    let mut numbers = version.split(['.', '-', '+']);
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}
