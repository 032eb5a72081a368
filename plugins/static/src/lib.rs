//! The built-in builder `static`: packs a folder of files into an image, as it is.
//!
//! It runs no program and looks into no file; the host packs the folder. What serves the files
//! comes from the base, from `command`, or from the deployer.

use serde::Deserialize;
use stagewright_sdk::{
    Builder, Description, Directory, Draft, Failure, Image, ImageConfig, OrFail, Plugin, Problem,
    Service, Step, images, log,
};

struct Static;

/// The `with` block.
#[derive(Deserialize)]
struct Config {
    #[serde(default = "here")]
    root: String,
    #[serde(default = "srv")]
    target: String,
    base: Option<String>,
    #[serde(default)]
    command: Vec<String>,
}

fn here() -> String {
    ".".to_owned()
}

fn srv() -> String {
    "/srv".to_owned()
}

impl Plugin for Static {
    type Config = Config;

    fn describe() -> Description {
        Description::new(
            "static",
            env!("CARGO_PKG_VERSION"),
            "Packs a folder of files into an image.",
        )
        .need("images", "", "to put the image together")
        .need("registry", "pull", "to build on images of registries")
        .schema(include_str!("with.schema.json"))
    }

    fn validate(config: &Config) -> Vec<Problem> {
        let mut problems = Vec::new();
        if config.root.starts_with('/') || leaves(&config.root) {
            let message = "The folder has to be inside the source of the service.";
            problems.push(Problem::new("/root", message));
        }
        if leaves(&config.target) {
            let message = "The target must not contain `..`.";
            problems.push(Problem::new("/target", message));
        }
        problems
    }
}

fn leaves(path: &str) -> bool {
    path.split('/').any(|part| part == "..")
}

impl Builder for Static {
    fn inputs(
        _: &Service,
        config: Config,
        _: Option<&Directory>,
    ) -> Result<Vec<(String, String)>, Failure> {
        let Some(base) = config.base else {
            return Ok(Vec::new());
        };
        let digest = images::find(&base)?.digest();
        Ok(vec![(format!("base {base}"), digest)])
    }

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
        let draft = match &config.base {
            Some(base) => Draft::from_base(&images::find(base)?)?,
            None => Draft::new(),
        };
        let folder = service.in_source(&config.root);
        log::info(format!("packing {folder} to {}", config.target));
        draft.add(source, &folder, &config.target)?;
        draft.configure(&ImageConfig {
            command: config.command,
            ..ImageConfig::default()
        });
        Draft::finish(draft)
    }
}

stagewright_sdk::export!(Static: builder);

#[cfg(test)]
mod tests {
    use serde_json::json;
    use stagewright_sdk::harness;

    use super::*;

    #[test]
    fn it_describes_itself_well() {
        assert!(harness::defects::<Static>().is_empty());
    }

    #[test]
    fn an_empty_block_packs_the_whole_source_to_srv() {
        let config: Config = serde_json::from_value(json!({})).unwrap();
        assert_eq!(
            (config.root.as_str(), config.target.as_str()),
            (".", "/srv")
        );
        assert!(Static::validate(&config).is_empty());
    }

    #[test]
    fn paths_that_lead_out_are_refused() {
        let with = json!({"root": "../other", "target": "/srv/../etc"});
        let problems = harness::problems::<Static>(&with);
        let at: Vec<&str> = problems.iter().map(|problem| problem.at.as_str()).collect();
        assert_eq!(at, ["/root", "/target"]);
        assert_eq!(
            harness::problems::<Static>(&json!({"root": "/etc"})).len(),
            1
        );
    }
}
