//! The engines that plugins reach through the host: asked whether they are there, whoever needs
//! them.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::Result;
use stagewright_runtime::{Grants, Plugin};

use super::{Finding, State};
use crate::compose::Host;
use crate::resolve::Resolved;

/// Asks all of them. `resolved`: the environment that may need them.
pub(super) async fn examine(host: &Arc<Host>, resolved: Option<&Resolved>) -> Vec<Finding> {
    vec![docker(host, resolved).await]
}

async fn docker(host: &Arc<Host>, resolved: Option<&Resolved>) -> Finding {
    const SUBJECT: &str = "docker";
    let asked = async {
        let runtime = host.runtime()?;
        let users = users(host, resolved, |grants| grants.docker.is_some()).await?;
        Ok::<_, anyhow::Error>((runtime.docker().info().await, runtime, users))
    };
    let (info, runtime, users) = match asked.await {
        Ok(asked) => asked,
        Err(error) => return Finding::new(SUBJECT, State::Missing, format!("{error:#}")),
    };
    let needed_by = match users.is_empty() {
        true => String::new(),
        false => format!(
            "; needed by {}",
            users.into_iter().collect::<Vec<_>>().join(", ")
        ),
    };
    match info {
        Ok(info) => {
            let builder = match info.buildkit {
                true => "with BuildKit",
                false => "without BuildKit",
            };
            let (place, version, platform) = (runtime.docker().host(), info.version, info.platform);
            let found = format!("{version} for {platform} {builder} at {place}{needed_by}");
            Finding::new(SUBJECT, State::Ready, found)
        }
        Err(error) => {
            let state = match needed_by.is_empty() {
                true => State::Unneeded,
                false => State::Missing,
            };
            let finding = Finding::new(SUBJECT, state, format!("{error}{needed_by}"));
            match error.hint() {
                Some(hint) => finding.hint(hint),
                None => finding,
            }
        }
    }
}

/// The services of an environment whose plugins may use something.
async fn users(
    host: &Arc<Host>,
    resolved: Option<&Resolved>,
    may_use: impl Fn(&Grants) -> bool,
) -> Result<BTreeSet<String>> {
    let runtime = host.runtime()?;
    let mut users = BTreeSet::new();
    let description = resolved.map(|resolved| &resolved.description);
    for (description, subject) in description.into_iter().flat_map(|description| {
        description
            .subjects
            .iter()
            .map(move |subject| (description, subject))
    }) {
        let records = [
            subject.build.as_ref(),
            subject.push.as_ref(),
            Some(&subject.deploy),
        ];
        for record in records.into_iter().flatten() {
            let plugin: Plugin = runtime.load(&record.name, &description.folder).await?;
            if may_use(plugin.grants()) {
                users.insert(subject.service.name.clone());
            }
        }
    }
    Ok(users)
}
