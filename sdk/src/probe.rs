//! Checks of the declared ports of a release of the step's own service.
//!
//! A failure with the code [`UNREACHABLE`] means "not yet".

pub use crate::bindings::probe::{exec, grpc, http, tcp};

/// The code of a failure that only says that nobody answered in time.
pub const UNREACHABLE: &str = "probe.unreachable";

/// The code of a check that took longer than it may: "not yet" as well.
pub const TIMED_OUT: &str = "probe.timed-out";
