//! The operator's configuration: read and checked once, at the edge.

#[cfg(test)]
mod fuzz;
mod secrets;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use stagewright_pipeline::environment::document::Document;
use stagewright_pipeline::environment::file::StrategyFile;
use stagewright_pipeline::environment::{Duration, Finding, Problems, ServiceType, near};
use stagewright_runtime::capability::docker;
use stagewright_runtime::{LimitOverrides, PluginPolicy, Policy, RegistrySettings};

pub(crate) use secrets::{OperatorSecrets, SecretsConfig};

/// The environment variable that names the file.
pub(crate) const VARIABLE: &str = "STAGEWRIGHT_CONFIG";

/// What the operator decides for all environments of this installation.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    /// Which plugins serve a service type, where neither the service nor its environment says.
    pub(crate) strategies: IndexMap<ServiceType, StrategyFile>,
    /// Limits of every plugin that has none of its own.
    pub(crate) limits: LimitOverrides,
    /// What plugins may use, and how much of it: by `builtin:NAME` or by digest.
    pub(crate) plugins: BTreeMap<String, PluginPolicy>,
    /// How many steps of one deployment may run at once, whatever its stages say.
    pub(crate) host_slots: u32,
    /// How long running steps have to end by themselves after a cancel.
    pub(crate) cancel_grace: Duration,
    /// Variables of the host's own environment that builds get beside the usual ones.
    pub(crate) pass_through: Vec<String>,
    /// Where secrets come from.
    pub(crate) secrets: SecretsConfig,
    /// How container registries are spoken to, by host: `registry.example:5000`. One that is
    /// not here is spoken to by https, as nobody.
    pub(crate) registries: BTreeMap<String, RegistrySettings>,
    /// The Docker engine, for the plugins that use one.
    pub(crate) docker: docker::Settings,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            strategies: IndexMap::new(),
            limits: LimitOverrides::default(),
            plugins: BTreeMap::new(),
            host_slots: 32,
            cancel_grace: Duration(std::time::Duration::from_secs(30)),
            pass_through: Vec::new(),
            secrets: SecretsConfig::default(),
            registries: BTreeMap::new(),
            docker: docker::Settings::default(),
        }
    }
}

impl Config {
    /// Reads the file that was asked for, else the one that `$STAGEWRIGHT_CONFIG` names, else
    /// `stagewright/config.yaml` in the XDG configuration folder if it is there.
    ///
    /// # Errors
    /// When a named file cannot be read, or the file says something unknown.
    pub(crate) fn read(asked: Option<&Path>) -> Result<Self> {
        let named = asked.map(Path::to_owned).or_else(|| variable(VARIABLE));
        let path = match named {
            Some(path) => path,
            None => match default_path().filter(|path| path.exists()) {
                Some(path) => path,
                None => return Ok(Self::default()),
            },
        };
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("cannot read the configuration {}", path.display()))?;
        Self::parse(&path.display().to_string(), &text)
    }

    /// What plugins may use, as the runtime wants it.
    pub(crate) fn policy(&self) -> Policy {
        Policy {
            limits: self.limits,
            plugins: self.plugins.clone(),
        }
    }

    fn parse(file: &str, text: &str) -> Result<Self> {
        let (document, findings) = Document::parse(text);
        Problems::none_of(file, findings)?;
        let Some(document) = document.filter(|document| !document.value().is_null()) else {
            return Ok(Self::default());
        };
        let config: Result<Self, Finding> = serde_path_to_error::deserialize(document.value())
            .map_err(|error| {
                let pointer = pointer(error.path());
                told(&document, &pointer, &error.into_inner().to_string())
            });
        let found = config.and_then(|config| match config.host_slots {
            0 => {
                let message = "`host_slots` of 0 would let nothing run";
                let finding = Finding::new(document.locate("/host_slots"), message);
                Err(finding.hint("give at least 1"))
            }
            _ => Ok(config),
        });
        let found = found.and_then(|config| {
            let mut registries = config.registries.iter();
            let contradiction =
                registries.find_map(|(host, one)| Some((host, one.contradiction()?)));
            match contradiction {
                Some((host, message)) => {
                    let key = host.replace('~', "~0").replace('/', "~1");
                    let place = document.locate(&format!("/registries/{key}"));
                    Err(Finding::new(place, message))
                }
                None => Ok(config),
            }
        });
        found.map_err(|finding| Problems::of(file, vec![finding]).into())
    }
}

/// What serde says of a part of the file. Of a name that it does not know it lists those that
/// it knows, behind `expected`.
fn told(document: &Document, pointer: &str, said: &str) -> Finding {
    let unknown = said.split_once(", expected ").and_then(|(what, known)| {
        let (_, name) = what.strip_prefix("unknown ")?.split_once(' ')?;
        Some((
            what,
            name.trim_matches('`'),
            known.split('`').skip(1).step_by(2),
        ))
    });
    match unknown {
        Some((what, name, known)) => Finding::new(document.locate_key(pointer), what)
            .hint(near::suggest(name, known, "remove it")),
        None => Finding::new(document.locate(pointer), said),
    }
}

/// The path of a serde error as a JSON Pointer (RFC 6901).
fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    path.iter()
        .fold(String::new(), |pointer, segment| match segment {
            Segment::Seq { index } => format!("{pointer}/{index}"),
            Segment::Map { key } => {
                format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"))
            }
            Segment::Enum { .. } | Segment::Unknown => pointer,
        })
}

fn default_path() -> Option<PathBuf> {
    let folder = variable("XDG_CONFIG_HOME")
        .filter(|path| path.is_absolute())
        .or_else(|| Some(variable("HOME")?.join(".config")))?;
    Some(folder.join("stagewright/config.yaml"))
}

fn variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(name)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
}
