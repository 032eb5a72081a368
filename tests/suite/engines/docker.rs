//! A Docker engine: the one of this machine where there is one, else one of our own.

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use super::leash::Leash;

/// Where the engine of a machine usually is.
const USUAL: &str = "/var/run/docker.sock";

/// An engine that all tests share.
pub struct Docker {
    host: String,
    // Held until the process ends.
    _leash: Option<Leash>,
}

impl Docker {
    /// The engine, which is started when the first test asks for it.
    ///
    /// # Panics
    /// When there is none, and none can be started.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Docker> = OnceLock::new();
        SHARED.get_or_init(|| Self::found().unwrap_or_else(Self::started))
    }

    /// As `DOCKER_HOST` says it.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Runs Docker's own command-line program, and answers with what it printed.
    ///
    /// # Panics
    /// When it fails.
    pub fn cli(&self, arguments: &[&str]) -> String {
        let output = Command::new("docker")
            .args(arguments)
            .env("DOCKER_HOST", &self.host)
            .output()
            .unwrap_or_else(|error| panic!("cannot run `docker` ({error}): install it"));
        assert!(
            output.status.success(),
            "docker {arguments:?} {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn found() -> Option<Self> {
        let host = std::env::var("DOCKER_HOST").ok().or_else(|| {
            std::os::unix::net::UnixStream::connect(USUAL).ok()?;
            Some(format!("unix://{USUAL}"))
        })?;
        Some(Self { host, _leash: None })
    }

    fn started() -> Self {
        let folder = tempfile::Builder::new().prefix("dockerd-").tempdir();
        let folder = folder.unwrap().keep();
        let at = |name: &str| folder.join(name).display().to_string();
        let host = format!("unix://{}", at("docker.sock"));
        let command = [
            "dockerd",
            "--data-root",
            &at("data"),
            "--exec-root",
            &at("exec"),
            "--pidfile",
            &at("pid"),
            "--host",
            &host,
            "--shutdown-timeout",
            "1",
        ];
        let leash = Leash::start(&command, &text(&folder), "API listen on");
        Self {
            host,
            _leash: Some(leash),
        }
    }
}

fn text(path: &Path) -> String {
    path.display().to_string()
}
