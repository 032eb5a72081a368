//! The `with` block: what is run, and what of it goes into the image.

use std::collections::BTreeMap;

use serde::Deserialize;
use stagewright_sdk::Problem;

/// Where outputs go that do not say it.
const APP: &str = "/app";

#[derive(Deserialize)]
pub(crate) struct Config {
    pub(crate) steps: Vec<Run>,
    pub(crate) outputs: Vec<Packed>,
    #[serde(default)]
    pub(crate) caches: Vec<String>,
    tools: Option<Vec<String>>,
    command: Option<Vec<String>>,
    pub(crate) base: Option<String>,
}

/// A program to run: its words alone, or with a place and an environment.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Run {
    Words(Vec<String>),
    Placed {
        run: Vec<String>,
        r#in: Option<String>,
        #[serde(default)]
        variables: BTreeMap<String, String>,
    },
}

/// A file or folder that goes into the image.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Packed {
    Path(String),
    Placed { from: String, to: String },
}

/// The programs whose versions count.
pub(crate) enum Tools<'a> {
    /// Named by the user: one that cannot tell its version is an error.
    Named(&'a [String]),
    /// Taken from the steps: one that cannot tell is left to the build to fail of.
    Found(Vec<&'a str>),
}

impl Run {
    /// The program and its arguments.
    pub(crate) fn argv(&self) -> &[String] {
        match self {
            Self::Words(words) => words,
            Self::Placed { run, .. } => run,
        }
    }

    /// In the source of the service.
    pub(crate) fn folder(&self) -> &str {
        match self {
            Self::Words(_) => ".",
            Self::Placed { r#in, .. } => r#in.as_deref().unwrap_or("."),
        }
    }

    /// Its environment.
    pub(crate) fn variables(&self) -> impl Iterator<Item = (&str, &str)> {
        let variables = match self {
            Self::Words(_) => None,
            Self::Placed { variables, .. } => Some(variables),
        };
        let pairs = variables.into_iter().flatten();
        pairs.map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl Packed {
    /// In the source of the service, after the steps.
    pub(crate) fn from(&self) -> &str {
        match self {
            Self::Path(from) | Self::Placed { from, .. } => from,
        }
    }

    /// In the image.
    pub(crate) fn to(&self) -> String {
        match self {
            Self::Placed { to, .. } => to.clone(),
            Self::Path(from) => match from.rsplit('/').find(|part| !matches!(*part, "" | ".")) {
                Some(name) => format!("{APP}/{name}"),
                None => APP.to_owned(),
            },
        }
    }
}

impl Config {
    /// The programs whose versions the result depends on.
    pub(crate) fn tools(&self) -> Tools<'_> {
        if let Some(tools) = &self.tools {
            return Tools::Named(tools);
        }
        // A program with a path is a part of the source, which counts anyway.
        let programs = self.steps.iter().filter_map(|step| step.argv().first());
        let mut found: Vec<&str> = programs
            .map(String::as_str)
            .filter(|program| !program.contains('/'))
            .collect();
        found.sort_unstable();
        found.dedup();
        Tools::Found(found)
    }

    /// The program of the image; empty: that of the base.
    pub(crate) fn command(&self) -> Vec<String> {
        match (&self.command, &self.base, self.outputs.first()) {
            (Some(command), _, _) => command.clone(),
            (None, None, Some(output)) => vec![output.to()],
            (None, _, _) => Vec::new(),
        }
    }

    /// What the schema cannot say.
    pub(crate) fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (index, step) in self.steps.iter().enumerate() {
            if leaves(step.folder()) {
                let at = format!("/steps/{index}/in");
                problems.push(Problem::new(at, "The folder has to be inside the source."));
            }
        }
        for (index, output) in self.outputs.iter().enumerate() {
            if leaves(output.from()) {
                let at = format!("/outputs/{index}");
                problems.push(Problem::new(at, "An output has to be inside the source."));
            }
            let to = output.to();
            if to.split('/').any(|part| part == "..") {
                let at = format!("/outputs/{index}/to");
                problems.push(Problem::new(at, "The target must not contain `..`."));
            }
            if self
                .outputs
                .iter()
                .take(index)
                .any(|earlier| earlier.to() == to)
            {
                let message = format!("Two outputs go to `{to}`; give one of them another `to`.");
                problems.push(Problem::new(format!("/outputs/{index}"), message));
            }
        }
        for (index, cache) in self.caches.iter().enumerate() {
            if leaves(cache) || cache.split('/').all(|part| matches!(part, "" | ".")) {
                let message = "A cache has to be a folder inside the source.";
                problems.push(Problem::new(format!("/caches/{index}"), message));
            }
            let overlaps = |earlier: &&String| {
                let (earlier, cache) = (format!("{earlier}/"), format!("{cache}/"));
                earlier.starts_with(&cache) || cache.starts_with(&earlier)
            };
            if let Some(earlier) = self.caches.iter().take(index).find(overlaps) {
                let message = format!("`{cache}` and `{earlier}` are in one another's place.");
                problems.push(Problem::new(format!("/caches/{index}"), message));
            }
        }
        problems
    }
}

/// What the host knows a cache by: a name of its own for every path, in the characters that the
/// host allows.
pub(crate) fn cache_name(path: &str) -> String {
    let mut name = String::from("at-");
    for byte in path.trim_matches('/').bytes() {
        match byte {
            b'.' | b'-' => name.push(char::from(byte)),
            byte if byte.is_ascii_alphanumeric() => name.push(char::from(byte)),
            byte => name.push_str(&format!("_{byte:02x}")),
        }
    }
    name
}

fn leaves(path: &str) -> bool {
    path.starts_with('/') || path.split('/').any(|part| part == "..")
}

#[cfg(test)]
mod tests;
