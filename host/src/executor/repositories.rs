//! Repositories of registries that an environment file declares for a service: what its plugins
//! may use of registries, where the file is trusted to grant anything.

use std::collections::BTreeSet;

use stagewright_runtime::capability::images;
use stagewright_runtime::{Address, Declared, Repository};

/// A service, as far as it names repositories.
pub(crate) struct Naming<'a> {
    pub(crate) environment: &'a str,
    pub(crate) service: &'a str,
    /// The image that the file names for it.
    pub(crate) image: Option<&'a str>,
    /// The `with` of the plugin, as JSON.
    pub(crate) config: &'a str,
}

/// The repositories of the service's `image` and of `base` in the plugin's `with`, to read, and
/// that of `repository` there, to write. What cannot be read as one is left to the plugin to
/// refuse.
pub(crate) fn declared_repositories(naming: &Naming<'_>) -> Declared {
    let config: serde_json::Value = serde_json::from_str(naming.config).unwrap_or_default();
    let text = |key: &str| config.get(key).and_then(serde_json::Value::as_str);
    let read = [naming.image, text("base")].into_iter().flatten();
    let read = read
        .filter(|reference| !images::Reference::is_one(reference))
        .filter_map(|reference| reference.parse::<Address>().ok())
        .map(|address| address.repository);
    let written = text("repository").map(|name| {
        name.replace("{environment}", naming.environment)
            .replace("{service}", naming.service)
    });
    let written = written.and_then(|name| name.parse::<Repository>().ok());
    Declared {
        pull: names(read),
        push: names(written.into_iter()),
    }
}

fn names(repositories: impl Iterator<Item = Repository>) -> Vec<String> {
    let names: BTreeSet<String> = repositories.map(|one| one.to_string()).collect();
    names.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declared(image: Option<&str>, config: &str) -> (Vec<String>, Vec<String>) {
        let Declared { pull, push } = declared_repositories(&Naming {
            environment: "shop",
            service: "api",
            image,
            config,
        });
        (pull, push)
    }

    #[test]
    fn images_and_bases_are_read_and_repositories_written() {
        let (pull, push) = declared(
            Some("postgres:16"),
            r#"{"base":"registry.example/bases/rust:1","repository":"registry.example/{environment}/{service}","steps":[["registry.example/x"]]}"#,
        );
        assert_eq!(
            pull,
            ["docker.io/library/postgres", "registry.example/bases/rust"]
        );
        assert_eq!(push, ["registry.example/shop/api"]);
    }

    #[test]
    fn layouts_and_what_is_no_name_declare_nothing() {
        for (image, config) in [
            (Some("oci:images/db"), r#"{"base":"layout:a@sha256:0"}"#),
            (None, r#"{"base":7,"repository":"Not A Name"}"#),
            (None, "no json"),
        ] {
            assert_eq!(declared(image, config), (Vec::new(), Vec::new()));
        }
    }
}
