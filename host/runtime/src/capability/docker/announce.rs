//! Gives a container the name of its service, so that others find it.
//!
//! The engine gives names to containers only as they enter a network. So one that is to have
//! the name leaves the network and enters it again, at the same address and at once: its
//! connections do not notice.

use bollard::models::{NetworkConnectRequest, NetworkDisconnectRequest};

use super::create::endpoint;
use super::network;
use super::{Container, Error};

impl Container {
    /// Gives it the name, unless it has it.
    pub(crate) async fn announce(&self) -> Result<(), Error> {
        let what = format!("the name of {}", self.what());
        let _census = self.engine.census().lock().await;
        let network = self.engine.network(&self.owner).await?;
        let inspected = self.inspect().await?;
        let networks = inspected.network_settings.and_then(|it| it.networks);
        let found = networks.as_ref().and_then(|all| all.get(&network.name));
        let aliases = found.and_then(|found| found.aliases.as_ref());
        if aliases.is_some_and(|aliases| aliases.contains(&self.owner.service)) {
            return Ok(());
        }
        let address = match network::address(networks.as_ref(), &network.name) {
            Some(address) => address,
            // Somebody was ended between leaving and entering.
            None => self.engine.free_address(&self.owner, &network).await?,
        };
        let client = self.engine.client().await?;
        if found.is_some() {
            let leave = NetworkDisconnectRequest {
                container: self.id.clone(),
                force: Some(false),
            };
            let left = client.disconnect_network(&network.name, leave).await;
            left.map_err(self.engine.failed(&what))?;
        }
        let aliases = Some(vec![self.owner.service.clone()]);
        let enter = NetworkConnectRequest {
            container: self.id.clone(),
            endpoint_config: Some(endpoint(address, aliases)),
        };
        let entered = client.connect_network(&network.name, enter).await;
        entered.map_err(self.engine.failed(&what))
    }
}
