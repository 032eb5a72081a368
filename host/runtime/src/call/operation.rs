//! What the host does for a guest that takes long enough to be aborted.
//!
//! Every effectful host call is an operation: it runs beside the guest, is told when the
//! call is over for whatever reason, and is waited for, so that "cancelled" can be said with
//! certainty. An operation that does not end in time is named, never forgotten.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinError;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::Cancel;
use crate::folder::Interrupt;
use crate::record::Failure;

/// How long an aborted operation has to end.
const CONFIRMATION: Duration = Duration::from_secs(30);

/// The operations of one call.
#[derive(Clone, Debug)]
pub(crate) struct Operations {
    requested: CancellationToken,
    forced: CancellationToken,
    aborted: CancellationToken,
    tracker: TaskTracker,
    names: Arc<Mutex<Names>>,
    /// How long an aborted operation has to end.
    confirmation: Duration,
}

#[derive(Debug, Default)]
struct Names {
    next: u64,
    running: BTreeMap<u64, &'static str>,
}

/// Takes the name of an operation off the list when the operation ends, however it does.
struct Named {
    names: Arc<Mutex<Names>>,
    id: u64,
}

impl Drop for Named {
    fn drop(&mut self) {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        names.running.remove(&self.id);
    }
}

impl Operations {
    pub(crate) fn new(cancel: &Cancel) -> Self {
        Self {
            requested: cancel.requested.clone(),
            forced: cancel.forced.clone(),
            aborted: CancellationToken::new(),
            tracker: TaskTracker::new(),
            names: Arc::default(),
            confirmation: CONFIRMATION,
        }
    }

    /// Fires when the step is asked to end: what waits ends by itself.
    pub(crate) fn requested(&self) -> &CancellationToken {
        &self.requested
    }

    /// Fires when the step is ended without asking: nobody is given time to end any more.
    pub(crate) fn forced(&self) -> &CancellationToken {
        &self.forced
    }

    /// Has the step been asked to end?
    pub(crate) fn is_cancelled(&self) -> bool {
        self.requested.is_cancelled() || self.aborted.is_cancelled()
    }

    /// Ends everything that is still going on when the answer is dropped.
    pub(crate) fn abort_on_drop(&self) -> DropGuard {
        self.aborted.clone().drop_guard()
    }

    /// Ends everything that is still going on, and waits for it. The answer names what did
    /// not end in time.
    pub(crate) async fn abort(&self) -> Vec<String> {
        self.aborted.cancel();
        self.tracker.close();
        if tokio::time::timeout(self.confirmation, self.tracker.wait())
            .await
            .is_ok()
        {
            return Vec::new();
        }
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        names
            .running
            .values()
            .map(|name| (*name).to_owned())
            .collect()
    }

    /// Runs blocking work that looks at its interrupt between its pieces; it is raised when
    /// the step is asked to end and when the call is over.
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        what: &'static str,
        work: impl FnOnce(&Interrupt) -> T + Send + 'static,
    ) -> wasmtime::Result<T> {
        self.run(what, |token| on_a_thread(token, work))
            .await?
            .map_err(|error| failed(what, &error))
    }

    /// Runs blocking work that has to be done although the step was cancelled; its interrupt
    /// is raised only when the call is over.
    pub(crate) async fn tidying<T: Send + 'static>(
        &self,
        what: &'static str,
        work: impl FnOnce(&Interrupt) -> T + Send + 'static,
    ) -> wasmtime::Result<T> {
        self.settle(what, |token| on_a_thread(token, work))
            .await?
            .map_err(|error| failed(what, &error))
    }

    /// Runs asynchronous work; the token that it is handed fires when the step is asked to
    /// end and when the call is over.
    pub(crate) async fn run<T, F>(
        &self,
        what: &'static str,
        work: impl FnOnce(CancellationToken) -> F,
    ) -> wasmtime::Result<T>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let token = self.aborted.child_token();
        let work = work(token.clone());
        let requested = self.requested.clone();
        self.spawn(what, async move {
            tokio::pin!(work);
            tokio::select! {
                answer = &mut work => return answer,
                () = requested.cancelled() => token.cancel(),
            }
            work.await
        })
        .await
    }

    /// Runs asynchronous work that has to be done although the step was cancelled; the token
    /// that it is handed fires only when the call is over.
    pub(crate) async fn settle<T, F>(
        &self,
        what: &'static str,
        work: impl FnOnce(CancellationToken) -> F,
    ) -> wasmtime::Result<T>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        self.spawn(what, work(self.aborted.clone())).await
    }

    async fn spawn<T: Send + 'static>(
        &self,
        what: &'static str,
        work: impl Future<Output = T> + Send + 'static,
    ) -> wasmtime::Result<T> {
        let named = self.name(what);
        let task = self.tracker.spawn(async move {
            let _named = named;
            work.await
        });
        task.await.map_err(|error| failed(what, &error))
    }

    /// The answer for new work of a step that has been asked to end.
    pub(crate) fn refuse_when_cancelled(&self, what: &str) -> Result<(), Failure> {
        if self.is_cancelled() {
            Err(Failure::cancelled(what))
        } else {
            Ok(())
        }
    }

    fn name(&self, what: &'static str) -> Named {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let id = names.next;
        names.next += 1;
        names.running.insert(id, what);
        Named {
            names: Arc::clone(&self.names),
            id,
        }
    }
}

/// Runs blocking work; raises its interrupt when the token fires, and waits for it then, too.
async fn on_a_thread<T: Send + 'static>(
    token: CancellationToken,
    work: impl FnOnce(&Interrupt) -> T + Send + 'static,
) -> Result<T, JoinError> {
    let interrupt = Interrupt::new();
    let seen = interrupt.clone();
    let mut task = tokio::task::spawn_blocking(move || work(&seen));
    tokio::select! {
        answer = &mut task => return answer,
        () = token.cancelled() => interrupt.raise(),
    }
    task.await
}

/// The host itself is at fault, not the guest. Ends the call, never the host.
#[derive(Debug, thiserror::Error)]
#[error("the host failed in {what}: {cause}")]
pub(crate) struct HostFault {
    pub(crate) what: String,
    pub(crate) cause: String,
}

fn failed(what: &str, error: &JoinError) -> wasmtime::Error {
    let (what, cause) = (what.to_owned(), error.to_string());
    wasmtime::Error::new(HostFault { what, cause })
}

#[cfg(test)]
mod tests;
