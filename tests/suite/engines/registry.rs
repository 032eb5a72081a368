//! A registry of our own: the distribution project's server with its files in a folder.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::certificate::Certificate;
use super::leash::Leash;
use crate::environment::free_port;

/// A registry on loopback. It is gone when this is dropped.
pub struct Registry {
    port: u16,
    /// Where its blobs are.
    data: PathBuf,
    _leash: Leash,
}

impl Registry {
    /// Without authentication, by plain http.
    pub fn open() -> Self {
        Self::with("")
    }

    /// The same, one for all tests that do no more than look at it.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Registry> = OnceLock::new();
        SHARED.get_or_init(Self::open)
    }

    /// With more of its own configuration, as the top level of a YAML document.
    pub fn with(more: &str) -> Self {
        Self::start(None, "", more)
    }

    /// By https.
    pub fn with_tls(certificate: &Certificate) -> Self {
        let (certificate, key) = (certificate.certificate(), certificate.key());
        let (certificate, key) = (certificate.display(), key.display());
        let tls = format!(", tls: {{ certificate: {certificate}, key: {key} }}");
        Self::start(None, &tls, "")
    }

    /// With its files on another disk.
    pub fn on(disk: &Path) -> Self {
        Self::start(Some(disk), "", "")
    }

    fn start(disk: Option<&Path>, http: &str, more: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("registry-").tempdir();
        let folder = folder.unwrap().keep();
        let root = disk.unwrap_or(&folder).join("data");
        let port = free_port();
        let text = format!(
            "version: 0.1\n\
             log: {{ level: info }}\n\
             storage: {{ filesystem: {{ rootdirectory: {} }}, delete: {{ enabled: true }} }}\n\
             http: {{ addr: \"127.0.0.1:{port}\"{http} }}\n{more}\n",
            root.display()
        );
        let file = folder.join("config.yml");
        std::fs::write(&file, text).unwrap();
        let command = ["docker-registry", "serve", &file.display().to_string()];
        let leash = Leash::start(&command, &folder.display().to_string(), "listening on");
        Self {
            port,
            data: root.join("docker/registry/v2"),
            _leash: leash,
        }
    }

    /// As references begin: `127.0.0.1:5000`.
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The digest that a tag stands for; nothing when there is no such tag.
    pub fn tag(&self, repository: &str, tag: &str) -> Option<String> {
        let link = format!("repositories/{repository}/_manifests/tags/{tag}/current/link");
        std::fs::read_to_string(self.data.join(link)).ok()
    }
}
