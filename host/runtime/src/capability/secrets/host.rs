//! `secrets` for guests.

use wasmtime::component::{HasData, Resource, ResourceTable};

use super::{Secret, SecretsContext, unknown};
use crate::bindings::offered::secrets::{Host, HostSecret};
use crate::record::Failure;

/// Marks the data that `secrets` works on.
pub(crate) struct SecretAccess;

/// The secrets of the call and the handles of the guest.
pub(crate) struct SecretsView<'a> {
    pub(crate) context: &'a SecretsContext,
    pub(crate) table: &'a mut ResourceTable,
}

impl HasData for SecretAccess {
    type Data<'a> = SecretsView<'a>;
}

impl Host for SecretsView<'_> {
    async fn get(&mut self, name: String) -> wasmtime::Result<Result<Resource<Secret>, Failure>> {
        if !self.context.granted {
            return Ok(Err(Failure::not_granted("secrets")));
        }
        if !self.context.names.contains(&name) {
            return Ok(Err(unknown(&name)));
        }
        Ok(Ok(self.table.push(Secret { name })?))
    }
}

impl HostSecret for SecretsView<'_> {
    async fn name(&mut self, secret: Resource<Secret>) -> wasmtime::Result<String> {
        Ok(self.table.get(&secret)?.name.clone())
    }

    async fn reveal(
        &mut self,
        secret: Resource<Secret>,
    ) -> wasmtime::Result<Result<String, Failure>> {
        if !self.context.reveal {
            return Ok(Err(Failure::not_granted("secrets.reveal")));
        }
        let secret = self.table.get(&secret)?;
        let value = self.context.value(&secret.name).await;
        Ok(value.map(|value| value.expose().to_owned()))
    }

    async fn drop(&mut self, secret: Resource<Secret>) -> wasmtime::Result<()> {
        self.table.delete(secret)?;
        Ok(())
    }
}
