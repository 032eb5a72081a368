//! Programs of this machine: build commands that run to their end, and releases that live
//! longer than the host.
//!
//! What is started here are ordinary programs of the host's user. The room decides where
//! they run, with what environment and for how long, and that nothing of them is left when
//! they are stopped; it must never hand anything to a shell, put a secret into argv or a
//! file, or judge *which* program may run (grants are checked by the caller).

mod assemble;
mod control;
mod end;
mod error;
#[cfg(test)]
mod fuzz;
mod host;
mod launch;
mod lines;
mod lost;
mod outputs;
mod place;
mod ports;
mod program;
mod protocol;
mod record;
mod release;
mod run;
pub mod shim;
mod sockets;
mod start;
mod state;
mod supervisor;
mod table;
mod tail;
mod versions;
mod wire;

pub use error::Error;
pub use launch::{Condition, Exit, ImageDefaults, Launch, Port, Secret, State, Value, Variable};
pub(crate) use outputs::{MAX_FILE, parse as parse_outputs};
pub use outputs::{Output, OutputsError};
pub(crate) use ports::listeners;
pub use ports::{Holder, Listener};
pub use program::{PASS_THROUGH, pass_through, resolve_program};
pub use release::Release;
pub use run::{Command, Runner, Source};
pub use supervisor::{InstallError, Service, Settings, Supervisor};
pub(crate) use table::everybody;
pub use versions::Versions;

pub(crate) use host::{ProcessAccess, ProcessContext, ProcessView, commands};
