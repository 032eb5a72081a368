//! What an operator allows one plugin to use. Deny by default.
//!
//! A grant is keyed by the digest of the component, or by the name of a built-in plugin, so
//! that a component that was exchanged has no grant. It takes effect only as far as the
//! component imports the capability and its description asks for it: see [`check`].
//! Whether a *call* is allowed is decided by the capability, from the same grant.

pub(crate) mod builtin;
pub(crate) mod check;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::limits::{LimitOverrides, Limits};

pub use check::Missing;

/// What the operator's configuration says about plugins.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// Limits of every plugin that has none of its own.
    pub limits: LimitOverrides,
    /// By `builtin:NAME` or by `sha256:…` of the component.
    pub plugins: BTreeMap<String, PluginPolicy>,
}

/// What the operator's configuration says about one plugin.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PluginPolicy {
    /// What it may use. Left out: the built-in grants of a built-in plugin, else nothing.
    pub grants: Option<Grants>,
    /// Its own limits.
    pub limits: LimitOverrides,
}

/// The capabilities that one plugin may use, each with its scope.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Grants {
    /// The service's source (read-only) and the output folder.
    pub workspace: bool,
    /// The host's image store.
    pub images: bool,
    /// Programs of this machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process: Option<ProcessGrant>,
    /// Checks of the service's own ports.
    pub probe: bool,
    /// Secrets that the service's variables name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secrets: Option<SecretsGrant>,
    /// Container registries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registry: Option<RegistryGrant>,
    /// The Docker engine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub docker: Option<DockerGrant>,
}

/// Which repositories may be used.
///
/// A scope is a repository, `registry.example/team/app`, or the beginning of one,
/// `registry.example/team/` or `registry.example/`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RegistryGrant {
    /// Where images may be looked for and pulled from.
    pub pull: Vec<String>,
    /// Where images may be pushed to and tagged.
    pub push: Vec<String>,
    /// The repositories that a call brings along may be used as well: on the command line
    /// those that the environment file declares for its services, in a daemon none.
    pub declared: bool,
}

/// What may be asked of the Docker engine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DockerGrant {
    /// Images may be built.
    pub build: bool,
    /// Containers of the step's own service may be made and run.
    pub run: bool,
}

/// Which programs may run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProcessGrant {
    /// Programs that may be run to their end, as they are written in the first word.
    pub commands: Vec<String>,
    /// The programs that a call brings along may be run as well: on the command line those
    /// that the environment file declares for its own build steps, in a daemon none.
    pub declared: bool,
    /// Releases of the step's own service may be installed and kept running.
    pub supervise: bool,
}

/// Which secrets may be used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SecretsGrant {
    /// The guest may read the values of the secrets that the service's variables name.
    pub reveal: bool,
}

impl RegistryGrant {
    /// May anything be looked for? Who may push may look whether that has been done.
    pub(crate) fn reads(&self) -> bool {
        self.declared || !self.pull.is_empty() || !self.push.is_empty()
    }
}

impl Policy {
    /// The limits of the plugin that goes by any of these keys.
    pub(crate) fn limits(&self, keys: &[&str]) -> Limits {
        let general = self.limits.over(&Limits::default());
        self.of(keys)
            .map_or(general, |own| own.limits.over(&general))
    }

    /// What the plugin that goes by any of these keys may use.
    pub(crate) fn grants(&self, keys: &[&str]) -> Grants {
        if let Some(grants) = self.of(keys).and_then(|own| own.grants.clone()) {
            return grants;
        }
        let name = keys.iter().find_map(|key| key.strip_prefix("builtin:"));
        name.and_then(builtin::grants).unwrap_or_default()
    }

    /// The size that no component may exceed, whichever it is.
    pub(crate) fn largest_component(&self) -> u64 {
        let general = self.limits.over(&Limits::default());
        let own = self
            .plugins
            .values()
            .map(|plugin| plugin.limits.over(&general));
        own.chain([general])
            .map(|limits| limits.component.bytes())
            .max()
            .unwrap_or_default()
    }

    fn of(&self, keys: &[&str]) -> Option<&PluginPolicy> {
        keys.iter().find_map(|key| self.plugins.get(*key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_built_in_plugin_has_its_grants_until_the_operator_says_otherwise() {
        let mut policy = Policy::default();
        assert!(policy.grants(&["builtin:static"]).images);
        policy.plugins.insert(
            "builtin:static".into(),
            PluginPolicy {
                grants: Some(Grants::default()),
                ..PluginPolicy::default()
            },
        );
        assert_eq!(policy.grants(&["builtin:static"]), Grants::default());
    }

    #[test]
    fn another_plugin_has_none_until_the_operator_grants_them_to_its_digest() {
        let policy: Policy = serde_json::from_str(
            r#"{"plugins":{"sha256:aa":{"grants":{"images":true,"process":{"commands":["make"]}}}}}"#,
        )
        .unwrap();
        assert_eq!(policy.grants(&["sha256:bb"]), Grants::default());
        let granted = policy.grants(&["sha256:aa"]);
        assert!(granted.images && !granted.workspace);
        assert_eq!(granted.process.unwrap().commands, ["make"]);
    }

    #[test]
    fn limits_come_from_the_plugin_then_from_all_plugins_then_from_the_defaults() {
        let policy: Policy = serde_json::from_str(
            r#"{"limits":{"memories":3,"tables":5},"plugins":{"sha256:aa":{"limits":{"tables":7}}}}"#,
        )
        .unwrap();
        let limits = policy.limits(&["sha256:aa"]);
        assert_eq!((limits.memories, limits.tables), (3, 7));
        assert_eq!(limits.instances, Limits::default().instances);
        assert_eq!(policy.limits(&["sha256:bb"]).tables, 5);
    }
}
