//! Which plugins serve what, and their configuration, as a file says it: for a service type, or
//! for a step of one service.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::PLUGIN;

/// The three plugins that serve a service; what is left out comes from the next layer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StrategyFile {
    /// Builder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<PluginFile>,
    /// Publisher.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub push: Option<PluginFile>,
    /// Deployer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deploy: Option<PluginFile>,
}

/// A plugin by its reference alone, or with configuration for all services that it serves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "a plugin is a reference, or `plugin` and `with`, and nothing else"
)]
pub enum PluginFile {
    /// `builtin:NAME`, `./file.wasm` or `oci://…`.
    Named(#[schemars(regex(pattern = PLUGIN))] String),
    /// Fields of a service's own `with` replace those of the same name.
    Configured(ConfiguredFile),
}

/// A plugin and its configuration for all services that it serves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfiguredFile {
    /// `builtin:NAME`, `./file.wasm` or `oci://…`.
    #[schemars(regex(pattern = PLUGIN))]
    pub plugin: String,
    /// Handed to the plugin, which describes its schema (`stagewright plugin inspect`).
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub with: Map<String, Value>,
}

impl PluginFile {
    /// `builtin:NAME`, `./file.wasm` or `oci://…`.
    #[must_use]
    pub fn reference(&self) -> &str {
        match self {
            Self::Named(reference) => reference,
            Self::Configured(configured) => &configured.plugin,
        }
    }

    /// What a service is given that says `own`: fields that only this has, then its own.
    #[must_use]
    pub fn with(&self, own: &Map<String, Value>) -> Map<String, Value> {
        let mut with = match self {
            Self::Named(_) => Map::new(),
            Self::Configured(configured) => configured.with.clone(),
        };
        with.extend(own.clone());
        with
    }
}

/// A plugin and its configuration, for one step of one service.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StepFile {
    /// `builtin:NAME`, `./file.wasm` or `oci://…`. Left out: the strategy's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = PLUGIN))]
    pub plugin: Option<String>,
    /// Handed to the plugin, which describes its schema (`stagewright plugin inspect`).
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub with: Map<String, Value>,
}
