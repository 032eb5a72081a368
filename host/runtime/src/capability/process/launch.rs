//! What a release is started with, and what is known of it afterwards: the plain records
//! that the WIT glue and the executor trade in.
//!
//! A secret's value lives in a [`Secret`], which neither prints nor serialises; what is
//! written to disk of a launch is its [`Variable`]s with the *names* of their secrets.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How a release is started.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Launch {
    /// Program and arguments; never handed to a shell. Empty: as the image says. An absolute
    /// first word is a file of the release, one without `/` is looked up in `PATH`.
    pub argv: Vec<String>,
    /// In the release. Empty: as the image says, else the root of the release.
    pub working_directory: String,
    /// Beside those of the image, and stronger than them.
    pub variables: Vec<Variable>,
    /// Ports that it will listen on.
    pub ports: Vec<Port>,
    /// Listen on its behalf and hand the sockets over (`LISTEN_FDS`, as in sd_listen_fds(3)).
    /// They are bound to 127.0.0.1.
    pub socket_activation: bool,
    /// Start it again when it ends by itself.
    pub keep_running: bool,
    /// Between the request to stop and being killed.
    pub stop_grace: Duration,
    /// The reason of the step, given as `STAGEWRIGHT_REASON`.
    pub reason: String,
}

impl Launch {
    /// All that must not be kept of what the program prints.
    pub(super) fn hidden(&self) -> Vec<String> {
        let secrets = self
            .variables
            .iter()
            .filter_map(|variable| match &variable.value {
                Value::Secret { value, .. } => Some(value),
                Value::Text(_) => None,
            });
        secrets.flat_map(Secret::hidden).cloned().collect()
    }
}

/// A variable of the environment of a process.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Variable {
    /// Without `=` and NUL, not empty.
    pub name: String,
    /// Its value.
    pub value: Value,
}

/// The value of a variable.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Value {
    /// Open text.
    Text(String),
    /// A secret that the caller has looked up.
    Secret {
        /// What it is called; the only part that is ever written down.
        name: String,
        /// Empty when the launch was read back from disk: the caller gives it again.
        #[serde(skip)]
        value: Secret,
    },
}

/// Text that must not be seen: it has no `Display`, and its `Debug` hides it.
#[derive(Clone, Default)]
pub struct Secret {
    value: Option<String>,
    parts: Vec<String>,
}

impl Secret {
    /// Takes a value into keeping.
    #[must_use]
    pub fn new(value: String) -> Self {
        Self {
            value: Some(value),
            parts: Vec::new(),
        }
    }

    /// With pieces of it that are secrets by themselves, such as the password in an address.
    #[must_use]
    pub fn with_parts(mut self, parts: Vec<String>) -> Self {
        self.parts = parts;
        self
    }

    /// The value, for handing it to the process; `None` after reading back from disk.
    pub(super) fn reveal(&self) -> Option<&str> {
        self.value.as_deref()
    }

    /// All that must not be seen of it.
    pub(super) fn hidden(&self) -> impl Iterator<Item = &String> {
        self.value.iter().chain(&self.parts)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(…)")
    }
}

/// A declared port of a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Port {
    /// As the service calls it; becomes the name in `LISTEN_FDNAMES`.
    pub name: String,
    /// 1 to 65535.
    pub number: u16,
    /// `tcp`, `udp`.
    pub protocol: String,
}

/// What the image of a release says about starting it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ImageDefaults {
    /// Entrypoint followed by command.
    pub argv: Vec<String>,
    /// Name and value.
    pub environment: Vec<(String, String)>,
    /// Absolute in the image; may be empty.
    pub working_directory: String,
}

/// How a process ended: by itself with a code, or by a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    /// What it returned.
    pub code: Option<i32>,
    /// Number of the signal that ended it.
    pub signal: Option<i32>,
}

impl fmt::Display for Exit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.code, self.signal) {
            (Some(code), _) => write!(formatter, "exit code {code}"),
            (None, Some(signal)) => write!(formatter, "signal {signal}"),
            (None, None) => formatter.write_str("an unknown exit"),
        }
    }
}

/// Where a release is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// Unpacked, never started.
    Installed,
    /// About to run: for the first time, or again after a pause.
    Starting,
    /// Its process exists.
    Running,
    /// Ended by itself, or with the machine.
    Exited,
    /// Ended because it was asked to.
    Stopped,
    /// Its process runs, but the shim that looked after it is gone.
    Lost,
}

impl Condition {
    /// The word that the WIT uses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Installed => "installed",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Exited => "exited",
            Self::Stopped => "stopped",
            Self::Lost => "lost",
        }
    }

    /// Is anything of it alive, or about to be?
    #[must_use]
    pub fn is_live(self) -> bool {
        matches!(self, Self::Starting | Self::Running | Self::Lost)
    }
}

/// What is known of a release now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// Where it is in its life.
    pub condition: Condition,
    /// Of the process that was started, while it is there.
    pub pid: Option<u32>,
    /// How it last ended.
    pub exit: Option<Exit>,
    /// How often it was started again after it had ended by itself.
    pub restarts: u32,
    /// One sentence for people; empty when the condition says it all.
    pub detail: String,
}
