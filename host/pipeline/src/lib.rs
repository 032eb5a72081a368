//! The pure core: what an environment is, and what a deployment does next.
//!
//! No IO, no clock, no async, no wasmtime. The same code serves live runs, recovery, `plan`
//! and the simulator.
#![forbid(unsafe_code)]
pub mod environment;

pub mod action;
pub mod course;
pub mod decide;
pub mod event;
pub mod fact;
pub mod failure;
pub mod fingerprint;
pub mod illegal;
pub mod ledger;
pub mod moment;
pub mod outcome;
pub mod queue;
pub mod retry;
pub mod simulate;
pub mod state;
pub mod verdict;
pub mod wait;

mod apply;

pub use action::{Action, Phase, Step};
pub use course::{
    Course, CourseError, CourseSpec, RetryPolicy, ServiceId, ServiceSpec, StageId, StageSpec,
    Timeouts,
};
pub use decide::{Input, advance, decide};
pub use event::{Event, event};
pub use fact::Fact;
pub use failure::{Failure, Retry};
pub use fingerprint::Fingerprint;
pub use ledger::{Deployed, Ledger, Pushed, Record};
pub use moment::{Moment, Timestamp};
pub use outcome::{Ending, Outcome, Output, Product, Settlement, SkipReason};
pub use queue::{Queue, Request};
pub use state::{Life, Running, State};
pub use verdict::{Change, PluginRecord, Standing, Verdict};

#[cfg(test)]
mod tests;
