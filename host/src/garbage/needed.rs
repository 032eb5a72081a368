//! What the kept history needs: the deployments themselves, and what they were made of.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashSet};

use anyhow::Result;
use stagewright_journal::{Deployment, DeploymentId, MAX_PAGE, Selection, State as Life};
use stagewright_pipeline::{Action, Ledger};

use crate::compose::Host;
use crate::description::{Description, Subject};
use crate::executor::{read_ledger, read_left_by};
use crate::follow::read_description;
use crate::resolve::named;
use crate::source::{NeededCommits, Repository};

/// What must stay.
#[derive(Default)]
pub(super) struct Needed {
    /// Digests of plugins.
    pub(super) plugins: HashSet<String>,
    /// Digests of images.
    pub(super) images: HashSet<String>,
    /// Trees of repositories.
    pub(super) commits: NeededCommits,
    /// What was asked for first of all that has not ended, in milliseconds since 1970.
    pub(super) oldest_unfinished: Option<u64>,
}

/// What of one environment stays and what goes.
pub(super) struct History {
    /// Its name.
    pub(super) environment: String,
    /// Deployments that nobody needs any more, oldest first.
    pub(super) forgotten: Vec<DeploymentId>,
    /// Numbers of those that stay.
    pub(super) kept: BTreeSet<u64>,
    /// The number of the newest that was looked at; what came since is not known here.
    pub(super) newest: u64,
    /// Services that a kept deployment describes, or of which there is something.
    pub(super) services: BTreeSet<String>,
}

impl Needed {
    /// Looks at an environment, of which so many deployments that left a state are to be kept,
    /// and as many others.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub(super) async fn add(
        &mut self,
        host: &Host,
        environment: &str,
        history: usize,
    ) -> Result<History> {
        let known = Known::read(host, environment).await?;
        let ledger = read_ledger(&*host.journal, environment).await?;
        let mut kept = known.kept(history);
        let oldest = known.unfinished.iter().map(|one| one.created_ms).min();
        self.oldest_unfinished = self.oldest_unfinished.into_iter().chain(oldest).min();

        let mut services = BTreeSet::new();
        let mut instances = self.ledger(&ledger);
        let there = ledger
            .services()
            .filter(|(_, record)| !record.instances.is_empty());
        services.extend(there.map(|(name, _)| name.to_owned()));
        for &number in &kept {
            if let Some(left) = read_left_by(&*host.journal, environment, number).await? {
                instances.extend(self.ledger(&left));
            }
        }
        let in_history = kept.clone();
        kept.extend(instances);
        for &number in &kept {
            let id = DeploymentId::new(environment, number);
            let found = host.journal.deployment(&id).await?;
            if found.is_none_or(|one| one.forgotten) {
                continue;
            }
            let description = read_description(&*host.journal, &id).await?;
            self.description(&description);
            // Of those that are kept for what they deployed only that is of interest.
            if in_history.contains(&number) {
                let names = description.subjects.iter();
                services.extend(names.map(|subject| subject.service.name.clone()));
            }
        }
        let mut forgotten = known.ids();
        forgotten.retain(|id| !kept.contains(&id.number()));
        Ok(History {
            environment: environment.to_owned(),
            newest: known.newest,
            forgotten,
            kept,
            services,
        })
    }

    /// Needs what a ledger names; the answer is the deployments that made what there is.
    fn ledger(&mut self, ledger: &Ledger) -> BTreeSet<u64> {
        let mut deployments = BTreeSet::new();
        for (_, record) in ledger.services() {
            let built = record
                .built
                .as_ref()
                .and_then(|built| built.reference.as_deref());
            let deployed = record.deployed.as_ref();
            let deployed = deployed.and_then(|deployed| deployed.reference.as_deref());
            let references = [built, record.reference(), deployed];
            self.images
                .extend(references.into_iter().flatten().filter_map(digest));
            for instance in &record.instances {
                self.plugins.insert(instance.plugin.digest.clone());
                deployments.insert(instance.deployment);
            }
        }
        deployments
    }

    fn description(&mut self, description: &Description) {
        let earlier = description.earlier.iter();
        let images = earlier.flat_map(|earlier| earlier.images.values());
        self.images.extend(images.filter_map(|image| digest(image)));
        for subject in &description.subjects {
            let image = subject.service.image.as_deref();
            self.images.extend(image.and_then(digest));
            let plugins = [
                subject.build.as_ref(),
                subject.push.as_ref(),
                Some(&subject.deploy),
            ];
            let digests = plugins
                .into_iter()
                .flatten()
                .map(|plugin| plugin.digest.clone());
            self.plugins.extend(digests);
            self.commit(description, subject);
        }
    }

    fn commit(&mut self, description: &Description, subject: &Subject) {
        let source = subject.service.source.as_ref();
        let git = source.and_then(|source| source.git.as_ref());
        if let (Some(git), Some(commit)) = (git, &subject.commit)
            && let Ok(repository) = Repository::parse(&git.url, &description.folder)
        {
            self.commits.insert(&repository, commit);
        }
    }
}

/// The deployments of an environment that are not forgotten, newest first. Of each kind the
/// newest [`MAX_PAGE`] are looked at; what is older goes when these are forgotten.
struct Known {
    /// Those that left a state to which one could go back.
    states: Vec<Deployment>,
    others: Vec<Deployment>,
    unfinished: Vec<Deployment>,
    /// The number of the newest of all.
    newest: u64,
}

impl Known {
    async fn read(host: &Host, environment: &str) -> Result<Self> {
        // First of all, so that what comes meanwhile is newer.
        let newest = host.journal.deployments(Some(environment), 1).await?;
        let selected = async |actions: &[&str]| {
            let selection = Selection {
                actions,
                forgotten: false,
            };
            let found = host.journal.selected(environment, selection, MAX_PAGE);
            found.await
        };
        // Apart, so that jobs by the hour push no state out that one can go back to.
        let states = selected(&named(Action::compares)).await?;
        let rest = selected(&named(|action| !action.compares())).await?;
        let begun = |one: &Deployment| one.started_ms.is_some();
        let (states, mut others): (Vec<_>, Vec<_>) = states.into_iter().partition(begun);
        others.extend(rest);
        others.sort_by_key(|one| Reverse(one.id.number()));
        // Also what has ended while this was read is as good as unfinished.
        let mut unfinished = host.journal.unfinished(environment).await?;
        let known = states.iter().chain(&others);
        unfinished.extend(known.filter(|one| one.state != Life::Ended).cloned());
        Ok(Self {
            states,
            others,
            unfinished,
            newest: newest.first().map_or(0, |one| one.id.number()),
        })
    }

    /// The numbers of those that stay for their own sake, where so many of each kind are to.
    fn kept(&self, history: usize) -> BTreeSet<u64> {
        let builds = |one: &&Deployment| matches!(one.action.as_str(), "deploy" | "redeploy");
        let newest = self.states.iter().take(history);
        newest
            .chain(self.others.iter().take(history))
            .chain(&self.unfinished)
            // What is described by it is what `start` and `destroy` go by.
            .chain(self.states.iter().find(builds))
            // What a deployment that fails goes back to by itself.
            .chain(self.states.iter().find(|one| one.state == Life::Ended))
            .map(|one| one.id.number())
            .collect()
    }

    /// All of them, oldest first.
    fn ids(&self) -> Vec<DeploymentId> {
        let mut all: Vec<&Deployment> = self.states.iter().chain(&self.others).collect();
        all.sort_by_key(|one| one.id.number());
        all.into_iter().map(|one| one.id.clone()).collect()
    }
}

/// The digest in a reference.
fn digest(reference: &str) -> Option<String> {
    let (_, digest) = reference.rsplit_once('@')?;
    Some(digest.to_owned())
}
