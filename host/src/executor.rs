//! Drives deployments: one process at a time for an environment, one deployment at a time, in
//! the order in which they were asked for.

mod assess;
mod attempt;
mod drive;
pub(crate) mod foresee;
mod ingredients;
mod ledger;
pub(crate) mod observe;
mod pace;
mod queue;
mod render;
mod repositories;
mod sealed;
mod source;
mod swap;
mod workshop;

use std::sync::Arc;

use anyhow::Result;
use stagewright_journal::{Claim, DeploymentId, EnvironmentLock, LockError};
use tokio::sync::mpsc;

use crate::compose::Host;
use crate::control::{Asked, Control};

pub(crate) use attempt::declared_commands;
pub(crate) use ledger::{left_by, read as read_ledger, read_left_by};
pub(crate) use queue::{cancel_alone, enqueue};
pub(crate) use repositories::{Naming, declared_repositories};

/// The sensitive outputs of an environment's jobs: what must not be shown.
///
/// # Errors
/// When they cannot be read.
pub(crate) fn sealed_values(host: &Host, environment: &str) -> Result<Vec<String>> {
    Ok(sealed::Sealed::new(host.home.sealed(environment)).values()?)
}

/// Requests that wait while the driver is busy with one.
const REQUESTS: usize = 16;

/// The right to drive an environment, and the ear for requests that comes with it.
pub(crate) struct Driver {
    host: Arc<Host>,
    environment: String,
    claim: Claim,
    requests: mpsc::Receiver<Asked>,
    sender: mpsc::Sender<Asked>,
    // Declared in this order so that the socket goes before the lock is given back.
    control: Control,
    lock: EnvironmentLock,
}

impl Driver {
    /// Becomes the driver of an environment. `None`: another process is.
    ///
    /// # Errors
    /// When the lock or the socket cannot be made, or the journal cannot be written.
    pub(crate) async fn try_new(host: &Arc<Host>, environment: &str) -> Result<Option<Self>> {
        match EnvironmentLock::acquire(&host.home.locks(), environment, "drives deployments") {
            Ok(lock) => Self::with(host, environment, lock).await.map(Some),
            Err(LockError::Held { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn with(host: &Arc<Host>, environment: &str, lock: EnvironmentLock) -> Result<Self> {
        let claimant = lock.holder().to_string();
        let claim = host.journal.claim(environment, &claimant).await?;
        // A process that was stopped before its claim may have lost the lock to a driver whose
        // claim came first, and must not go on in its place.
        lock.verify()?;
        let (sender, requests) = mpsc::channel(REQUESTS);
        Ok(Self {
            control: Control::listen(&host.home.control(environment), sender.clone())?,
            lock,
            host: Arc::clone(host),
            environment: environment.to_owned(),
            claim,
            requests,
            sender,
        })
    }

    /// Where this process can put requests to itself: an interrupt from the keyboard.
    pub(crate) fn requests(&self) -> mpsc::Sender<Asked> {
        self.sender.clone()
    }

    /// Drives everything that was asked for, oldest first, up to and including `last`; all
    /// there is when that is `None`.
    ///
    /// # Errors
    /// When the journal fails: then nothing further happens, and a later driver goes on.
    pub(crate) async fn run(mut self, last: Option<&DeploymentId>) -> Result<()> {
        let result = self.drive_all(last).await;
        let Self {
            requests,
            control,
            lock,
            ..
        } = self;
        drop(requests);
        // The last request may be what ended the deployment, and deserves its reply.
        control.close().await;
        drop(lock);
        result
    }

    async fn drive_all(&mut self, last: Option<&DeploymentId>) -> Result<()> {
        loop {
            queue::merge(&self.host, &self.claim).await?;
            let unfinished = self.host.journal.unfinished(&self.environment).await?;
            let Some(next) = unfinished.into_iter().next() else {
                return Ok(());
            };
            if last.is_some_and(|last| next.id.number() > last.number()) {
                return Ok(());
            }
            let (host, claim) = (Arc::clone(&self.host), self.claim.clone());
            let drive = drive::Drive::take_up(host, claim, next.id).await?;
            drive.run(&mut self.requests).await?;
        }
    }
}
