//! The plugins that were chosen: loaded, and asked whether their configuration will do.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};

use anyhow::{Context, Result, anyhow};
use stagewright_pipeline::PluginRecord;
use stagewright_pipeline::environment::{Checked, Configured, Form, Service};
use stagewright_runtime::{Plugin, Role};

use super::{Choice, Resolution};

/// The schemas of plugins' configurations, by the plugins' digests: a schema is made ready once,
/// however many services its plugin serves.
pub(super) type Schemas = HashMap<String, Arc<Form>>;

impl Resolution<'_> {
    /// Loads a plugin and has it check its configuration.
    pub(super) async fn plugin(
        &self,
        service: &Service,
        step: Configured,
        choice: Option<&Choice>,
    ) -> Result<Option<PluginRecord>> {
        let Some(choice) = choice else {
            return Ok(None);
        };
        let at = Checked::pointer_to_with(service, step);
        let runtime = self.host.runtime()?;
        let plugin = match runtime.load(&choice.reference, self.folder).await {
            Ok(plugin) => plugin,
            Err(error) => {
                self.tell(&at, &error.to_string(), None);
                return Ok(None);
            }
        };
        let role = match step {
            Configured::Build => Role::Builder,
            Configured::Push => Role::Publisher,
            Configured::Deploy => Role::Deployer,
        };
        if !plugin.roles().contains(&role) {
            let message = format!("{} is no {role}", choice.reference);
            self.tell(
                &at,
                &message,
                Some("`stagewright plugin inspect` tells what it is"),
            );
            return Ok(None);
        }
        let config = serde_json::to_string(&choice.with)?;
        let misfits = self
            .checked
            .check_with(service, step, &choice.with, &*self.schema(&plugin)?);
        if misfits.is_empty() {
            self.validate(&at, &plugin, &config).await;
        }
        self.tell_all(misfits);
        Ok(Some(PluginRecord {
            name: choice.reference.clone(),
            digest: plugin.digest().to_string(),
            config,
        }))
    }

    /// Has the plugin itself look at its configuration.
    async fn validate(&self, at: &str, plugin: &Plugin, config: &str) {
        match plugin.validate(config).await {
            Ok(problems) => {
                for problem in problems {
                    self.tell(&format!("{at}{}", problem.at), &problem.message, None);
                }
            }
            Err(error) => {
                let failure = error.failure();
                self.tell(at, &failure.message, failure.hint.as_deref());
            }
        }
    }

    /// The plugin's own schema of its configuration.
    fn schema(&self, plugin: &Plugin) -> Result<Arc<Form>> {
        let mut schemas = self.schemas.lock().unwrap_or_else(PoisonError::into_inner);
        let digest = plugin.digest().to_string();
        if let Some(schema) = schemas.get(&digest) {
            return Ok(Arc::clone(schema));
        }
        let name = plugin.reference();
        let schema = serde_json::from_str(&plugin.description().config_schema)
            .with_context(|| format!("the schema that {name} describes is no JSON"))?;
        let schema = Form::new(schema)
            .map_err(|error| anyhow!("the schema that {name} describes cannot be used: {error}"))?;
        let schema = Arc::new(schema);
        schemas.insert(digest, Arc::clone(&schema));
        Ok(schema)
    }
}
