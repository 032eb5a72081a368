//! What a service takes from this machine, checked before anything starts: its source folder,
//! the secrets that its variables name, the ports that it will listen on.

use std::collections::BTreeMap;

use anyhow::Result;
use stagewright_pipeline::environment::{Protocol, Service, Variable};

use super::{Extent, Resolution, strategy};
use crate::source::folder_source;

impl Resolution<'_> {
    /// Tells every source and secret that is missing.
    pub(super) async fn check_world(&self, service: &Service) {
        self.check_source(service);
        self.check_secrets(service).await;
    }

    /// A folder must be there; what a repository holds is seen when it is checked out.
    fn check_source(&self, service: &Service) {
        let Some(source) = service
            .source
            .as_ref()
            .filter(|source| source.git.is_none())
        else {
            return;
        };
        if let Err(error) = folder_source(self.folder, &source.path, &source.include) {
            self.tell(
                &format!("{}/source", service.pointer()),
                &error.to_string(),
                None,
            );
        }
    }

    async fn check_secrets(&self, service: &Service) {
        for (name, variable) in &service.variables {
            let Variable::Secret(secret) = variable else {
                continue;
            };
            if let Err(failure) = self.host.secrets.value(secret).await {
                let at = format!("{}/variables/{name}", service.pointer());
                self.tell(&at, &failure.message, failure.hint.as_deref());
            }
        }
    }

    /// Two processes cannot listen on one port of this machine, so nobody else may hold those
    /// of services whose deployers start processes here.
    pub(super) async fn check_ports(&self, services: impl Iterator<Item = &Service>) -> Result<()> {
        if self.extent == Extent::File {
            return Ok(());
        }
        let runtime = self.host.runtime()?;
        let mut supervised = Vec::new();
        for service in services.filter(|service| !service.skip && !service.ports.is_empty()) {
            let deployer = strategy::choose(service, &self.host.config).deploy;
            // One that cannot be loaded is told of where services are resolved.
            if let Ok(deployer) = runtime.load(&deployer.reference, self.folder).await {
                let grant = deployer.grants().process.as_ref();
                supervised.extend(grant.filter(|grant| grant.supervise).map(|_| service));
            }
        }
        let places: BTreeMap<u16, String> = supervised
            .iter()
            .flat_map(|service| {
                let ports = service.ports.iter().enumerate();
                let ports = ports.filter(|(_, port)| port.protocol == Protocol::Tcp);
                ports.map(|(index, port)| {
                    (port.number, format!("{}/ports/{index}", service.pointer()))
                })
            })
            .collect();
        let ports: Vec<u16> = places.keys().copied().collect();
        let environment = self.checked.environment.name.clone();
        // The tables of the machine are read, which blocks.
        let look = move || runtime.supervisor().foreign_holders(&environment, &ports);
        let holders = tokio::task::spawn_blocking(look).await??;
        for (port, holder) in holders {
            if let Some(place) = places.get(&port) {
                let message = format!("port {port} is held by {holder}");
                self.tell(
                    place,
                    &message,
                    Some("end that program, or choose another port"),
                );
            }
        }
        Ok(())
    }
}
