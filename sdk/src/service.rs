//! What a plugin asks of the service that it works for.

use crate::health::Health;
use crate::{Failure, OrFail, Port, Service};

impl Service {
    /// Runs to its end instead of serving.
    pub fn is_job(&self) -> bool {
        self.kind == "job"
    }

    /// A path of the service's own source folder, as seen from the root of the tree that the
    /// builder is handed. `.` stands for the folder itself.
    pub fn in_source(&self, path: &str) -> String {
        let parts = self.source_path.iter().flat_map(|base| base.split('/'));
        let parts: Vec<&str> = parts
            .chain(path.split('/'))
            .filter(|part| !part.is_empty() && *part != ".")
            .collect();
        match parts.is_empty() {
            true => ".".to_owned(),
            false => parts.join("/"),
        }
    }

    /// The declared port of this name.
    ///
    /// # Errors
    /// `service.port-unknown`, with the names that there are.
    pub fn port(&self, name: &str) -> Result<&Port, Failure> {
        let found = self.ports.iter().find(|port| port.name == name);
        found.ok_or_else(|| {
            let names: Vec<&str> = self.ports.iter().map(|port| port.name.as_str()).collect();
            let message = format!("`{}` declares no port `{name}`.", self.name);
            Failure::new("service.port-unknown", message)
                .hint(format!("Its ports are: {}.", names.join(", ")))
        })
    }

    /// When it counts as ready, where that is declared.
    ///
    /// # Errors
    /// `service.health-invalid` when the host's description cannot be read.
    pub fn readiness(&self) -> Result<Option<Health>, Failure> {
        let Some(text) = &self.health else {
            return Ok(None);
        };
        let message = format!("The `health` block of `{}` cannot be read", self.name);
        serde_json::from_str(text)
            .map(Some)
            .or_fail("service.health-invalid", message)
    }
}

#[cfg(test)]
mod tests {
    use crate::harness::{port, service};
    use crate::health::Check;

    #[test]
    fn paths_are_joined_below_the_source_path() {
        let mut api = service("api");
        assert_eq!(api.in_source("public"), "public");
        assert_eq!(api.in_source("."), ".");
        api.source_path = Some("services/api".to_owned());
        assert_eq!(api.in_source("./public/"), "services/api/public");
        assert_eq!(api.in_source("."), "services/api");
    }

    #[test]
    fn an_unknown_port_is_refused_with_those_that_there_are() {
        let mut api = service("api");
        api.ports = vec![port("http", 80), port("admin", 81)];
        assert_eq!(api.port("admin").unwrap().number, 81);
        let failure = api.port("grpc").unwrap_err();
        assert_eq!(failure.hint.as_deref(), Some("Its ports are: http, admin."));
    }

    #[test]
    fn readiness_is_read_from_what_the_host_hands_in() {
        let mut api = service("api");
        assert!(api.readiness().unwrap().is_none());
        api.health = Some(r#"{"tcp":{"port":"http"},"interval":"2s"}"#.to_owned());
        let health = api.readiness().unwrap().unwrap();
        assert_eq!(health.check().unwrap(), Check::Tcp { port: "http" });
        api.health = Some("{".to_owned());
        assert_eq!(api.readiness().unwrap_err().code, "service.health-invalid");
    }
}
