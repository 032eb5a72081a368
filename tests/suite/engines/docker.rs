//! A Docker engine: the one of this machine where there is one, else one of our own.

use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

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

    /// Removes all containers and networks of an environment.
    ///
    /// # Panics
    /// When that does not work.
    pub fn clear(&self, environment: &str) {
        let label = format!("label=dev.stagewright.environment={environment}");
        let lists: [(&[&str], &[&str]); 2] = [
            (&["ps", "--all", "--quiet"], &["rm", "--force", "--volumes"]),
            (&["network", "ls", "--quiet"], &["network", "rm"]),
        ];
        for (list, remove) in lists {
            let found = self.cli(&[list, &["--filter", &label]].concat());
            let found: Vec<&str> = found.lines().collect();
            if !found.is_empty() {
                self.cli(&[remove, &found].concat());
            }
        }
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
        let leash = start(&folder, &[], &text(&folder));
        Self {
            host: socket(&folder),
            _leash: Some(leash),
        }
    }
}

/// An engine that one test has for itself, to restart it. There is never more than one, and it
/// leaves the packet filter of the machine to the shared one.
pub struct OwnDocker {
    leash: Option<Leash>,
    folder: tempfile::TempDir,
    _alone: MutexGuard<'static, ()>,
}

impl OwnDocker {
    /// Starts it, when no other test has one.
    pub fn start() -> Self {
        static ALONE: Mutex<()> = Mutex::new(());
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = tempfile::Builder::new().prefix("dockerd-own-").tempdir();
        let mut engine = Self {
            leash: None,
            folder: folder.unwrap(),
            _alone: alone,
        };
        let address = format!("10.213.{}.1/24", std::process::id() % 250);
        ip(&["link", "add", "name", &bridge(), "type", "bridge"]);
        ip(&["address", "add", &address, "dev", &bridge()]);
        ip(&["link", "set", &bridge(), "up"]);
        engine.begin();
        engine
    }

    /// As `DOCKER_HOST` says it.
    pub fn host(&self) -> String {
        socket(self.folder.path())
    }

    /// Ends it.
    pub fn end(&mut self) {
        self.leash = None;
    }

    /// Starts it again.
    pub fn begin(&mut self) {
        // Two engines with the usual bridge would take it from each other.
        let bridge = bridge();
        let apart = ["--bridge", &bridge, "--iptables=false"];
        self.leash = Some(start(self.folder.path(), &apart, ""));
    }
}

impl Drop for OwnDocker {
    fn drop(&mut self) {
        self.end();
        ip(&["link", "delete", &bridge()]);
    }
}

/// The bridge of an engine of one's own.
fn bridge() -> String {
    format!("sw{}", std::process::id())
}

fn ip(words: &[&str]) {
    let done = Command::new("ip").args(words).status().unwrap();
    assert!(done.success(), "ip {words:?}");
}

fn socket(folder: &Path) -> String {
    format!("unix://{}", text(&folder.join("docker.sock")))
}

/// `removed`: the folder that goes when the engine has ended.
fn start(folder: &Path, more: &[&str], removed: &str) -> Leash {
    let at = |name: &str| text(&folder.join(name));
    let host = socket(folder);
    let (data, exec, pid) = (at("data"), at("exec"), at("pid"));
    let mut command = vec![
        "dockerd",
        "--data-root",
        &data,
        "--exec-root",
        &exec,
        "--pidfile",
        &pid,
        "--host",
        &host,
        "--shutdown-timeout",
        "1",
    ];
    command.extend(more);
    Leash::start(&command, removed, "API listen on")
}

fn text(path: &Path) -> String {
    path.display().to_string()
}
