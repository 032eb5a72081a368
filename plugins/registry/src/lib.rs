//! The built-in publisher `registry`: brings images to a repository of a container registry,
//! where deployers of other machines find them by digest.
//!
//! What is there already is not sent again, and an image of another repository, of this
//! registry or another one, is mirrored as it is, with its digest. Tags are for people: they
//! are set when the image is complete, and nothing here relies on them.

use serde::Deserialize;
use stagewright_sdk::{
    Description, Failure, Image, Plugin, Problem, Publisher, Service, Step, log, registry,
};

struct Registry;

/// The `with` block.
#[derive(Deserialize)]
struct Config {
    repository: String,
    #[serde(default)]
    tags: Vec<String>,
}

impl Plugin for Registry {
    type Config = Config;

    fn describe() -> Description {
        Description::new(
            "registry",
            env!("CARGO_PKG_VERSION"),
            "Pushes images to a container registry.",
        )
        .need("registry", "push", "to push the image of the service")
        .schema(include_str!("with.schema.json"))
    }

    fn validate(config: &Config) -> Vec<Problem> {
        let mut problems = Vec::new();
        let name = &config.repository;
        if name.contains("://") {
            let message = "A repository has no scheme: `registry.example/team/app`.";
            problems.push(Problem::new("/repository", message));
        } else if name.contains('@')
            || name
                .rsplit('/')
                .next()
                .is_some_and(|last| last.contains(':'))
        {
            let message = "A repository has neither a tag nor a digest; tags are named in `tags`.";
            problems.push(Problem::new("/repository", message));
        }
        problems.extend(unknown(name, &["environment", "service"], "/repository"));
        for (index, tag) in config.tags.iter().enumerate() {
            let names = ["environment", "service", "deployment"];
            problems.extend(unknown(tag, &names, &format!("/tags/{index}")));
        }
        problems
    }
}

/// A name in braces that stands for nothing.
fn unknown(text: &str, known: &[&str], at: &str) -> Option<Problem> {
    let rest = known.iter().fold(text.to_owned(), |text, name| {
        text.replace(&format!("{{{name}}}"), "")
    });
    rest.contains(['{', '}']).then(|| {
        let known: Vec<String> = known.iter().map(|name| format!("`{{{name}}}`")).collect();
        let message = format!("Only {} can stand in braces here.", known.join(", "));
        Problem::new(at, message)
    })
}

/// The text with names in the place of what stands for them.
fn filled(text: &str, service: &Service) -> String {
    text.replace("{environment}", &service.environment)
        .replace("{service}", &service.name)
}

impl Publisher for Registry {
    fn exists(service: &Service, config: Config, digest: &str) -> Result<Option<String>, Failure> {
        let repository = filled(&config.repository, service);
        registry::exists(&format!("{repository}@{digest}"))
    }

    fn publish(
        step: &Step,
        service: &Service,
        config: Config,
        image: &Image,
    ) -> Result<String, Failure> {
        let reference = registry::push(image, &filled(&config.repository, service))?;
        for tag in &config.tags {
            let tag = filled(tag, service).replace("{deployment}", &step.deployment);
            let tagged = registry::tag(&reference, &tag)?;
            log::info(format!("{tagged} is {reference}"));
        }
        Ok(reference)
    }
}

stagewright_sdk::export!(Registry: publisher);

#[cfg(test)]
mod tests {
    use serde_json::json;
    use stagewright_sdk::harness;

    use super::*;

    #[test]
    fn it_describes_itself_well() {
        assert_eq!(harness::defects::<Registry>(), Vec::<String>::new());
    }

    #[test]
    fn names_stand_in_braces() {
        let with = json!({
            "repository": "registry.example:5000/{environment}/{service}",
            "tags": ["{deployment}", "{environment}-latest"],
        });
        assert!(harness::problems::<Registry>(&with).is_empty());
        let repository = "registry.example:5000/{environment}/{service}";
        let filled = filled(repository, &harness::service("api"));
        assert_eq!(filled, "registry.example:5000/test/api");
    }

    #[test]
    fn what_is_no_repository_is_refused_at_its_place() {
        for (repository, tags, at) in [
            ("https://registry.example/app", json!([]), "/repository"),
            ("registry.example/app:1", json!([]), "/repository"),
            ("registry.example/app@sha256:0", json!([]), "/repository"),
            ("registry.example/{deployment}", json!([]), "/repository"),
            ("registry.example/app", json!(["1", "{commit}"]), "/tags/1"),
        ] {
            let with = json!({ "repository": repository, "tags": tags });
            let problems = harness::problems::<Registry>(&with);
            let places: Vec<&str> = problems.iter().map(|problem| problem.at.as_str()).collect();
            assert_eq!(places, [at], "{with}");
        }
    }
}
