//! What is known of each service of an environment, over all its deployments.
//!
//! Folded from facts alone, so it can be made anew from the journal at any time: what was
//! built and from what, what was pushed where, what was deployed by which plugin with which
//! configuration, what jobs answered. Assessments compare with it, later stages read outputs
//! from it, and removal asks it who put an instance there. Must never be ahead of the journal.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::action::{Phase, Step};
use crate::course::Course;
use crate::fact::Fact;
use crate::fingerprint::Fingerprint;
use crate::outcome::{Outcome, Output, Product};
use crate::verdict::{Change, PluginRecord, Verdict};

/// What is known of an environment's services, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    services: BTreeMap<String, Record>,
}

/// What is known of one service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The last build that succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub built: Option<Built>,
    /// Where deployers find the image, by digest; of the last push or of an unchanged build.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pushed: Option<Pushed>,
    /// The last deploy that succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployed: Option<Deployed>,
    /// Who has put something into the world that nobody has removed yet. More than one after
    /// the strategy was swapped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub instances: Vec<Instance>,
    /// What the job answered when it last completed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<Output>,
    /// Outputs of other jobs that it was given when it was brought back to what it had been, by
    /// job; they may have answered otherwise since.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub given: BTreeMap<String, Vec<Output>>,
    /// What was last reported: `ready`, `completed`, `stopped`, `absent`, ...
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// The change that is being built.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    building: Option<Box<Change>>,
    /// The change that is being deployed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deploying: Option<Box<Change>>,
}

/// A build that succeeded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Built {
    /// What it was made from.
    pub fingerprint: Option<Fingerprint>,
    /// The image where it was made, by digest.
    pub reference: Option<String>,
    /// The number of the deployment.
    pub deployment: u64,
}

/// An image that deployers can find.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pushed {
    /// By digest.
    pub reference: Option<String>,
    /// What the pushed image was made from; equal to that of `built` unless a push failed.
    pub fingerprint: Option<Fingerprint>,
    /// The number of the deployment.
    pub deployment: u64,
}

/// A deploy that succeeded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployed {
    /// The state that it brought the service to. Nothing when a later deploy began and did
    /// not succeed: then nothing counts as unchanged.
    pub fingerprint: Option<Fingerprint>,
    /// The image, by digest.
    pub reference: Option<String>,
    /// The number of the deployment.
    pub deployment: u64,
}

/// Something in the world, and who can remove it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    /// The plugin that made it, with the configuration that it had.
    pub plugin: PluginRecord,
    /// The number of the deployment.
    pub deployment: u64,
    /// Its deploy was seen to succeed; else there may be something or nothing.
    pub confirmed: bool,
}

impl Ledger {
    /// What is known of a service.
    #[must_use]
    pub fn service(&self, name: &str) -> Option<&Record> {
        self.services.get(name)
    }

    /// All services that are known, by name.
    pub fn services(&self) -> impl Iterator<Item = (&str, &Record)> {
        self.services
            .iter()
            .map(|(name, record)| (name.as_str(), record))
    }

    /// Services with something in the world that the description does not name any more.
    pub fn orphans(&self, is_described: impl Fn(&str) -> bool) -> impl Iterator<Item = &str> {
        self.services()
            .filter(move |(name, record)| !record.instances.is_empty() && !is_described(name))
            .map(|(name, _)| name)
    }

    /// Folds a fact of the deployment with that number. Facts that concern no service, or one
    /// that the course does not have, change nothing.
    pub fn apply(&mut self, deployment: u64, course: &Course, fact: &Fact) {
        let service = match fact {
            Fact::ServiceAssessed { service, .. }
            | Fact::StepStarted { service, .. }
            | Fact::StepEnded { service, .. } => course.service(*service),
            _ => None,
        };
        let Some(service) = service else {
            return;
        };
        let record = self.services.entry(service.name.to_string()).or_default();
        match fact {
            Fact::ServiceAssessed { phase, verdict, .. } => {
                record.assess(deployment, *phase, verdict);
            }
            Fact::StepStarted {
                step: Step::Deploy, ..
            } => record.begin_deploy(deployment),
            Fact::StepEnded {
                step,
                outcome: Outcome::Succeeded(product),
                ..
            } => record.succeed(deployment, *step, product),
            _ => {}
        }
    }
}

impl Record {
    /// The image that the next deploy takes, by digest.
    #[must_use]
    pub fn reference(&self) -> Option<&str> {
        self.pushed.as_ref()?.reference.as_deref()
    }

    /// What the build that is to be made, or goes on, was decided by.
    #[must_use]
    pub fn decided(&self) -> Option<&Fingerprint> {
        self.building.as_ref()?.fingerprint.as_ref()
    }

    fn assess(&mut self, deployment: u64, phase: Phase, verdict: &Verdict) {
        match (phase, verdict) {
            (Phase::Build, Verdict::Unchanged(standing)) => {
                let known = self.pushed.take();
                self.pushed = Some(Pushed {
                    reference: standing
                        .reference
                        .clone()
                        .or_else(|| known.as_ref()?.reference.clone()),
                    fingerprint: standing
                        .fingerprint
                        .clone()
                        .or_else(|| known.as_ref()?.fingerprint.clone()),
                    deployment: known.map_or(deployment, |k| k.deployment),
                });
            }
            (Phase::Build, Verdict::Changed(change)) => {
                if let Some(built) = &change.built {
                    self.built = Some(Built {
                        fingerprint: change.fingerprint.clone(),
                        reference: Some(built.clone()),
                        deployment: self.built.take().map_or(deployment, |b| b.deployment),
                    });
                }
                self.building = Some(change.clone());
            }
            (Phase::Deploy, Verdict::Unchanged(standing)) => {
                if !standing.outputs.is_empty() {
                    self.outputs.clone_from(&standing.outputs);
                }
            }
            (Phase::Deploy, Verdict::Changed(change)) => self.deploying = Some(change.clone()),
            (_, Verdict::Failed(_)) => {}
        }
    }

    /// Before the effect: from now on there may be something of this plugin in the world.
    fn begin_deploy(&mut self, deployment: u64) {
        if let Some(deployed) = &mut self.deployed {
            deployed.fingerprint = None;
        }
        let Some(plugin) = self.deploying.as_ref().and_then(|c| c.plugin.clone()) else {
            return;
        };
        if !self.instances.iter().any(|i| i.plugin == plugin) {
            self.instances.push(Instance {
                plugin,
                deployment,
                confirmed: false,
            });
        }
    }

    fn succeed(&mut self, deployment: u64, step: Step, product: &Product) {
        match step {
            Step::Build => {
                if let (Some(made_from), Some(change)) = (&product.fingerprint, &mut self.building)
                {
                    change.fingerprint = Some(made_from.clone());
                }
                self.built = Some(Built {
                    fingerprint: self.building.as_ref().and_then(|c| c.fingerprint.clone()),
                    reference: product.reference.clone(),
                    deployment,
                });
            }
            Step::Push => {
                let change = self.building.take();
                self.pushed = Some(Pushed {
                    reference: product.reference.clone(),
                    fingerprint: change.and_then(|c| c.fingerprint),
                    deployment,
                });
            }
            Step::Deploy => self.deploy(deployment, product),
            Step::Restart | Step::Start => self.report(product, "ready"),
            Step::Stop => self.report(product, "stopped"),
            Step::Destroy => {
                self.deployed = None;
                self.instances.clear();
                self.outputs.clear();
                self.given.clear();
                self.report(product, "absent");
            }
        }
    }

    fn deploy(&mut self, deployment: u64, product: &Product) {
        let change = self.deploying.take().unwrap_or_default();
        let reference = product.reference.clone();
        self.deployed = Some(Deployed {
            fingerprint: change.fingerprint,
            reference: reference.or_else(|| self.reference().map(str::to_owned)),
            deployment,
        });
        if let Some(plugin) = change.plugin {
            // A newer version of the same plugin has taken over what the older one made.
            self.instances.retain(|i| {
                i.plugin.name != plugin.name && !product.removed.contains(&i.plugin.digest)
            });
            self.instances.push(Instance {
                plugin,
                deployment,
                confirmed: true,
            });
        }
        self.outputs.clone_from(&product.outputs);
        self.given = change.given;
        self.report(product, "ready");
    }

    fn report(&mut self, product: &Product, otherwise: &str) {
        let reported = product.condition.as_deref().unwrap_or(otherwise);
        self.condition = Some(reported.to_owned());
    }
}
