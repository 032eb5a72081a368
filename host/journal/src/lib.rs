//! Durable facts, and what is read from them.
//!
//! A deployment is the list of facts that were written about it: what was decided before it is
//! done, what came of it afterwards. This crate keeps those lists so that they survive the
//! process and the machine, counts deployments per environment, and keeps the few documents that
//! are derived from facts and change together with them. It also holds the lock that makes one
//! process the driver of an environment.
//!
//! What a fact *means* is not known here: bodies are text that is stored and given back as it
//! came. Nothing in this crate decides, interprets or repairs a fact, and nothing that was
//! answered with `Ok` may be lost to a crash or a power cut.
#![forbid(unsafe_code)]

mod append;
mod claim;
mod deployment;
mod error;
mod filesystem;
mod journal;
mod lock;
mod seal;
mod sqlite;

pub use append::{Append, Document, End, Entry, MAX_APPEND_BYTES, MAX_PAGE, MAX_TEXT_BYTES};
pub use claim::Claim;
pub use deployment::{
    Deployment, DeploymentId, InvalidDeploymentId, NewDeployment, Selection, State,
};
pub use error::JournalError;
pub use filesystem::network_file_system;
pub use journal::{Answer, Journal, Watch};
pub use lock::{EnvironmentLock, Holder, LockError};
pub use sqlite::{Check, Finding, Found, Salvage, SqliteJournal, WriteCounts};
