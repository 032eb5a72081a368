//! Follows one deployment from outside: its facts from the journal, what its steps say from
//! their logs, in the order in which they became known. Used by every view, in the process
//! that drives as well as in any other, so there is one way in which a deployment is seen.
//!
//! Never decides and never writes.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::{Context, Result};
use stagewright_journal::{DeploymentId, Journal, State as Life, Watch};
use stagewright_pipeline::{Course, Fact, Life as LifeOfState, State};

use crate::description::Description;
use crate::home::Home;
use crate::logs::{AttemptName, LogBell, LogReader, Said};

/// How many facts are read at once.
const PAGE: usize = 1_000;

/// Something that became known about a deployment.
#[derive(Clone, Debug)]
pub(crate) enum Update {
    /// A fact, which the follower's state holds already.
    Fact {
        /// Its number in the deployment, from 1 without gaps.
        seq: u64,
        /// When it was decided, in milliseconds since 1970.
        time_ms: u64,
        /// What.
        fact: Fact,
    },
    /// What a step said.
    Said(Said),
}

/// Follows one deployment.
pub(crate) struct Follower {
    journal: Arc<dyn Journal>,
    id: DeploymentId,
    description: Description,
    state: State,
    seq: u64,
    written: Box<dyn Watch>,
    logs: LogReader,
    bell: LogBell,
    /// Attempts whose logs may still grow.
    open: BTreeSet<AttemptName>,
    /// Read, and not handed out yet: what waits for more may be dropped at any time.
    pending: Vec<Update>,
}

impl Follower {
    /// Begins to follow a deployment, from its first fact.
    ///
    /// # Errors
    /// When there is no such deployment, or what is recorded of it cannot be read.
    pub(crate) async fn new(
        journal: Arc<dyn Journal>,
        home: &Home,
        id: DeploymentId,
    ) -> Result<Self> {
        let written = journal.watch()?;
        let description = read_description(&*journal, &id).await?;
        let course = Course::new(&description.course_spec(), description.action)?;
        let folder = home.logs(&id.to_string());
        Ok(Self {
            state: State::new(Arc::new(course)),
            seq: 0,
            written,
            bell: LogBell::listen(&folder)?,
            logs: LogReader::new(folder),
            open: BTreeSet::new(),
            pending: Vec::new(),
            journal,
            id,
            description,
        })
    }

    /// What the deployment is made of.
    pub(crate) fn description(&self) -> &Description {
        &self.description
    }

    /// The state after everything that was handed out.
    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    /// What became known since the last time; waits when that is nothing. `None`: the
    /// deployment has ended, or was merged into another, and everything was handed out.
    ///
    /// # Errors
    /// When journal or logs cannot be read.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<Update>>> {
        loop {
            let ended = self.has_ended().await?;
            let updates = self.read().await?;
            if !updates.is_empty() {
                return Ok(Some(updates));
            }
            if ended {
                return Ok(None);
            }
            tokio::select! {
                changed = self.written.changed() => changed?,
                heard = self.bell.heard() => heard?,
            }
        }
    }

    /// What is there now, without waiting.
    ///
    /// # Errors
    /// When journal or logs cannot be read.
    pub(crate) async fn read(&mut self) -> Result<Vec<Update>> {
        self.read_logs()?;
        loop {
            let entries = self.journal.read(&self.id, self.seq, PAGE).await?;
            if entries.is_empty() {
                return Ok(std::mem::take(&mut self.pending));
            }
            for entry in entries {
                let fact = Fact::from_json(&entry.body)
                    .with_context(|| format!("fact {} of {}", entry.seq, self.id))?;
                self.state.apply(&fact)?;
                self.seq = entry.seq;
                self.mark(&fact)?;
                self.pending.push(Update::Fact {
                    seq: entry.seq,
                    time_ms: entry.time_ms,
                    fact,
                });
            }
        }
    }

    /// Opens the log of an attempt that started; reads the rest of one that ended, so that
    /// what a step said comes before its end.
    fn mark(&mut self, fact: &Fact) -> Result<()> {
        let (service, step, attempt, ended) = match fact {
            Fact::StepStarted {
                service,
                step,
                attempt,
                ..
            } => (service, step, attempt, false),
            Fact::StepEnded {
                service,
                step,
                attempt,
                ..
            } => (service, step, attempt, true),
            _ => return Ok(()),
        };
        let name = AttemptName {
            service: self.state.course().service_name(*service).to_owned(),
            step: *step,
            attempt: *attempt,
        };
        if ended {
            let said = self.logs.read(&name)?;
            self.pending.extend(said.into_iter().map(Update::Said));
            self.open.remove(&name);
        } else {
            self.open.insert(name);
        }
        Ok(())
    }

    fn read_logs(&mut self) -> Result<()> {
        for name in &self.open {
            let said = self.logs.read(name)?;
            self.pending.extend(said.into_iter().map(Update::Said));
        }
        Ok(())
    }

    /// Has its driver begun with it?
    pub(crate) fn has_begun(&self) -> bool {
        self.state.life() != LifeOfState::New
    }

    /// Is it over?
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub(crate) async fn has_ended(&self) -> Result<bool> {
        let deployment = self.journal.deployment(&self.id).await?;
        Ok(deployment.is_none_or(|deployment| deployment.state == Life::Ended))
    }
}

/// What a deployment is made of, from the journal.
///
/// # Errors
/// When there is no such deployment, or a newer program described it.
pub(crate) async fn read_description(
    journal: &dyn Journal,
    id: &DeploymentId,
) -> Result<Description> {
    let text = journal.description(id).await?;
    serde_json::from_str(&text)
        .with_context(|| format!("the description of {id} cannot be read by this version"))
}
