//! `secrets` for guests.

use wasmtime::component::{HasData, Resource, ResourceTable};

use super::{Secret, SecretsContext, unknown};
use crate::bindings::offered::secrets::{Host, HostSecret};
use crate::capability::refusal::Refusal;
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
    async fn get(&mut self, name: String) -> Result<Resource<Secret>, Refusal> {
        if !self.context.granted {
            return Err(Failure::not_granted("secrets").into());
        }
        if !self.context.names.contains(&name) {
            return Err(unknown(&name).into());
        }
        Ok(self.table.push(Secret { name })?)
    }
}

impl HostSecret for SecretsView<'_> {
    async fn name(&mut self, secret: Resource<Secret>) -> wasmtime::Result<String> {
        Ok(self.table.get(&secret)?.name.clone())
    }

    async fn reveal(&mut self, secret: Resource<Secret>) -> Result<String, Refusal> {
        if !self.context.reveal {
            return Err(Failure::not_granted("secrets.reveal").into());
        }
        let name = self.table.get(&secret)?.name.clone();
        Ok(self.context.reveal(&name).await?.expose().to_owned())
    }

    async fn drop(&mut self, secret: Resource<Secret>) -> wasmtime::Result<()> {
        self.table.delete(secret)?;
        Ok(())
    }
}
