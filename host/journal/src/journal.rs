//! The journal as the rest of the host sees it, whatever database is behind it.
//!
//! It is a trait so that another database, or a decorator that observes or disturbs writes, can
//! stand in for the embedded one without the executor noticing. Implementations never answer a
//! write before it is durable.

use std::pin::Pin;

use crate::{
    Append, Claim, Deployment, DeploymentId, Entry, JournalError, NewDeployment, Selection,
};

/// What the methods of a [`Journal`] answer with: a boxed future, so that the trait has objects.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, JournalError>> + Send + 'a>>;

/// Durable facts of deployments, and the documents that change together with them.
///
/// Once a write was handed over it is carried out even when the answer is no longer awaited.
/// Reading never blocks writing.
pub trait Journal: Send + Sync + 'static {
    /// Records a queued deployment and gives it the next number of its environment, from 1.
    fn create(&self, deployment: NewDeployment) -> Answer<'_, DeploymentId>;

    /// Claims an environment, which is recorded when it was not known: appends that were
    /// claimed earlier are refused from now on. Whoever has taken the environment's lock does
    /// this once. `claimant` (one line, without secrets) names it to those who are refused.
    fn claim<'a>(&'a self, environment: &'a str, claimant: &'a str) -> Answer<'a, Claim>;

    /// Appends facts to a deployment, with everything else that an [`Append`] carries, all or
    /// nothing. Durable when it answers, with the id of the deployment that comes
    /// [`then`](Append::then), if there is one.
    ///
    /// # Errors
    /// [`JournalError::Superseded`] when somebody else has claimed the environment since.
    /// [`JournalError::Conflict`] when `first_seq` is not the next number: somebody else wrote.
    /// [`JournalError::Ended`] when the deployment has ended.
    fn append(&self, append: Append) -> Answer<'_, Option<DeploymentId>>;

    /// Removes what an ended deployment was made of and what happened in it, to make room:
    /// its description and its facts. What lists show of it stays, and its number is never
    /// given again. Durable when it answers; forgetting one twice is no error.
    ///
    /// The file does not become smaller; later writes use the room first.
    ///
    /// # Errors
    /// [`JournalError::Unfinished`] when the deployment has not ended.
    fn forget<'a>(&'a self, deployment: &'a DeploymentId) -> Answer<'a, ()>;

    /// Replaces a document of an environment, outside any deployment. Durable when it answers.
    /// The environment is recorded when it was not known.
    fn put_document<'a>(
        &'a self,
        environment: &'a str,
        key: &'a str,
        body: String,
    ) -> Answer<'a, ()>;

    /// Removes a document of an environment; one that was never put is none already. Durable
    /// when it answers.
    fn delete_document<'a>(&'a self, environment: &'a str, key: &'a str) -> Answer<'a, ()>;

    /// The facts of a deployment that come after `after_seq` (0: from the first), in order.
    ///
    /// At most `limit` and at most [`MAX_PAGE`](crate::MAX_PAGE) of them, and fewer when they are
    /// large; an empty answer alone means that there is no more.
    ///
    /// # Errors
    /// [`JournalError::Forgotten`] when they were removed.
    fn read<'a>(
        &'a self,
        deployment: &'a DeploymentId,
        after_seq: u64,
        limit: usize,
    ) -> Answer<'a, Vec<Entry>>;

    /// One deployment; `None` when there is none of that id.
    fn deployment<'a>(&'a self, id: &'a DeploymentId) -> Answer<'a, Option<Deployment>>;

    /// The description that a deployment was created with, as it was given.
    ///
    /// # Errors
    /// [`JournalError::Forgotten`] when it was removed.
    fn description<'a>(&'a self, id: &'a DeploymentId) -> Answer<'a, String>;

    /// The last `limit` deployments of one environment or of all, newest first.
    fn deployments<'a>(
        &'a self,
        environment: Option<&'a str>,
        limit: usize,
    ) -> Answer<'a, Vec<Deployment>>;

    /// The last `limit` and at most [`MAX_PAGE`](crate::MAX_PAGE) deployments of an environment
    /// that a selection takes in, newest first. What it leaves out does not count, however much
    /// of that there is.
    fn selected<'a>(
        &'a self,
        environment: &'a str,
        selection: Selection<'a>,
        limit: usize,
    ) -> Answer<'a, Vec<Deployment>>;

    /// The deployments of an environment that are queued or running, oldest first; the first
    /// [`MAX_PAGE`](crate::MAX_PAGE) of them.
    fn unfinished<'a>(&'a self, environment: &'a str) -> Answer<'a, Vec<Deployment>>;

    /// A document of an environment; `None` when it was never put.
    fn document<'a>(&'a self, environment: &'a str, key: &'a str) -> Answer<'a, Option<String>>;

    /// The names of all environments that were ever recorded, in alphabetical order.
    fn environments(&self) -> Answer<'_, Vec<String>>;

    /// Begins to watch for writes, by this process or another one. Watch first, then read, then
    /// wait: so nothing is missed. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// When the operating system refuses another watch.
    fn watch(&self) -> Result<Box<dyn Watch>, JournalError>;
}

/// Waits for writes to a journal.
pub trait Watch: Send {
    /// Completes when something was written since [`Journal::watch`], or since this was last
    /// completed; several writes may be told as one.
    fn changed(&mut self) -> Answer<'_, ()>;
}
