//! The calls of a deployer.

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use wasmtime::Store;

use super::Plugin;
use super::surroundings::Surroundings;
use crate::bindings::deployer::Guest as Deployer;
use crate::call::{Call, StepError};
use crate::harmless;
use crate::instance::{Answer, Guest};
use crate::record::{Change, Failure, Service, State, Step};
use crate::redactor::Redactor;

impl Plugin {
    /// The host name or address at which other services reach this one, deployed or not.
    ///
    /// # Errors
    /// As every call: see [`StepError`].
    pub async fn address(&self, call: Call) -> Result<String, StepError> {
        let address = self.ask("address", call, None, |deployer, store, _, service| {
            async move { deployer.call_address(store, &service).await }.boxed()
        });
        Ok(harmless::word("an address", address.await?)?)
    }

    /// What [`deploy`](Self::deploy) would do. No reference: the image is not built yet.
    ///
    /// # Errors
    /// As every call: see [`StepError`].
    pub async fn plan(
        &self,
        call: Call,
        reference: Option<String>,
    ) -> Result<Vec<Change>, StepError> {
        let handed = reference.clone();
        let redactor = Arc::clone(&call.redactor);
        let plan = self.ask("plan", call, handed, |deployer, store, _, service| {
            async move {
                deployer
                    .call_plan(store, &service, reference.as_deref())
                    .await
            }
            .boxed()
        });
        let mut changes = plan.await?;
        for change in &mut changes {
            redactor.replace(&mut change.object);
            redactor.replace(&mut change.reason);
        }
        harmless::changes(&mut changes);
        Ok(changes)
    }

    /// Brings the service to the state that is described, with this image. Returns when it is
    /// ready, or the job has completed.
    ///
    /// # Errors
    /// As every call: see [`StepError`].
    pub async fn deploy(&self, call: Call, reference: String) -> Result<State, StepError> {
        let handed = Some(reference.clone());
        self.change("deploy", call, handed, |deployer, store, step, service| {
            async move {
                deployer
                    .call_deploy(store, &step, &service, &reference)
                    .await
            }
            .boxed()
        })
        .await
    }

    /// What there is. Never changes anything.
    ///
    /// # Errors
    /// As every call: see [`StepError`].
    pub async fn observe(&self, call: Call) -> Result<State, StepError> {
        self.change("observe", call, None, |deployer, store, _, service| {
            async move { deployer.call_observe(store, &service).await }.boxed()
        })
        .await
    }

    /// Starts what was stopped.
    ///
    /// # Errors
    /// As every call: see [`StepError`].
    pub async fn start(&self, call: Call) -> Result<State, StepError> {
        self.change("start", call, None, |deployer, store, step, service| {
            async move { deployer.call_start(store, &step, &service).await }.boxed()
        })
        .await
    }

    /// Stops what runs, and keeps it.
    ///
    /// # Errors
    /// As every call: see [`StepError`].
    pub async fn stop(&self, call: Call) -> Result<State, StepError> {
        self.change("stop", call, None, |deployer, store, step, service| {
            async move { deployer.call_stop(store, &step, &service).await }.boxed()
        })
        .await
    }

    /// Stops what runs and starts it again.
    ///
    /// # Errors
    /// As every call: see [`StepError`].
    pub async fn restart(&self, call: Call) -> Result<State, StepError> {
        self.change("restart", call, None, |deployer, store, step, service| {
            async move { deployer.call_restart(store, &step, &service).await }.boxed()
        })
        .await
    }

    /// Removes what there is; `with_data`: volumes and data folders, too.
    ///
    /// # Errors
    /// As every call: see [`StepError`].
    pub async fn destroy(&self, call: Call, with_data: bool) -> Result<(), StepError> {
        self.ask(
            "destroy",
            call,
            None,
            move |deployer, store, step, service| {
                async move {
                    deployer
                        .call_destroy(store, &step, &service, with_data)
                        .await
                }
                .boxed()
            },
        )
        .await
    }

    /// A call that answers with a state, from which secrets are taken out.
    async fn change(
        &self,
        function: &'static str,
        call: Call,
        handed: Option<String>,
        body: impl for<'a> FnOnce(
            &'a Deployer,
            &'a mut Store<Guest>,
            Step,
            Service,
        ) -> BoxFuture<'a, Answer<State>>
        + Send
        + 'static,
    ) -> Result<State, StepError> {
        let redactor = Arc::clone(&call.redactor);
        let state = self.ask(function, call, handed, body).await?;
        Ok(clean(&redactor, state)?)
    }

    async fn ask<T: Send + 'static>(
        &self,
        function: &'static str,
        call: Call,
        handed: Option<String>,
        body: impl for<'a> FnOnce(
            &'a Deployer,
            &'a mut Store<Guest>,
            Step,
            Service,
        ) -> BoxFuture<'a, Answer<T>>
        + Send
        + 'static,
    ) -> Result<T, StepError> {
        let deployer = self.loaded.roles.deployer(&self.name)?;
        let (step, service) = (call.step.clone(), call.service.clone());
        let mut surroundings =
            Surroundings::open(&self.loaded, &self.name, &self.host, call, function).await?;
        if let Some(reference) = &handed {
            surroundings.hand(reference);
        }
        surroundings
            .run(move |store, _| {
                async move {
                    let deployer = deployer.instantiate_async(&mut *store).await?;
                    body(deployer.stagewright_plugin_deployer(), store, step, service).await
                }
                .boxed()
            })
            .await
    }
}

/// Takes secrets out. What a job declares to be sensitive becomes one.
fn clean(redactor: &Redactor, mut state: State) -> Result<State, Failure> {
    for output in state.outputs.iter().filter(|output| output.sensitive) {
        redactor.add(&output.value);
    }
    redactor.replace(&mut state.detail);
    harmless::state(&mut state)?;
    state.outputs = redactor.redact_outputs(state.outputs);
    Ok(state)
}
