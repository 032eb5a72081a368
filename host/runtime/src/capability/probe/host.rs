//! `probe` for guests.

use wasmtime::component::{HasData, Resource, ResourceTable};

use super::Error;
use crate::bindings::offered::probe::Host;
use crate::bindings::offered::process::Exit;
use crate::call::Operations;
use crate::capability::process::Release;
use crate::capability::refusal::Refusal;
use crate::record::{Failure, Retry};

/// Marks the data that `probe` works on.
pub(crate) struct ProbeAccess;

/// Whether the call may probe. Which releases it may probe is said by the handles it has.
pub(crate) struct ProbeContext {
    pub(crate) granted: bool,
}

/// The handles of the guest.
pub(crate) struct ProbeView<'a> {
    pub(crate) context: &'a ProbeContext,
    pub(crate) operations: &'a Operations,
    pub(crate) table: &'a mut ResourceTable,
}

impl HasData for ProbeAccess {
    type Data<'a> = ProbeView<'a>;
}

type Handle = Resource<Release>;

impl ProbeView<'_> {
    fn release(&self, handle: &Handle) -> Result<Release, Refusal> {
        if !self.context.granted {
            return Err(Failure::not_granted("probe").into());
        }
        Ok(self.table.get(handle)?.clone())
    }

    /// A probe ends when the step is cancelled: nobody waits for its answer any more.
    async fn probe<T: Send + 'static>(
        &mut self,
        probe: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Refusal> {
        let answer = self.operations.run("a probe", |token| async move {
            tokio::select! {
                answer = probe => answer.map_err(Failure::from),
                () = token.cancelled() => Err(Failure::cancelled("the probe")),
            }
        });
        Ok(answer.await??)
    }
}

impl Host for ProbeView<'_> {
    async fn tcp(&mut self, handle: Handle, port: u16, timeout_ms: u32) -> Result<(), Refusal> {
        let release = self.release(&handle)?;
        self.probe(async move { super::tcp(&release, port, timeout_ms).await })
            .await
    }

    async fn http(
        &mut self,
        handle: Handle,
        port: u16,
        path: String,
        timeout_ms: u32,
    ) -> Result<u16, Refusal> {
        let release = self.release(&handle)?;
        self.probe(async move { super::http(&release, port, &path, timeout_ms).await })
            .await
    }

    async fn exec(
        &mut self,
        handle: Handle,
        argv: Vec<String>,
        timeout_ms: u32,
    ) -> Result<Exit, Refusal> {
        let release = self.release(&handle)?;
        let exit = self
            .probe(async move { super::exec(&release, &argv, timeout_ms).await })
            .await?;
        Ok(exit.into())
    }

    async fn grpc(
        &mut self,
        handle: Handle,
        port: u16,
        service: String,
        timeout_ms: u32,
    ) -> Result<String, Refusal> {
        let release = self.release(&handle)?;
        self.probe(async move { super::grpc(&release, port, &service, timeout_ms).await })
            .await
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let retry = if error.is_transient() {
            Retry::Later
        } else {
            Retry::Never
        };
        let failure = Self::new(error.code(), error.to_string()).retry(retry);
        match error.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}
