//! From an environment file to the description of a deployment: which plugins serve each
//! service, what their configuration must look like, which commits are meant. Whatever is
//! wrong is told at once, at its line, before anything starts.

mod chosen;
mod earlier;
mod needs;
mod past;
mod secrets;
mod standing;
mod strategy;
mod world;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, bail};
use futures::future::try_join_all;
use stagewright_pipeline::Action;
use stagewright_pipeline::environment::{self, Checked, Configured, Problem, Problems, Service};
use stagewright_runtime::Declared;
use tokio_util::sync::CancellationToken;

use crate::compose::Host;
use crate::description::{Description, Subject};
use crate::executor::{Naming, declared_commands, declared_repositories, read_ledger};
use crate::source::{CommitId, Repository, Resolver, Revision};
use chosen::Schemas;
pub(crate) use earlier::{earlier, undoing};
pub(crate) use past::named;
pub(crate) use secrets::check_secrets;
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
    // The sandbox is made while the file is read, as both take some milliseconds.
    let maker = Arc::clone(host);
    let sandbox = tokio::task::spawn_blocking(move || maker.runtime().map(drop));
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("cannot read the environment file {}", file.display()))?;
    let checked = environment::read(&file.display().to_string(), &text)?;
    let folder = folder_of(file)?;
    let only = selection(&checked, only)?;
    let resolution = Resolution {
        host,
        checked: &checked,
        folder: &folder,
        extent,
        commits: host.sources.resolver(),
        schemas: Mutex::default(),
        problems: Mutex::default(),
    };
    sandbox.await??;
    let services = || checked.environment.services.iter();
    let takes_part = |service: &Service| only.is_empty() || only.contains(&service.name);
    let subjects = services().map(|service| resolution.subject(service, takes_part(service)));
    let (found, (), ledger) = tokio::try_join!(
        try_join_all(subjects),
        resolution.check_ports(services().filter(|service| takes_part(service))),
        read_ledger(&*host.journal, &checked.environment.name),
    )?;
    let (subjects, choices): (Vec<_>, Vec<_>) = found.into_iter().unzip();
    let mut subjects: Vec<Subject> = subjects.into_iter().flatten().collect();
    resolution.verdict()?;
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
        earlier: None,
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
    /// Of the plugins' configurations.
    schemas: Mutex<Schemas>,
    problems: Mutex<Vec<Problem>>,
}

impl Resolution<'_> {
    async fn subject(
        &self,
        service: &Service,
        takes_part: bool,
    ) -> Result<(Option<Subject>, Choices)> {
        let wanted = strategy::choose(service, &self.host.config);
        let choices = Choices {
            build: wanted.build,
            push: wanted.push,
            deploy: Some(wanted.deploy),
        };
        let looks = takes_part && self.extent == Extent::World;
        let (build, push, deploy, commit, ()) = tokio::try_join!(
            self.plugin(service, Configured::Build, choices.build.as_ref()),
            self.plugin(service, Configured::Push, choices.push.as_ref()),
            self.plugin(service, Configured::Deploy, choices.deploy.as_ref()),
            async {
                Ok(if looks {
                    self.commit(service).await
                } else {
                    None
                })
            },
            async {
                if looks && !service.skip {
                    self.check_world(service).await;
                }
                Ok(())
            },
        )?;
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

    async fn commit(&self, service: &Service) -> Option<CommitId> {
        let git = service.source.as_ref()?.git.as_ref()?;
        let resolved = async {
            let repository = Repository::parse(&git.url, self.folder)?;
            let revision = Revision::try_from(&git.revision)?;
            self.commits
                .resolve(&repository, &revision, &CancellationToken::new())
                .await
        };
        match resolved.await {
            Ok(commit) => Some(commit),
            Err(error) => {
                self.tell(
                    &format!("{}/source/git", service.pointer()),
                    &error.to_string(),
                    None,
                );
                None
            }
        }
    }

    fn tell(&self, pointer: &str, message: &str, hint: Option<&str>) {
        self.tell_all([self.checked.problem(pointer, message, hint)]);
    }

    fn tell_all(&self, found: impl IntoIterator<Item = Problem>) {
        let mut problems = self.problems.lock().unwrap_or_else(PoisonError::into_inner);
        problems.extend(found);
    }

    /// # Errors
    /// Everything that was told, in the order of the file.
    fn verdict(self) -> Result<(), Problems> {
        let problems = self.problems.into_inner();
        let mut problems = problems.unwrap_or_else(PoisonError::into_inner);
        if problems.is_empty() {
            return Ok(());
        }
        // Services are looked at together, so what is told of one place has no order of its own.
        problems.sort_by(|a, b| {
            let place = |problem: &Problem| (problem.line, problem.column);
            place(a)
                .cmp(&place(b))
                .then_with(|| a.message.cmp(&b.message))
        });
        Err(Problems {
            problems,
            left_out: 0,
        })
    }
}

/// The programs that a service declares for its own build, which are granted with the file.
pub(crate) fn granted_commands(subject: &Subject) -> Vec<String> {
    let build = subject.build.as_ref();
    build.map_or(Vec::new(), |build| declared_commands(&build.config))
}

/// The repositories that a service declares, which are granted with the file.
pub(crate) fn granted_repositories(environment: &str, subject: &Subject) -> Declared {
    let plugins = [subject.build.as_ref(), subject.push.as_ref()];
    let plugins = plugins.into_iter().flatten();
    let mut all = Declared::default();
    for plugin in plugins {
        let own = declared_repositories(&Naming {
            environment,
            service: &subject.service.name,
            image: subject.service.image.as_deref(),
            config: &plugin.config,
        });
        all.pull.extend(own.pull);
        all.push.extend(own.push);
    }
    for names in [&mut all.pull, &mut all.push] {
        names.sort();
        names.dedup();
    }
    all
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
