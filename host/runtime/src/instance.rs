//! One call in its sandbox: a fresh store, bounded in every way, that is gone afterwards.
//!
//! Nothing survives a call but what it answers with. Whatever a guest does, loops, traps,
//! floods, ignores being cancelled, the call ends at its deadline at the latest, the place in
//! the pool is free again, and the error says why.

mod fault;
mod guest;

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use tokio_util::task::AbortOnDropHandle;
use wasmtime::Store;

use crate::call::{Cancel, StepError};
use crate::capability::log::{Origin, StepLog};
use crate::capability::workspace::Workspace;
use crate::engine::{Engine, Permit};
use crate::limits::Limits;
use crate::record::{CANCELLED, Failure, Level};

pub(crate) use guest::{Contexts, Guest, link};

/// How often the guest gives its thread back: at every tick of the epoch.
const TICKS: u64 = 1;

/// The answer of an exported function: wasmtime's error is a trap.
pub(crate) type Answer<T> = wasmtime::Result<Result<T, Failure>>;

/// What is to be called, and within which bounds.
pub(crate) struct Entry<'a> {
    pub(crate) engine: &'a Engine,
    /// The plugin, as people know it.
    pub(crate) plugin: &'a str,
    /// The exported function.
    pub(crate) function: &'static str,
    pub(crate) limits: Limits,
    pub(crate) deadline: Instant,
    /// The limit of the plugin that the deadline comes from, if it is not the step's.
    pub(crate) bound_by: Option<(&'static str, String)>,
    pub(crate) cancel: Cancel,
}

impl Entry<'_> {
    /// Waits for a place in the pool, and says so when there is none at once.
    pub(crate) async fn permit(&self, log: &StepLog) -> Result<Permit, StepError> {
        if self.engine.idle() == 0 {
            let capacity = self.engine.capacity();
            let message =
                format!("waiting: all {capacity} places for plugins of this host are taken");
            log.write(Origin::Host, Level::Info, &message, &[]);
        }
        tokio::select! {
            permit = self.engine.permit() => permit.map_err(|error| StepError::Host(error.to_string())),
            () = self.cancel.requested.cancelled() => Err(StepError::Cancelled { remains: Vec::new() }),
            () = self.cancel.forced.cancelled() => Err(StepError::Cancelled { remains: Vec::new() }),
            () = tokio::time::sleep_until(self.deadline.into()) => Err(self.timed_out(Duration::ZERO, Vec::new())),
        }
    }

    /// Runs the call to its end, whichever that is.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        permit: Permit,
        contexts: Contexts,
        body: impl for<'a> FnOnce(&'a mut Store<Guest>) -> BoxFuture<'a, Answer<T>> + Send + 'static,
    ) -> Result<T, StepError> {
        let log = Arc::clone(&contexts.log);
        let operations = contexts.operations.clone();
        let workspace = contexts.workspace.workspace.clone();
        // Also when this future is dropped, what it has begun ends.
        let _abort = operations.abort_on_drop();
        let began = Instant::now();
        let store = self.store(Guest::new(contexts, self.limits, self.deadline));
        let (plugin, function, limits) = (self.plugin.to_owned(), self.function, self.limits);
        let mut task = AbortOnDropHandle::new(tokio::spawn(async move {
            // In this order, so that the place is free before somebody else may take it.
            let _permit = permit;
            let mut store = store;
            match body(&mut store).await {
                Ok(answer) => answer.map_err(StepError::from),
                Err(error) => Err(fault::explain(
                    &plugin,
                    function,
                    &limits,
                    &error,
                    store.data(),
                )),
            }
        }));
        let ended = tokio::select! {
            biased;
            () = self.cancel.forced.cancelled() => Ended::Forced,
            () = tokio::time::sleep_until(self.deadline.into()) => Ended::Late,
            answer = &mut task => Ended::Answered(answer),
        };
        if !matches!(ended, Ended::Answered(_)) {
            // The guest is gone before its operations are ended, so that it starts no others.
            task.abort();
            let _ = task.await;
        }
        let remains = operations.abort().await;
        let tidied = finish(workspace).await;
        let result = match ended {
            Ended::Forced => Err(StepError::Cancelled { remains }),
            Ended::Late => Err(self.timed_out(began.elapsed(), remains)),
            Ended::Answered(Ok(answer)) => self.judge(answer, remains),
            Ended::Answered(Err(panic)) => Err(StepError::Host(format!(
                "the host failed in a call of {}: {panic}",
                self.plugin
            ))),
        };
        if let Err(error) = tidied {
            let message = format!("a cache could not be put back: {error}");
            log.write(Origin::Host, Level::Warn, &message, &[]);
        }
        log.finish();
        result.map_err(|error| error.cleaned(log.redactor()))
    }

    fn store(&self, guest: Guest) -> Store<Guest> {
        let mut store = Store::new(self.engine.wasm(), guest);
        store.limiter(|guest| &mut guest.limiter);
        store.set_hostcall_fuel(self.limits.hostcall.as_usize());
        store.set_max_component_handles(self.limits.handles as usize);
        store.set_epoch_deadline(TICKS);
        store.epoch_deadline_async_yield_and_update(TICKS);
        store
    }

    /// A guest that gives up because it was asked to has been cancelled, not failed.
    fn judge<T>(&self, answer: Result<T, StepError>, remains: Vec<String>) -> Result<T, StepError> {
        match answer {
            Err(StepError::Failed(failure))
                if failure.code == CANCELLED && self.cancel.requested.is_cancelled() =>
            {
                Err(StepError::Cancelled { remains })
            }
            other => other,
        }
    }

    fn timed_out(&self, after: Duration, remains: Vec<String>) -> StepError {
        let (plugin, function) = (self.plugin.to_owned(), self.function);
        StepError::TimedOut {
            plugin,
            function,
            after,
            limit: self.bound_by.clone(),
            remains,
        }
    }
}

enum Ended<T> {
    Forced,
    Late,
    Answered(T),
}

/// Brings the caches home.
async fn finish(workspace: Option<Arc<Workspace>>) -> Result<(), String> {
    let Some(workspace) = workspace else {
        return Ok(());
    };
    let finished = tokio::task::spawn_blocking(move || match Arc::into_inner(workspace) {
        Some(workspace) => workspace.finish().map_err(|error| error.to_string()),
        // What still uses it was named as remaining, and puts them back when it ends.
        None => Ok(()),
    });
    finished
        .await
        .unwrap_or_else(|error| Err(error.to_string()))
}
