//! The built-in builder `dockerfile`: builds an image from the service's Dockerfile with the
//! Docker engine that the operator chose.
//!
//! The engine builds; here is decided only what it is asked for. Nothing of the machine beside
//! the service's source is sent to it.

mod config;

use stagewright_sdk::docker::{self, Recipe};
use stagewright_sdk::{
    Builder, Description, Directory, Failure, Image, OrFail, Plugin, Problem, Service, Step, log,
};

use config::Config;

struct Dockerfiles;

impl Plugin for Dockerfiles {
    type Config = Config;

    fn describe() -> Description {
        Description::new(
            "dockerfile",
            env!("CARGO_PKG_VERSION"),
            "Builds images from Dockerfiles with a Docker engine.",
        )
        .need("docker", "build", "to have the engine build the image")
        .schema(include_str!("with.schema.json"))
    }

    fn validate(config: &Config) -> Vec<Problem> {
        config.problems()
    }
}

impl Builder for Dockerfiles {
    fn build(
        _: &Step,
        service: &Service,
        config: Config,
        source: Option<&Directory>,
        _: &Directory,
    ) -> Result<Image, Failure> {
        let source = source
            .or_fail(
                "source.missing",
                format!("`{}` has no source.", service.name),
            )
            .map_err(|failure| failure.hint("Add `source: { path: FOLDER }` to the service."))?;
        let context = service.in_source(&config.context);
        let recipe = recipe(config);
        log::info(format!("building {} in {context}", recipe.dockerfile));
        let dockerfile = recipe.dockerfile.clone();
        docker::build(source, &context, &recipe).map_err(|failure| match failure.code.as_str() {
            "workspace.not-found" => {
                let message = format!(
                    "`{}` has no `{dockerfile}` in the folder `{context}` of its source.",
                    service.name
                );
                Failure::new("docker.dockerfile-missing", message)
                    .hint("Name it as `with: { dockerfile: … }`, relative to `context`.")
            }
            _ => failure,
        })
    }
}

fn recipe(config: Config) -> Recipe {
    Recipe {
        dockerfile: config.dockerfile,
        target: config.target,
        arguments: config.args.into_iter().collect(),
        labels: config.labels.into_iter().collect(),
        platform: config.platform,
        cache_from: config.cache_from,
        secrets: config.secrets.into_iter().collect(),
        no_cache: config.no_cache,
    }
}

stagewright_sdk::export!(Dockerfiles: builder);

#[cfg(test)]
mod tests {
    use stagewright_sdk::harness;

    use super::*;

    #[test]
    fn it_describes_itself_well() {
        assert!(harness::defects::<Dockerfiles>().is_empty());
    }

    #[test]
    fn what_is_left_out_is_asked_for_as_docker_would() {
        let config = serde_json::from_str(r#"{"args":{"B":"2","A":"1"}}"#).unwrap();
        let recipe = recipe(config);
        assert_eq!(recipe.dockerfile, "Dockerfile");
        let expected = [("A", "1"), ("B", "2")].map(|(name, value)| (name.into(), value.into()));
        assert_eq!(recipe.arguments, expected);
        assert!(recipe.target.is_none() && recipe.platform.is_none() && !recipe.no_cache);
    }
}
