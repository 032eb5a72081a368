//! The `with` block: what of a Dockerfile is built, and how.

use std::collections::BTreeMap;

use serde::Deserialize;
use stagewright_sdk::Problem;

#[derive(Debug, Deserialize)]
pub(crate) struct Config {
    #[serde(default = "dockerfile")]
    pub(crate) dockerfile: String,
    #[serde(default = "here")]
    pub(crate) context: String,
    pub(crate) target: Option<String>,
    #[serde(default)]
    pub(crate) args: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) platform: Option<String>,
    #[serde(default)]
    pub(crate) cache_from: Vec<String>,
    #[serde(default)]
    pub(crate) secrets: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) no_cache: bool,
}

fn dockerfile() -> String {
    "Dockerfile".to_owned()
}

fn here() -> String {
    ".".to_owned()
}

impl Config {
    /// What the schema cannot say.
    pub(crate) fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (at, path, what) in [
            ("/dockerfile", &self.dockerfile, "The Dockerfile"),
            ("/context", &self.context, "The context"),
        ] {
            if path.starts_with('/') || path.split('/').any(|part| part == "..") {
                let message = format!("{what} has to be inside the source of the service.");
                problems.push(Problem::new(at, message));
            }
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leads_out_of_the_source_is_a_problem() {
        let with = r#"{"dockerfile":"../Dockerfile","context":"/etc"}"#;
        let config: Config = serde_json::from_str(with).unwrap();
        let problems = config.problems();
        let at: Vec<_> = problems.iter().map(|problem| problem.at.as_str()).collect();
        assert_eq!(at, ["/dockerfile", "/context"]);
        let config: Config = serde_json::from_str("{}").unwrap();
        assert!(config.problems().is_empty());
    }
}
