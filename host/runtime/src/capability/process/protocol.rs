//! What host, shim and trampoline say to each other, on the frames of [`wire`](super::wire).
//!
//! A shim may be older than the host that talks to it, by an upgrade: cases are only ever
//! added, and an unknown request is answered with [`Reply::Failed`]. None of these types has
//! `Debug`, because orders carry the values of secrets.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::launch::Exit;

/// The first frame that a new shim reads from its standard input: what it is for.
#[derive(Serialize, Deserialize)]
pub(crate) enum Order {
    /// Look after a release.
    Keep(Keep),
    /// Run a command to its end, and leave nothing of it.
    Once(Once),
    /// Become this program.
    Become(Program),
}

/// What is to be executed, entirely resolved.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Program {
    /// The file to execute.
    pub(crate) path: PathBuf,
    /// With argv\[0\] as it was written.
    pub(crate) argv: Vec<String>,
    /// The whole environment; nothing is inherited.
    pub(crate) environment: Vec<(String, String)>,
    /// Where it starts.
    pub(crate) directory: PathBuf,
    /// Names of the listening sockets that go with the frame, for `LISTEN_FDNAMES`.
    pub(crate) listeners: Vec<String>,
}

/// The order to look after a release.
#[derive(Serialize, Deserialize)]
pub(crate) struct Keep {
    /// The step that installed the release.
    pub(crate) step_id: String,
    /// The process of the release.
    pub(crate) program: Program,
    /// Ports to listen on for it; the first of them may come with the frame, open.
    pub(crate) sockets: Vec<Socket>,
    /// Start it again when it ends by itself.
    pub(crate) keep_running: bool,
    /// Milliseconds between the request to stop and being killed.
    pub(crate) stop_grace_ms: u64,
    /// What its program is given and must not be kept of what it prints.
    #[serde(default)]
    pub(crate) secrets: Vec<String>,
}

/// A port that a shim listens on for its release.
#[derive(Clone, Serialize, Deserialize, PartialEq, Eq)]
pub(crate) struct Socket {
    /// For `LISTEN_FDNAMES`.
    pub(crate) name: String,
    /// Bound to 127.0.0.1.
    pub(crate) port: u16,
}

/// The order to run a command to its end.
#[derive(Serialize, Deserialize)]
pub(crate) struct Once {
    /// What to run.
    pub(crate) program: Program,
    /// Milliseconds between the request to stop and being killed.
    pub(crate) stop_grace_ms: u64,
}

/// What is asked of a shim on its control socket. For a command, `Stop` comes on the socket
/// of the order, and so does the end of the host: closing it means the same. Said once more it
/// ends the grace.
#[derive(Serialize, Deserialize)]
pub(crate) enum Request {
    /// End everything; answered when nothing is left.
    Stop,
    /// Answered when the process has ended for good.
    Wait,
    /// Hand out the listening sockets.
    Listeners,
    /// Run a program beside the release, with its environment.
    Execute {
        /// The file to execute.
        path: PathBuf,
        /// With argv\[0\] as it was written.
        argv: Vec<String>,
        /// Killed after this many milliseconds.
        timeout_ms: u64,
    },
}

/// What a shim answers.
#[derive(Serialize, Deserialize)]
pub(crate) enum Reply {
    /// The process exists, and is the program that was asked for.
    Started {
        /// Its process id.
        pid: u32,
    },
    /// Another shim looks after the release.
    AlreadyKept,
    /// It ended, and nothing is left of it; `None` when it never began.
    Ended(Option<Exit>),
    /// Its time was over; nothing is left of it.
    TimedOut,
    /// The sockets, which travel with the frame.
    Listeners(Vec<Socket>),
    /// It did not work.
    Failed(Failure),
}

/// Why a shim could not do something.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) enum Failure {
    /// The program was not executed.
    Refused(String),
    /// A port could not be listened on.
    Port {
        /// Its number.
        port: u16,
        /// What the system said.
        cause: String,
    },
    /// Killed, and still there.
    Unkillable(Vec<u32>),
    /// Anything else.
    Other(String),
}

impl Failure {
    /// One sentence for people.
    pub(crate) fn sentence(&self) -> String {
        match self {
            Self::Refused(cause) => format!("could not be started: {cause}"),
            Self::Port { port, cause } => format!("could not listen on port {port}: {cause}"),
            Self::Unkillable(pids) => format!("was killed and is still there: {pids:?}"),
            Self::Other(cause) => cause.clone(),
        }
    }
}
