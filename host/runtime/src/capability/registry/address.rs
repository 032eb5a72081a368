//! How images in registries are named: `registry.example/team/app:tag@sha256:…`, and in short
//! forms as Docker reads them, where `postgres` means `docker.io/library/postgres:latest`.

use std::fmt;
use std::str::FromStr;

use oci_spec::distribution::Reference;

use super::RegistryError;
use crate::capability::images::Digest;

/// Longer ones are no names (distribution-spec 1.1, "Pulling manifests").
const LONGEST: usize = 1024;
const LONGEST_TAG: usize = 128;

/// One repository of one registry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Repository {
    registry: String,
    path: String,
}

/// What a reference names: a manifest of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// Where it is.
    pub repository: Repository,
    /// What it is called there.
    pub tag: Option<String>,
    /// Which it is. It counts more than the tag.
    pub digest: Option<Digest>,
}

impl Repository {
    /// The host, and the port if any: `registry.example:5000`. Docker's own is `docker.io`.
    #[must_use]
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The name inside the registry: `team/app`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The reference of one of its manifests.
    #[must_use]
    pub fn at(&self, digest: Digest) -> String {
        format!("{self}@{digest}")
    }

    /// Does a scope of the operator's cover it? A scope is a repository, or ends with `/` and
    /// covers all that begin so.
    pub(crate) fn is_in(&self, scope: &str) -> bool {
        match scope.strip_suffix('/') {
            None => scope.parse().is_ok_and(|one: Self| one == *self),
            Some("docker.io") => self.registry == "docker.io",
            Some(above) => {
                let name = self.to_string();
                let below = name.strip_prefix(above);
                below.is_some_and(|rest| rest.starts_with('/'))
            }
        }
    }
}

impl FromStr for Repository {
    type Err = RegistryError;

    /// Reads the name of a repository, which has neither tag nor digest.
    fn from_str(text: &str) -> Result<Self, RegistryError> {
        let has_tag = text
            .rsplit_once(':')
            .is_some_and(|(_, tag)| !tag.contains('/'));
        if has_tag || text.contains('@') {
            return Err(RegistryError::malformed(
                text,
                "a repository: `registry.example/team/app`, without a tag or a digest",
            ));
        }
        Ok(text.parse::<Address>()?.repository)
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.path)
    }
}

impl FromStr for Address {
    type Err = RegistryError;

    fn from_str(text: &str) -> Result<Self, RegistryError> {
        let malformed = || {
            RegistryError::malformed(
                text,
                "a reference to an image in a registry: `registry.example/team/app:tag` or `registry.example/team/app@sha256:…`",
            )
        };
        if text.len() > LONGEST || text.contains("://") {
            return Err(malformed());
        }
        let parsed: Reference = text.parse().map_err(|_| malformed())?;
        let digest = parsed.digest().map(str::parse).transpose();
        Ok(Self {
            repository: Repository {
                registry: parsed.registry().to_owned(),
                path: parsed.repository().to_owned(),
            },
            tag: parsed.tag().map(str::to_owned),
            digest: digest.map_err(RegistryError::Image)?,
        })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.repository)?;
        match (&self.digest, &self.tag) {
            (Some(digest), _) => write!(f, "@{digest}"),
            (None, Some(tag)) => write!(f, ":{tag}"),
            (None, None) => Ok(()),
        }
    }
}

/// A tag as the distribution specification allows it.
pub(super) fn checked_tag(tag: &str) -> Result<&str, RegistryError> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    let begins = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    if tag.len() <= LONGEST_TAG
        && tag.bytes().all(fits)
        && tag.as_bytes().first().is_some_and(begins)
    {
        return Ok(tag);
    }
    Err(RegistryError::malformed(
        tag,
        "a tag: at most 128 letters, digits, `_`, `.` and `-`, beginning with none of the last two",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository(text: &str) -> Repository {
        text.parse().unwrap()
    }

    #[test]
    fn short_names_mean_what_docker_takes_them_for() {
        for (short, whole) in [
            ("postgres:16", "docker.io/library/postgres:16"),
            ("postgres", "docker.io/library/postgres:latest"),
            ("team/app", "docker.io/team/app:latest"),
            ("localhost/app", "localhost/app:latest"),
            ("127.0.0.1:5000/app:1", "127.0.0.1:5000/app:1"),
            (
                "registry.example/team/app:1.4",
                "registry.example/team/app:1.4",
            ),
        ] {
            assert_eq!(short.parse::<Address>().unwrap().to_string(), whole);
        }
    }

    #[test]
    fn a_digest_counts_more_than_a_tag() {
        let digest = Digest::of(b"x");
        let address: Address = format!("example.org/app:1@{digest}").parse().unwrap();
        assert_eq!(address.tag.as_deref(), Some("1"));
        assert_eq!(address.to_string(), format!("example.org/app@{digest}"));
    }

    #[test]
    fn what_is_no_name_is_refused() {
        let long = "a/".repeat(600) + "a";
        for text in [
            "",
            "Upper/Case",
            "a//b",
            "https://example.org/a",
            "a@sha256:12",
            "a b",
            &long,
        ] {
            assert_eq!(
                text.parse::<Address>().unwrap_err().code(),
                "registry.malformed",
                "{text}"
            );
        }
        for text in ["example.org/app:1", "app@sha256:00"] {
            assert!(text.parse::<Repository>().is_err(), "{text}");
        }
        for tag in ["", ".x", "-x", "a b", "a/b", &"a".repeat(129)] {
            assert!(checked_tag(tag).is_err(), "{tag}");
        }
        assert_eq!(checked_tag("1.4_a-b").unwrap(), "1.4_a-b");
    }

    #[test]
    fn a_scope_covers_one_repository_or_all_that_begin_so() {
        let app = repository("example.org/team/app");
        for scope in ["example.org/team/app", "example.org/team/", "example.org/"] {
            assert!(app.is_in(scope), "{scope}");
        }
        for scope in [
            "example.org/team/ap",
            "example.org/te/",
            "example.org/team/app/",
            "/",
            "",
            "org/",
            "example.org",
        ] {
            assert!(!app.is_in(scope), "{scope}");
        }
        let postgres = repository("postgres");
        for scope in [
            "postgres",
            "docker.io/library/postgres",
            "docker.io/library/",
            "docker.io/",
        ] {
            assert!(postgres.is_in(scope), "{scope}");
        }
    }
}
