//! The past of an environment: which of its states a rollback goes back to when nobody names
//! one.
//!
//! It only ever goes further back. A rollback brings back a state that was there before, so
//! what lies before *that* is where the next one goes: two in a row never lead back to what the
//! first one was to undo. Must never count a state as another one when nothing would change.

use std::fmt::Write as _;

use anyhow::{Result, bail};
use stagewright_journal::{Deployment, MAX_PAGE, Selection, State as Life};
use stagewright_pipeline::environment::{Service, ServiceType};
use stagewright_pipeline::{Action, Deployed, Ending, Ledger};

use crate::compose::Host;
use crate::description::Description;
use crate::executor::read_left_by;
use crate::follow::read_description;

/// How many are named to somebody who has to choose.
const NAMED: usize = 10;

/// The deployments of an environment that left a state or removed one, for some of its services
/// or all.
pub(super) struct Past<'a> {
    host: &'a Host,
    environment: &'a str,
    /// The services that are asked about; empty means all.
    only: &'a [String],
    /// Newest first.
    deployments: Vec<Deployment>,
}

impl<'a> Past<'a> {
    /// Reads it.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub(super) async fn read(
        host: &'a Host,
        environment: &'a str,
        only: &'a [String],
    ) -> Result<Self> {
        let deployments = changes(host, environment).await?;
        Ok(Self {
            host,
            environment,
            only,
            deployments,
        })
    }

    /// The newest deployment that succeeded and left a state that is older than what runs and
    /// differs from it.
    ///
    /// # Errors
    /// When there is none: then those that can be named are told. When the journal cannot be
    /// read.
    pub(super) async fn target(&self, now: &Ledger) -> Result<u64> {
        let newest = self.newest_candidate().await?;
        for one in &self.deployments {
            let succeeded = one.result.as_deref() == Some(Ending::Succeeded.as_str());
            if one.id.number() <= newest && succeeded && self.differs(one, now).await? {
                return Ok(one.id.number());
            }
        }
        let mut others = Vec::new();
        for one in &self.deployments {
            if others.len() < NAMED && self.differs(one, now).await? {
                others.push(one.id.to_string());
            }
        }
        let mut message = format!(
            "`{}` has no state to go back to: no kept deployment that succeeded left another one \
             before what runs was deployed",
            self.environment
        );
        match others.as_slice() {
            [] => message.push_str("; `stagewright history` lists them all"),
            others => write!(
                message,
                "; with --to you can go to what another one left: {}",
                others.join(", ")
            )?,
        }
        bail!(message)
    }

    /// The number of the newest deployment that can be older than what runs.
    async fn newest_candidate(&self) -> Result<u64> {
        let mut bound = u64::MAX;
        for one in &self.deployments {
            let number = one.id.number();
            if number > bound {
                continue;
            }
            if one.forgotten {
                return Ok(number.saturating_sub(1));
            }
            let description = read_description(&*self.host.journal, &one.id).await?;
            if !self.touched_by(&description) {
                continue;
            }
            bound = number.saturating_sub(1);
            let earlier = description.earlier.as_ref();
            match earlier.filter(|_| self.covered_by(&description)) {
                // What runs is as old as what it brought back.
                Some(earlier) if one.result.as_deref() == Some(Ending::Succeeded.as_str()) => {
                    bound = bound.min(earlier.deployment);
                }
                // Where it did not get is still where to go.
                Some(earlier) => return Ok(bound.min(earlier.deployment)),
                None => return Ok(bound),
            }
        }
        Ok(0)
    }

    /// Would a rollback to what that deployment left change anything?
    async fn differs(&self, deployment: &Deployment, now: &Ledger) -> Result<bool> {
        if deployment.forgotten || deployment.state != Life::Ended {
            return Ok(false);
        }
        let number = deployment.id.number();
        let left = read_left_by(&*self.host.journal, self.environment, number).await?;
        let Some(left) = left else {
            return Ok(false);
        };
        let description = read_description(&*self.host.journal, &deployment.id).await?;
        Ok(left.services().any(|(name, record)| {
            let described = description.environment.service(name);
            let taken_back = described.is_some_and(|(_, service)| is_taken_back(service));
            let then = record.deployed.as_ref();
            let now = now
                .service(name)
                .and_then(|record| record.deployed.as_ref());
            self.asks_for(name) && taken_back && then.is_some_and(|then| !is_same(then, now))
        }))
    }

    fn asks_for(&self, service: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|name| name == service)
    }

    /// Did it work on any of the services that are asked about?
    fn touched_by(&self, description: &Description) -> bool {
        description.only.is_empty() || description.only.iter().any(|name| self.asks_for(name))
    }

    /// Did it work on all of them?
    fn covered_by(&self, description: &Description) -> bool {
        let all = || self.only.iter().all(|name| description.only.contains(name));
        description.only.is_empty() || (!self.only.is_empty() && all())
    }
}

/// The deployments of an environment that began to bring services to a described state or to
/// remove them, newest first, also those that are forgotten.
///
/// # Errors
/// When the journal cannot be read.
pub(super) async fn changes(host: &Host, environment: &str) -> Result<Vec<Deployment>> {
    // What was removed has no state any more, so what it was before is older.
    let actions = named(|action| action.compares() || action == Action::Destroy);
    let selection = Selection {
        actions: &actions,
        forgotten: true,
    };
    let found = host.journal.selected(environment, selection, MAX_PAGE);
    let mut changes = found.await?;
    changes.retain(|one| one.started_ms.is_some());
    Ok(changes)
}

/// The names of the actions that are so.
pub(crate) fn named(is_meant: impl Fn(Action) -> bool) -> Vec<&'static str> {
    let meant = Action::ALL.into_iter().filter(|&action| is_meant(action));
    meant.map(Action::as_str).collect()
}

/// Jobs are left alone by a rollback, unless they say that they run on one.
fn is_taken_back(service: &Service) -> bool {
    service.kind != ServiceType::Job || Action::Rollback.runs(&service.run)
}

/// A deploy that did not succeed has left nobody knows what, which is not the same as anything.
fn is_same(then: &Deployed, now: Option<&Deployed>) -> bool {
    now.is_some_and(|now| {
        now.fingerprint.is_some()
            && now.fingerprint == then.fingerprint
            && now.reference == then.reference
    })
}
