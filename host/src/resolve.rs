//! From an environment file to the description of a deployment: which plugins serve each
//! service, what their configuration must look like, which commits are meant. Whatever is
//! wrong is told at once, at its line, before anything starts.

mod needs;
mod standing;
mod strategy;
mod world;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail};
use stagewright_pipeline::environment::{self, Checked, Configured, Problem, Problems, Service};
use stagewright_pipeline::{Action, PluginRecord};
use stagewright_runtime::{Plugin, Role};
use tokio_util::sync::CancellationToken;

use crate::compose::Host;
use crate::description::{Description, Subject};
use crate::executor::{declared_commands, read_ledger};
use crate::source::{CommitId, Repository, Resolver, Revision};
pub(crate) use standing::standing;
pub(crate) use strategy::Choice;

/// An environment file with everything that it refers to.
pub(crate) struct Resolved {
    /// What a deployment of it is made of.
    pub(crate) description: Description,
    /// What was chosen for each service, in the order of the file.
    pub(crate) choices: Vec<Choices>,
    /// Services that are deployed and no longer in the file.
    pub(crate) orphans: Vec<String>,
}

/// How far an environment file is looked into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// The file and its plugins: the same on every machine.
    File,
    /// Also what a deployment takes from the world: commits, source folders, secrets, ports.
    World,
}

/// The plugins of a service, and who chose them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Choices {
    /// The builder.
    pub(crate) build: Option<Choice>,
    /// The publisher.
    pub(crate) push: Option<Choice>,
    /// The deployer.
    pub(crate) deploy: Option<Choice>,
}

/// Reads an environment file and everything that it refers to.
///
/// # Errors
/// All that is wrong with it, or what kept it from being found out.
pub(crate) async fn resolve(
    host: &Arc<Host>,
    file: &Path,
    action: Action,
    only: &[String],
    extent: Extent,
) -> Result<Resolved> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("cannot read the environment file {}", file.display()))?;
    let checked = environment::read(&file.display().to_string(), &text)?;
    let folder = folder_of(file)?;
    let only = selection(&checked, only)?;
    let mut resolution = Resolution {
        host,
        checked: &checked,
        folder: &folder,
        extent,
        commits: host.sources.resolver(),
        problems: Vec::new(),
    };
    let mut subjects = Vec::new();
    let mut choices = Vec::new();
    for service in &checked.environment.services {
        let takes_part = only.is_empty() || only.contains(&service.name);
        let (subject, chosen) = resolution.subject(service, takes_part).await?;
        subjects.extend(subject);
        choices.push(chosen);
    }
    if extent == Extent::World {
        resolution.check_ports(&subjects).await?;
    }
    let mut problems = resolution.problems;
    if !problems.is_empty() {
        problems.sort_by_key(|problem| (problem.line, problem.column));
        return Err(Problems {
            problems,
            left_out: 0,
        }
        .into());
    }
    let ledger = read_ledger(&*host.journal, &checked.environment.name).await?;
    let described = |name: &str| checked.environment.service(name).is_some();
    let orphans = ledger.orphans(described).map(str::to_owned).collect();
    // Who serves those that take no part is who deployed them.
    for subject in subjects.iter_mut().filter(|subject| !subject.takes_part) {
        let known = ledger.service(&subject.service.name);
        if let Some(instance) = known.and_then(|known| known.instances.last()) {
            subject.deploy = instance.plugin.clone();
        }
    }
    let description = Description {
        action,
        only: only.into_iter().collect(),
        with_data: false,
        folder,
        subjects,
        cancel_grace: host.config.cancel_grace.millis(),
        environment: checked.environment,
    };
    needs::check(host, &description, &ledger).await?;
    Ok(Resolved {
        description,
        choices,
        orphans,
    })
}

struct Resolution<'a> {
    host: &'a Arc<Host>,
    checked: &'a Checked,
    folder: &'a Path,
    extent: Extent,
    commits: Resolver,
    problems: Vec<Problem>,
}

impl Resolution<'_> {
    async fn subject(
        &mut self,
        service: &Service,
        takes_part: bool,
    ) -> Result<(Option<Subject>, Choices)> {
        let wanted = strategy::choose(service, &self.host.config);
        let choices = Choices {
            build: wanted.build,
            push: wanted.push,
            deploy: Some(wanted.deploy),
        };
        let build = self
            .plugin(service, Configured::Build, choices.build.as_ref())
            .await?;
        let push = self
            .plugin(service, Configured::Push, choices.push.as_ref())
            .await?;
        let deploy = self
            .plugin(service, Configured::Deploy, choices.deploy.as_ref())
            .await?;
        let takes_part_here = takes_part && self.extent == Extent::World;
        let commit = if takes_part_here {
            self.commit(service).await?
        } else {
            None
        };
        if takes_part_here && !service.skip {
            self.check_world(service).await;
        }
        let subject = deploy.map(|deploy| Subject {
            service: service.clone(),
            build,
            push,
            deploy,
            commit,
            takes_part,
        });
        Ok((subject, choices))
    }

    /// Loads a plugin and has it check its configuration.
    async fn plugin(
        &mut self,
        service: &Service,
        step: Configured,
        choice: Option<&Choice>,
    ) -> Result<Option<PluginRecord>> {
        let Some(choice) = choice else {
            return Ok(None);
        };
        let at = Checked::pointer_to_with(service, step);
        let plugin = match self
            .host
            .runtime()?
            .load(&choice.reference, self.folder)
            .await
        {
            Ok(plugin) => plugin,
            Err(error) => {
                self.tell(&at, &error.to_string(), None);
                return Ok(None);
            }
        };
        let (role, with) = match step {
            Configured::Build => (Role::Builder, &service.strategy.build.with),
            Configured::Push => (Role::Publisher, &service.strategy.push.with),
            Configured::Deploy => (Role::Deployer, &service.strategy.deploy.with),
        };
        if !plugin.roles().contains(&role) {
            let message = format!("{} is no {role}", choice.reference);
            self.tell(
                &at,
                &message,
                Some("`stagewright plugin inspect` tells what it is"),
            );
            return Ok(None);
        }
        let config = serde_json::to_string(with)?;
        if self.check_shape(service, step, &plugin)? {
            self.validate(&at, &plugin, &config).await;
        }
        Ok(Some(PluginRecord {
            name: choice.reference.clone(),
            digest: plugin.digest().to_string(),
            config,
        }))
    }

    /// Has the plugin itself look at its configuration.
    async fn validate(&mut self, at: &str, plugin: &Plugin, config: &str) {
        match plugin.validate(config).await {
            Ok(problems) => {
                for problem in problems {
                    self.tell(&format!("{at}{}", problem.at), &problem.message, None);
                }
            }
            Err(error) => {
                let failure = error.failure();
                self.tell(at, &failure.message, failure.hint.as_deref());
            }
        }
    }

    /// Holds the configuration against the plugin's own schema; true when it fits.
    fn check_shape(
        &mut self,
        service: &Service,
        step: Configured,
        plugin: &Plugin,
    ) -> Result<bool> {
        let name = plugin.reference();
        let schema = serde_json::from_str(&plugin.description().config_schema)
            .with_context(|| format!("the schema that {name} describes is no JSON"))?;
        let problems = self
            .checked
            .check_with(service, step, &schema)
            .map_err(|error| anyhow!("the schema that {name} describes cannot be used: {error}"))?;
        let fits = problems.is_empty();
        self.problems.extend(problems);
        Ok(fits)
    }

    async fn commit(&mut self, service: &Service) -> Result<Option<CommitId>> {
        let Some(git) = service
            .source
            .as_ref()
            .and_then(|source| source.git.as_ref())
        else {
            return Ok(None);
        };
        let resolved = async {
            let repository = Repository::parse(&git.url, self.folder)?;
            let revision = Revision::try_from(&git.revision)?;
            self.commits
                .resolve(&repository, &revision, &CancellationToken::new())
                .await
        };
        match resolved.await {
            Ok(commit) => Ok(Some(commit)),
            Err(error) => {
                self.tell(
                    &format!("{}/source/git", service.pointer()),
                    &error.to_string(),
                    None,
                );
                Ok(None)
            }
        }
    }

    fn tell(&mut self, pointer: &str, message: &str, hint: Option<&str>) {
        self.problems
            .push(self.checked.problem(pointer, message, hint));
    }
}

/// The programs that services declare for their own builds, which are granted with the file,
/// by the service that declares them.
pub(crate) fn granted_commands(description: &Description) -> Vec<(&str, Vec<String>)> {
    description
        .parts()
        .filter_map(|subject| {
            let commands = declared_commands(&subject.build.as_ref()?.config);
            (!commands.is_empty()).then_some((subject.service.name.as_str(), commands))
        })
        .collect()
}

fn selection(checked: &Checked, only: &[String]) -> Result<BTreeSet<String>> {
    let known = |name: &&String| checked.environment.service(name).is_none();
    let unknown: Vec<&str> = only.iter().filter(known).map(String::as_str).collect();
    if unknown.is_empty() {
        return Ok(only.iter().cloned().collect());
    }
    let names = checked
        .environment
        .services
        .iter()
        .map(|service| service.name.as_str());
    bail!(
        "there is no service {}; there are {}",
        unknown.join(", "),
        names.collect::<Vec<_>>().join(", ")
    )
}

fn folder_of(file: &Path) -> Result<PathBuf> {
    let file = file.canonicalize()?;
    Ok(file
        .parent()
        .context("the environment file is in no folder")?
        .to_owned())
}
