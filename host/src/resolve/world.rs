//! What a service takes from this machine, checked before anything starts: its source folder,
//! the secrets that its variables name, the ports that it will listen on.

use stagewright_pipeline::environment::{Protocol, Service, Variable};
use stagewright_runtime::Plugin;

use super::Resolution;
use crate::source::folder_source;

impl Resolution<'_> {
    /// Tells everything that is missing or taken.
    pub(super) async fn check_world(&mut self, service: &Service, deployer: &Plugin) {
        self.check_source(service);
        self.check_secrets(service).await;
        let supervised = deployer
            .grants()
            .process
            .as_ref()
            .is_some_and(|grant| grant.supervise);
        if supervised {
            self.check_ports(service, deployer);
        }
    }

    /// A folder must be there; what a repository holds is seen when it is checked out.
    fn check_source(&mut self, service: &Service) {
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

    async fn check_secrets(&mut self, service: &Service) {
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

    /// Two processes cannot listen on one port of this machine.
    fn check_ports(&mut self, service: &Service, deployer: &Plugin) {
        let Ok(runtime) = self.host.runtime() else {
            return;
        };
        let environment = &self.checked.environment.name;
        for (index, port) in service.ports.iter().enumerate() {
            if port.protocol != Protocol::Tcp {
                continue;
            }
            let at = format!("{}/ports/{index}", service.pointer());
            match runtime
                .supervisor()
                .foreign_holder(environment, port.number)
            {
                Ok(None) => {}
                Ok(Some(holder)) => {
                    let number = port.number;
                    let message = format!(
                        "port {number} is held by {holder}, so {} cannot give it to {}",
                        deployer.reference(),
                        service.name
                    );
                    self.tell(
                        &at,
                        &message,
                        Some("end that program, or choose another port"),
                    );
                }
                Err(error) => self.tell(&at, &error.to_string(), None),
            }
        }
    }
}
