//! The containers that a guest holds.

use std::sync::Arc;

use wasmtime::component::Resource;

use super::super::Container;
use super::DockerView;
use crate::bindings::offered::docker::{ContainerState, HostContainer, Published};
use crate::bindings::offered::process::Exit;
use crate::capability::log::Origin;
use crate::capability::probe::{self, at};
use crate::capability::refusal::Refusal;
use crate::record::{Failure, Level, Output};

/// Lines of a container's log that one call answers with.
const MOST_LINES: u32 = 200;

type Handle = Resource<Container>;

impl DockerView<'_> {
    fn container(&self, handle: &Handle) -> Result<Container, Refusal> {
        self.running()?;
        Ok(self.table.get(handle)?.clone())
    }

    /// The container, if the service declares this tcp port.
    fn with_port(&self, handle: &Handle, port: u16) -> Result<Container, Refusal> {
        let container = self.container(handle)?;
        let mut ports = self.running()?.service.ports.iter();
        match ports.any(|one| one.number == port && one.protocol == "tcp") {
            true => Ok(container),
            false => Err(Failure::from(probe::Error::NotDeclared { port }).into()),
        }
    }
}

impl HostContainer for DockerView<'_> {
    async fn step_id(&mut self, handle: Handle) -> wasmtime::Result<String> {
        Ok(self.table.get(&handle)?.tag.step.clone())
    }

    async fn name(&mut self, handle: Handle) -> wasmtime::Result<String> {
        Ok(self.table.get(&handle)?.name.clone())
    }

    async fn reference(&mut self, handle: Handle) -> wasmtime::Result<String> {
        Ok(self.table.get(&handle)?.tag.reference.clone())
    }

    async fn state(&mut self, handle: Handle) -> Result<ContainerState, Refusal> {
        let container = self.container(&handle)?;
        let state = self
            .settle("asking for a state", async move { container.state().await })
            .await?;
        let redactor = self.running()?.log.redactor();
        Ok(ContainerState {
            condition: state.condition.to_owned(),
            exit: state.exit.map(exit),
            restarts: state.restarts,
            health: state.health.map(str::to_owned),
            health_output: redactor.redact(&state.health_output).into_owned(),
            detail: redactor.redact(&state.detail).into_owned(),
        })
    }

    async fn start(&mut self, handle: Handle) -> Result<(), Refusal> {
        let container = self.container(&handle)?;
        // Also while a step is being cancelled: that is when an old container comes back.
        self.settle(
            "starting a container",
            async move { container.start().await },
        )
        .await
    }

    async fn stop(&mut self, handle: Handle) -> Result<(), Refusal> {
        let container = self.container(&handle)?;
        self.settle(
            "stopping a container",
            async move { container.stop().await },
        )
        .await
    }

    async fn wait(&mut self, handle: Handle) -> Result<Exit, Refusal> {
        let container = self.container(&handle)?;
        let log = Arc::clone(&self.running()?.log);
        let wait = self
            .operations
            .run("waiting for a job", |token| async move {
                let mut print = |line: &str| log.write(Origin::Program, Level::Info, line, &[]);
                let to_its_end = async {
                    container.follow(&mut print).await?;
                    container.wait().await
                };
                tokio::select! {
                    ended = to_its_end => ended.map_err(Failure::from),
                    () = token.cancelled() => {
                        // Nobody waits for the guest any more, so the job is ended here.
                        container.stop().await?;
                        Err(Failure::cancelled("waiting for the job"))
                    }
                }
            });
        Ok(exit(wait.await??.exit.unwrap_or_default()))
    }

    async fn announce(&mut self, handle: Handle) -> Result<(), Refusal> {
        let container = self.container(&handle)?;
        self.settle("announcing a container", async move {
            container.announce().await
        })
        .await
    }

    async fn published(&mut self, handle: Handle) -> Result<Vec<Published>, Refusal> {
        let container = self.container(&handle)?;
        let published = self
            .ask(
                "asking for ports",
                async move { container.published().await },
            )
            .await?;
        let published = published.into_iter().map(|one| Published {
            port: one.port,
            protocol: one.protocol,
            host_port: Some(one.host_port),
        });
        Ok(published.collect())
    }

    async fn tail(&mut self, handle: Handle, lines: u32) -> Result<Vec<String>, Refusal> {
        let container = self.container(&handle)?;
        let lines = lines.min(MOST_LINES);
        let lines = self
            .settle("reading a log", async move { container.tail(lines).await })
            .await?;
        let redactor = self.running()?.log.redactor();
        let lines = lines.iter().map(|line| redactor.redact(line).into_owned());
        Ok(lines.collect())
    }

    async fn outputs(&mut self, handle: Handle) -> Result<Vec<Output>, Refusal> {
        let container = self.container(&handle)?;
        let outputs = self
            .settle("reading outputs", async move { container.outputs().await })
            .await?;
        let redactor = self.running()?.log.redactor();
        let outputs = outputs.into_iter().map(|output| {
            if output.sensitive {
                redactor.add(&output.value);
            }
            Output {
                name: output.name,
                value: output.value,
                sensitive: output.sensitive,
            }
        });
        Ok(outputs.collect())
    }

    async fn remove(&mut self, handle: Handle) -> Result<(), Refusal> {
        let container = self.container(&handle)?;
        self.settle(
            "removing a container",
            async move { container.remove().await },
        )
        .await
    }

    async fn probe_tcp(&mut self, handle: Handle, port: u16, timeout: u32) -> Result<(), Refusal> {
        let container = self.with_port(&handle, port)?;
        self.ask("a probe", async move {
            let address = container.reach(port).await?;
            at::tcp(address, timeout).await.map_err(Failure::from)
        })
        .await
    }

    async fn probe_http(
        &mut self,
        handle: Handle,
        port: u16,
        path: String,
        timeout: u32,
    ) -> Result<u16, Refusal> {
        let container = self.with_port(&handle, port)?;
        self.ask("a probe", async move {
            let address = container.reach(port).await?;
            at::http(address, &path, timeout)
                .await
                .map_err(Failure::from)
        })
        .await
    }

    async fn probe_grpc(
        &mut self,
        handle: Handle,
        port: u16,
        service: String,
        timeout: u32,
    ) -> Result<String, Refusal> {
        let container = self.with_port(&handle, port)?;
        self.ask("a probe", async move {
            let address = container.reach(port).await?;
            at::grpc(address, &service, timeout)
                .await
                .map_err(Failure::from)
        })
        .await
    }

    async fn probe_exec(
        &mut self,
        handle: Handle,
        argv: Vec<String>,
        timeout: u32,
    ) -> Result<Exit, Refusal> {
        let container = self.container(&handle)?;
        let code = self
            .ask(
                "a probe",
                async move { container.exec(argv, timeout).await },
            )
            .await?;
        Ok(exit(code))
    }

    async fn drop(&mut self, handle: Handle) -> wasmtime::Result<()> {
        self.table.delete(handle)?;
        Ok(())
    }
}

fn exit(code: i32) -> Exit {
    Exit {
        code: Some(code),
        signal: None,
    }
}
