//! The releases that a guest holds.

use std::collections::HashMap;

use wasmtime::component::Resource;

use super::super::{Launch, Port, Release, Value};
use super::ProcessView;
use super::convert::{launch, reveal, state};
use crate::bindings::offered::process::{self, HostRelease};
use crate::capability::images::{ImageError, check_runnable};
use crate::capability::refusal::Refusal;
use crate::record::{Failure, Output};

/// Lines of a release's log that one call answers with.
const MOST_LINES: u32 = 200;

type Handle = Resource<Release>;

impl ProcessView<'_> {
    fn release(&self, handle: &Handle) -> Result<Release, Refusal> {
        self.service()?;
        Ok(self.table.get(handle)?.clone())
    }
}

impl HostRelease for ProcessView<'_> {
    async fn step_id(&mut self, handle: Handle) -> wasmtime::Result<String> {
        Ok(self.table.get(&handle)?.step_id().to_owned())
    }

    async fn reference(&mut self, handle: Handle) -> wasmtime::Result<String> {
        Ok(self.table.get(&handle)?.reference().to_owned())
    }

    async fn state(&mut self, handle: Handle) -> Result<process::ReleaseState, Refusal> {
        let release = self.release(&handle)?;
        let asked = self
            .operations
            .tidying("asking for a state", move |_| release.state());
        Ok(state(asked.await??))
    }

    async fn start(&mut self, handle: Handle, wanted: process::Launch) -> Result<(), Refusal> {
        let release = self.release(&handle)?;
        let context = self.context()?;
        let launch: Launch = launch(context, wanted).await?;
        check(&release, &launch)?;
        // Also while a step is being cancelled: that is when an old release comes back.
        let start = self
            .operations
            .settle("starting a release", |_| async move {
                release.start(&launch).await
            });
        Ok(start.await??)
    }

    async fn start_again(&mut self, handle: Handle) -> Result<(), Refusal> {
        let release = self.release(&handle)?;
        let context = self.context()?;
        let asked = release.clone();
        let last = self
            .operations
            .tidying("reading a launch", move |_| asked.last_launch());
        let mut secrets = HashMap::new();
        for variable in last.await??.into_iter().flat_map(|launch| launch.variables) {
            if let Value::Secret { name, .. } = variable.value {
                let secret = reveal(context, &name).await?;
                secrets.insert(name, secret);
            }
        }
        let start = self
            .operations
            .settle("starting a release", |_| async move {
                release
                    .start_again(|name: &str| secrets.get(name).cloned())
                    .await
            });
        Ok(start.await??)
    }

    async fn stop(&mut self, handle: Handle) -> Result<(), Refusal> {
        let release = self.release(&handle)?;
        let stop = self.operations.settle(
            "stopping a release",
            |_| async move { release.stop().await },
        );
        Ok(stop.await??)
    }

    async fn wait(&mut self, handle: Handle) -> Result<process::Exit, Refusal> {
        let release = self.release(&handle)?;
        let wait = self
            .operations
            .run("waiting for a job", |token| async move {
                tokio::select! {
                    exit = release.wait() => exit.map_err(Failure::from),
                    () = token.cancelled() => {
                        // Nobody waits for the guest any more, so the job is ended here: it is
                        // part of the operation, which is named when it does not end in time.
                        release.stop().await.map_err(Failure::from)?;
                        Err(Failure::cancelled("waiting for the job"))
                    }
                }
            });
        Ok(wait.await??.into())
    }

    async fn outputs(&mut self, handle: Handle) -> Result<Vec<Output>, Refusal> {
        let release = self.release(&handle)?;
        let context = self.context()?;
        let read = self
            .operations
            .tidying("reading outputs", move |_| release.outputs());
        let outputs = read.await??.into_iter();
        let outputs: Vec<_> = outputs
            .map(|output| Output {
                name: output.name,
                value: output.value,
                sensitive: output.sensitive,
            })
            .collect();
        for output in outputs.iter().filter(|output| output.sensitive) {
            context.log.redactor().add(&output.value);
        }
        Ok(outputs)
    }

    async fn tail(&mut self, handle: Handle, lines: u32) -> Result<Vec<String>, Refusal> {
        let release = self.release(&handle)?;
        let lines = usize::try_from(lines.min(MOST_LINES)).unwrap_or_default();
        let read = self
            .operations
            .tidying("reading a log", move |_| release.tail(lines));
        let redactor = self.context()?.log.redactor();
        let lines = read.await??;
        Ok(lines
            .into_iter()
            .map(|line| redactor.redact(&line).into_owned())
            .collect())
    }

    async fn remove(&mut self, handle: Handle) -> Result<(), Refusal> {
        let release = self.release(&handle)?;
        let remove =
            self.operations.settle(
                "removing a release",
                |_| async move { release.remove().await },
            );
        Ok(remove.await??)
    }

    async fn drop(&mut self, handle: Handle) -> wasmtime::Result<()> {
        self.table.delete(handle)?;
        Ok(())
    }
}

/// Refuses a program that this machine cannot run, before the old release is stopped for it.
fn check(release: &Release, launch: &Launch) -> Result<(), ImageError> {
    let argv = if launch.argv.is_empty() {
        &release.meta.image.argv
    } else {
        &launch.argv
    };
    let program = argv.first().map_or("", String::as_str);
    let passed = &release.service.settings.passed;
    let path = passed
        .iter()
        .find(|(name, _)| name == "PATH")
        .map_or("", |(_, path)| path);
    check_runnable(&release.root(), program, path.as_ref())
}

impl From<crate::record::Port> for Port {
    fn from(port: crate::record::Port) -> Self {
        let crate::record::Port {
            name,
            number,
            protocol,
        } = port;
        Self {
            name,
            number,
            protocol,
        }
    }
}
