//! What a verb is about: an environment or a deployment, by name, by file, or by being the
//! only one there is.

use std::path::Path;

use anyhow::{Context, Result, bail};
use stagewright_journal::{Deployment, DeploymentId};
use stagewright_pipeline::environment;

use crate::compose::Host;

/// Where an environment file is looked for when nothing is said.
const FILE: &str = "stagewright.yaml";

/// The name of the environment that is meant.
///
/// # Errors
/// When nothing of that name is known, or nothing is said and there are several.
pub(crate) async fn environment(host: &Host, said: Option<&str>) -> Result<String> {
    let known = host.journal.environments().await?;
    let name = match said {
        Some(path) if is_path(path) => name_in(Path::new(path))?,
        Some(name) => name.to_owned(),
        None if Path::new(FILE).exists() => name_in(Path::new(FILE))?,
        None => match known.as_slice() {
            [one] => one.clone(),
            [] => bail!(
                "nothing was ever deployed here, and there is no {FILE}; begin with \
                 `stagewright init` and `stagewright deploy`"
            ),
            many => bail!("which environment? There are {}", many.join(", ")),
        },
    };
    if !known.contains(&name) {
        let others = match known.as_slice() {
            [] => "nothing was ever deployed here".to_owned(),
            known => format!("there are {}", known.join(", ")),
        };
        bail!("environment `{name}` was never deployed; {others}");
    }
    Ok(name)
}

/// The deployment that is meant: by its id, or the last one of an environment.
///
/// # Errors
/// When there is none.
pub(crate) async fn deployment(host: &Host, said: Option<&str>) -> Result<Deployment> {
    if let Some(deployment) = by_id(host, said).await? {
        return Ok(deployment);
    }
    let environment = environment(host, said).await?;
    let last = host.journal.deployments(Some(&environment), 1).await?;
    last.into_iter()
        .next()
        .with_context(|| format!("environment `{environment}` has no deployment"))
}

/// The deployment that is meant: by its id, or the first of an environment's that has not
/// ended, which is the one that runs.
///
/// # Errors
/// When there is none.
pub(crate) async fn unfinished(host: &Host, said: Option<&str>) -> Result<Deployment> {
    if let Some(deployment) = by_id(host, said).await? {
        return Ok(deployment);
    }
    let environment = environment(host, said).await?;
    let first = host
        .journal
        .unfinished(&environment)
        .await?
        .into_iter()
        .next();
    first.with_context(|| format!("no deployment of `{environment}` runs or waits"))
}

/// Nothing when what is said can only be an environment: those may end in a number as well.
async fn by_id(host: &Host, said: Option<&str>) -> Result<Option<Deployment>> {
    let Some(id) = said.and_then(|said| said.parse::<DeploymentId>().ok()) else {
        return Ok(None);
    };
    if let Some(deployment) = host.journal.deployment(&id).await? {
        return Ok(Some(deployment));
    }
    let known = host.journal.environments().await?;
    if said.is_some_and(|said| known.iter().any(|name| name == said)) {
        return Ok(None);
    }
    let last = host.journal.deployments(Some(id.environment()), 1).await?;
    match last.first() {
        Some(last) => bail!(
            "there is no deployment {id}; the last one of `{}` is {}",
            id.environment(),
            last.id
        ),
        None => Ok(None),
    }
}

fn is_path(said: &str) -> bool {
    said.contains('/') || said.ends_with(".yaml") || said.ends_with(".yml")
}

fn name_in(path: &Path) -> Result<String> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(environment::read(&path.display().to_string(), &text)?
        .environment
        .name)
}
