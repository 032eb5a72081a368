//! What every plugin tells about itself, whatever its roles are.

use serde::de::DeserializeOwned;

pub use crate::bindings::plugin::exports::stagewright::plugin::plugin::{
    Description, Need, Problem,
};

/// A plugin: its description, and the type that its `with` block is read into.
pub trait Plugin {
    /// What `with` holds. The host has held it against the schema of the description before
    /// anything is asked of the plugin.
    type Config: DeserializeOwned;

    /// Name, version, needs and the schema of `with`. Asked in a sandbox without any
    /// capability, so it must not call the host.
    fn describe() -> Description;

    /// What is wrong with `with` that the schema cannot say. Must not call the host either.
    fn validate(_config: &Self::Config) -> Vec<Problem> {
        Vec::new()
    }
}

impl Description {
    /// A plugin that needs no capability and takes no configuration.
    pub fn new(
        name: impl Into<String>,
        version: impl Into<String>,
        summary: impl Into<String>,
    ) -> Self {
        Self {
            name: name.into(),
            version: version.into(),
            summary: summary.into(),
            needs: Vec::new(),
            config_schema: r#"{"type":"object","additionalProperties":false}"#.to_owned(),
        }
    }

    /// Asks for a capability: the name of its interface, the narrowest scope that will do (empty
    /// where it has none), and why, for the operator who is asked to grant it.
    #[must_use]
    pub fn need(
        mut self,
        capability: impl Into<String>,
        scope: impl Into<String>,
        why: impl Into<String>,
    ) -> Self {
        self.needs.push(Need {
            capability: capability.into(),
            scope: scope.into(),
            why: why.into(),
        });
        self
    }

    /// The JSON Schema (2020-12) of `with`, as text. Text, because a guest that builds its
    /// schema at run time is larger by the code that does it; [`harness::defects`] reads it in
    /// the plugin's tests.
    ///
    /// [`harness::defects`]: crate::harness::defects
    #[must_use]
    pub fn schema(mut self, text: impl Into<String>) -> Self {
        self.config_schema = text.into();
        self
    }
}

impl Problem {
    /// A problem at a JSON Pointer (RFC 6901) into `with`: `/steps/0`.
    pub fn new(at: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            at: at.into(),
            message: message.into(),
        }
    }
}
