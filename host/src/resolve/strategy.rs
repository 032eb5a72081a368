//! Which plugin serves a service: its own choice, its environment's, the operator's, or the
//! built-in one, in this order.

use stagewright_pipeline::environment::Service;

use crate::config::Config;

/// A plugin, and who chose it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Choice {
    /// `builtin:NAME`, `./file.wasm` or `oci://…`.
    pub(crate) reference: String,
    /// Who chose it.
    pub(crate) layer: Layer,
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
    let pick = |file: &Option<String>, operator: &Option<String>, default: &str| {
        let (reference, layer) = match (file, operator) {
            (Some(reference), _) => (reference.clone(), Layer::File),
            (None, Some(reference)) => (reference.clone(), Layer::Operator),
            (None, None) => (default.to_owned(), Layer::Default),
        };
        Choice { reference, layer }
    };
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
            pick(
                &strategy.build.reference,
                &operator,
                builder.unwrap_or("builtin:command"),
            )
        }),
        push: is_built.then(|| pick(&strategy.push.reference, &operator.push, "builtin:layout")),
        deploy: pick(
            &strategy.deploy.reference,
            &operator.deploy,
            "builtin:process",
        ),
    }
}
