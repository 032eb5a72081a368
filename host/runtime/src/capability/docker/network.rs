//! The network of an environment: made with its first container, removed with its last.

use std::collections::{BTreeSet, HashMap};
use std::net::Ipv4Addr;

use bollard::models::{EndpointSettings, Ipam, IpamConfig, NetworkCreateRequest, NetworkInspect};
use bollard::query_parameters::{InspectNetworkOptions, ListContainersOptions};

use super::address::Subnet;
use super::labels::Owner;
use super::{Engine, Error};

/// How often a range of addresses is asked for that somebody else takes at the same moment.
const TRIES: usize = 5;

/// The network that the containers of an environment share.
#[derive(Clone, Debug)]
pub(super) struct Network {
    pub(super) name: String,
    subnet: Subnet,
}

impl Engine {
    /// The network of the environment, which is made when it is not there. The caller holds
    /// the census.
    pub(super) async fn network(&self, owner: &Owner) -> Result<Network, Error> {
        let name = owner.environment_name();
        for _ in 0..TRIES {
            if let Some(found) = self.find_network(owner, &name).await? {
                return Ok(found);
            }
            self.make_network(owner, &name).await?;
        }
        let what = format!("the network `{name}`");
        let cause = "it is not there after it was made".to_owned();
        Err(Error::Broken { what, cause })
    }

    /// Removes the network when no container of the environment is left. The caller holds the
    /// census.
    pub(super) async fn leave_network(&self, owner: &Owner) -> Result<(), Error> {
        let options = ListContainersOptions {
            all: true,
            filters: Some(owner.environment_filters()),
            ..ListContainersOptions::default()
        };
        let client = self.client().await?;
        let others = client.list_containers(Some(options)).await;
        if !others
            .map_err(self.failed("a list of containers"))?
            .is_empty()
        {
            return Ok(());
        }
        let name = owner.environment_name();
        if self.find_network(owner, &name).await?.is_none() {
            return Ok(());
        }
        let removed = client.remove_network(&name).await;
        match removed.map_err(self.failed("the removal of a network")) {
            Err(Error::Gone { .. }) => Ok(()),
            other => other,
        }
    }

    /// An address that no container of the environment has, stopped ones included.
    pub(super) async fn free_address(
        &self,
        owner: &Owner,
        network: &Network,
    ) -> Result<Ipv4Addr, Error> {
        let options = ListContainersOptions {
            all: true,
            filters: Some(owner.environment_filters()),
            ..ListContainersOptions::default()
        };
        let client = self.client().await?;
        let containers = client.list_containers(Some(options)).await;
        let containers = containers.map_err(self.failed("a list of containers"))?;
        let mut taken = BTreeSet::new();
        for container in containers {
            let settings = container.network_settings.and_then(|it| it.networks);
            taken.extend(address(settings.as_ref(), &network.name));
        }
        // Somebody may have put a container of their own into it.
        let inspected = client
            .inspect_network(&network.name, None::<InspectNetworkOptions>)
            .await
            .map_err(self.failed("a question about a network"))?;
        let connected = inspected.containers.into_iter().flatten();
        taken.extend(connected.filter_map(|(_, endpoint)| {
            let address = endpoint.ipv4_address?;
            address.split('/').next()?.parse::<Ipv4Addr>().ok()
        }));
        network.subnet.free(&taken).ok_or_else(|| {
            Error::Invalid(format!(
                "the network `{}` has no free address",
                network.name
            ))
        })
    }

    async fn find_network(&self, owner: &Owner, name: &str) -> Result<Option<Network>, Error> {
        let found = self
            .client()
            .await?
            .inspect_network(name, None::<InspectNetworkOptions>)
            .await;
        let found = match found.map_err(self.failed("a question about a network")) {
            Ok(found) => found,
            Err(Error::Gone { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        if !owner.shares(found.labels.as_ref()) {
            return Err(Error::NameTaken {
                what: "network",
                name: name.to_owned(),
                holder: super::container::holder(found.labels.as_ref()),
            });
        }
        let Some(subnet) = range(&found).and_then(|text| Subnet::parse(&text)) else {
            let message = format!("the network `{name}` has no range of IPv4 addresses");
            return Err(Error::Invalid(message));
        };
        let name = name.to_owned();
        Ok(Some(Network { name, subnet }))
    }

    /// Makes it, with the range of addresses that the engine would choose: only where the range
    /// was asked for can a container ask for its address.
    async fn make_network(&self, owner: &Owner, name: &str) -> Result<(), Error> {
        let client = self.client().await?;
        let what = "a network";
        let request = |ipam| NetworkCreateRequest {
            name: name.to_owned(),
            driver: Some("bridge".to_owned()),
            ipam,
            labels: Some(owner.environment_labels()),
            ..NetworkCreateRequest::default()
        };
        let probe = client.create_network(request(None)).await;
        let probe = probe.map_err(self.failed(what))?.id;
        let chosen = client
            .inspect_network(&probe, None::<InspectNetworkOptions>)
            .await
            .map_err(self.failed(what));
        client
            .remove_network(&probe)
            .await
            .map_err(self.failed(what))?;
        let Some(subnet) = range(&chosen?) else {
            let message = "the engine gives networks no range of addresses".to_owned();
            return Err(Error::Invalid(message));
        };
        let config = IpamConfig {
            subnet: Some(subnet),
            ..IpamConfig::default()
        };
        let ipam = Ipam {
            config: Some(vec![config]),
            ..Ipam::default()
        };
        match client.create_network(request(Some(ipam))).await {
            Ok(_) => Ok(()),
            Err(answer) => match self.failed(what)(answer) {
                // Somebody else has taken the range meanwhile: there are others.
                Error::Refused { message, .. } if message.contains("overlaps") => Ok(()),
                error => Err(error),
            },
        }
    }
}

fn range(network: &NetworkInspect) -> Option<String> {
    let configs = network.ipam.as_ref()?.config.as_ref()?;
    let mut subnets = configs.iter().filter_map(|config| config.subnet.as_ref());
    subnets
        .find(|subnet| Subnet::parse(subnet).is_some())
        .cloned()
}

/// The address that a container has in a network, or will have when it runs.
pub(super) fn address(
    networks: Option<&HashMap<String, EndpointSettings>>,
    name: &str,
) -> Option<Ipv4Addr> {
    let endpoint = networks?.get(name)?;
    let wanted = endpoint
        .ipam_config
        .as_ref()
        .and_then(|config| config.ipv4_address.as_ref());
    let address = wanted.or(endpoint.ip_address.as_ref())?;
    address.parse().ok()
}
