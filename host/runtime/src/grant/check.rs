//! Holds what a component imports against what it may use, before anything of it runs.
//!
//! The check is by function: a component that only mentions an interface's types needs no
//! grant for it.

use std::fmt;

use super::{Grants, RegistryGrant};
use crate::record::Need;

/// Interfaces that give no authority and need no grant.
const FREE: [&str; 5] = ["types", "log", "progress", "cancel", "clock"];

/// An import that the plugin may not use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The first function of its kind that is imported: `process.run`.
    pub import: String,
    /// The grant, as the operator's configuration spells it.
    pub grant: &'static str,
    /// What the plugin itself says that it needs the capability for. `None`: it does not ask.
    pub why: Option<String>,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.why {
            Some(why) => {
                write!(
                    f,
                    "it imports `{}`, which needs the grant `{}`",
                    self.import, self.grant
                )?;
                if why.is_empty() {
                    Ok(())
                } else {
                    write!(f, " (it says: {why})")
                }
            }
            None => write!(
                f,
                "it imports `{}`, but its description does not ask for `{}`",
                self.import,
                self.capability()
            ),
        }
    }
}

impl Missing {
    fn capability(&self) -> &str {
        self.import.split('.').next().unwrap_or_default()
    }
}

/// The grant that a function needs, and whether it is given. `None`: it needs none.
fn required(interface: &str, function: &str, grants: &Grants) -> Option<(&'static str, bool)> {
    if FREE.contains(&interface) {
        return None;
    }
    let process = grants.process.as_ref();
    let registry = grants.registry.as_ref();
    let docker = grants.docker.as_ref();
    Some(match (interface, function) {
        ("workspace", _) => ("workspace: true", grants.workspace),
        ("images", _) => ("images: true", grants.images),
        ("process", "run" | "version") => (
            "process: { commands: [PROGRAM, ...] }",
            process.is_some_and(|grant| grant.declared || !grant.commands.is_empty()),
        ),
        ("process", _) => (
            "process: { supervise: true }",
            process.is_some_and(|grant| grant.supervise),
        ),
        ("probe", _) => ("probe: true", grants.probe),
        ("secrets", "[method]secret.reveal") => (
            "secrets: { reveal: true }",
            grants.secrets.as_ref().is_some_and(|grant| grant.reveal),
        ),
        ("secrets", _) => ("secrets: {}", grants.secrets.is_some()),
        ("registry", "push" | "tag") => (
            "registry: { push: [REPOSITORY, ...] }",
            registry.is_some_and(|grant| grant.declared || !grant.push.is_empty()),
        ),
        ("registry", _) => (
            "registry: { pull: [REPOSITORY, ...] }",
            registry.is_some_and(RegistryGrant::reads),
        ),
        ("docker", "info") => ("docker: {}", docker.is_some()),
        ("docker", "build") => (
            "docker: { build: true }",
            docker.is_some_and(|grant| grant.build),
        ),
        ("docker", _) => (
            "docker: { run: true }",
            docker.is_some_and(|grant| grant.run),
        ),
        _ => ("a newer version of this host", false),
    })
}

/// Everything that is imported, as (interface, function), without being granted or asked for;
/// one entry for each grant.
pub(crate) fn missing<'a>(
    imports: impl Iterator<Item = (&'a str, &'a str)>,
    needs: &[Need],
    grants: &Grants,
) -> Vec<Missing> {
    let mut missing: Vec<Missing> = Vec::new();
    for (interface, function) in imports {
        let Some((grant, granted)) = required(interface, function, grants) else {
            continue;
        };
        let need = needs.iter().find(|need| need.capability == interface);
        if granted && need.is_some() {
            continue;
        }
        if missing.iter().any(|known| known.grant == grant) {
            continue;
        }
        missing.push(Missing {
            import: match function.starts_with("wasi:") {
                true => function.to_owned(),
                false => format!("{interface}.{}", plain(function)),
            },
            grant,
            why: need.map(|need| need.why.clone()),
        });
    }
    missing
}

/// The name of a function without the mark of its kind: `[method]secret.reveal` is
/// `secret.reveal`.
fn plain(function: &str) -> &str {
    function.rsplit(']').next().unwrap_or(function)
}

/// What remains of a grant when only these interfaces are imported and asked for.
pub(crate) fn effective(granted: &Grants, interfaces: &[&str], needs: &[Need]) -> Grants {
    let used =
        |name: &str| interfaces.contains(&name) && needs.iter().any(|need| need.capability == name);
    Grants {
        workspace: granted.workspace && used("workspace"),
        images: granted.images && used("images"),
        process: granted.process.clone().filter(|_| used("process")),
        probe: granted.probe && used("probe"),
        secrets: granted.secrets.clone().filter(|_| used("secrets")),
        registry: granted.registry.clone().filter(|_| used("registry")),
        docker: granted.docker.clone().filter(|_| used("docker")),
    }
}

#[cfg(test)]
mod tests;
