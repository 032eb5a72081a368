//! Which plugin serves a service: its own choice, its environment's, the operator's, or the
//! built-in one, in this order.

use serde_json::{Map, Value};
use stagewright_pipeline::environment::file::PluginFile;
use stagewright_pipeline::environment::{PluginUse, Service};

use crate::config::Config;

/// A plugin, and who chose it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Choice {
    /// `builtin:NAME`, `./file.wasm` or `oci://…`.
    pub(crate) reference: String,
    /// Who chose it.
    pub(crate) layer: Layer,
    /// Its configuration: the operator's, over it that of the environment file.
    pub(crate) with: Map<String, Value>,
}

/// Who chose a plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layer {
    /// The environment file: the service, or the strategies.
    File,
    /// The operator's configuration.
    Operator,
    /// Nobody: it is what comes with the program.
    Default,
}

impl Layer {
    /// In words.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::File => "environment file",
            Self::Operator => "operator's configuration",
            Self::Default => "default",
        }
    }
}

/// The plugins of one service.
pub(super) struct Strategy {
    pub(super) build: Option<Choice>,
    pub(super) push: Option<Choice>,
    pub(super) deploy: Choice,
}

/// Chooses. A service with neither source nor image is only deployed.
pub(super) fn choose(service: &Service, config: &Config) -> Strategy {
    let operator = config
        .strategies
        .get(&service.kind)
        .cloned()
        .unwrap_or_default();
    let strategy = &service.strategy;
    let builder = match (&service.source, &service.image) {
        (Some(_), _) => Some("builtin:command"),
        (None, Some(_)) => Some("builtin:image"),
        (None, None) => None,
    };
    let is_built = builder.is_some() || strategy.build.reference.is_some();
    Strategy {
        build: is_built.then(|| {
            // An operator's builder is for sources; an image that exists is only found.
            let operator = operator.build.filter(|_| service.source.is_some());
            let default = builder.unwrap_or("builtin:command");
            pick(&strategy.build, operator.as_ref(), default)
        }),
        push: is_built.then(|| pick(&strategy.push, operator.push.as_ref(), "builtin:layout")),
        deploy: pick(
            &strategy.deploy,
            operator.deploy.as_ref(),
            "builtin:process",
        ),
    }
}

/// What the operator configures is for the plugin that the operator names.
fn pick(file: &PluginUse, operator: Option<&PluginFile>, default: &str) -> Choice {
    let (reference, layer) = match (&file.reference, operator) {
        (Some(reference), _) => (reference.as_str(), Layer::File),
        (None, Some(operator)) => (operator.reference(), Layer::Operator),
        (None, None) => (default, Layer::Default),
    };
    let operator = operator.filter(|operator| operator.reference() == reference);
    Choice {
        reference: reference.to_owned(),
        layer,
        with: operator.map_or_else(|| file.with.clone(), |operator| operator.with(&file.with)),
    }
}
