//! A registry of our own: the distribution project's server with its files in a folder.

use std::path::PathBuf;

use super::leash::Leash;
use crate::environment::free_port;

/// A registry on loopback. It is gone when this is dropped.
pub struct Registry {
    port: u16,
    folder: PathBuf,
    _leash: Leash,
}

impl Registry {
    /// Without authentication, by plain http.
    pub fn open() -> Self {
        Self::with("")
    }

    /// With more of its own configuration, as the top level of a YAML document.
    pub fn with(more: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("registry-").tempdir();
        let folder = folder.unwrap().keep();
        let port = free_port();
        let text = format!(
            "version: 0.1\n\
             log: {{ level: info }}\n\
             storage: {{ filesystem: {{ rootdirectory: {}/data }}, delete: {{ enabled: true }} }}\n\
             http: {{ addr: \"127.0.0.1:{port}\" }}\n{more}\n",
            folder.display()
        );
        let file = folder.join("config.yml");
        std::fs::write(&file, text).unwrap();
        let command = ["docker-registry", "serve", &file.display().to_string()];
        let leash = Leash::start(&command, &folder.display().to_string(), "listening on");
        Self {
            port,
            folder,
            _leash: leash,
        }
    }

    /// As references begin: `127.0.0.1:5000`.
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Where its blobs are.
    pub fn data(&self) -> PathBuf {
        self.folder.join("data/docker/registry/v2")
    }
}
