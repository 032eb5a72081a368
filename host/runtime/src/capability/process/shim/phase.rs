//! Where a shim is with its release.

use std::time::{Duration, Instant};

use super::super::launch::Exit;
use super::super::table::Identity;

/// Kept by the keeper, and by nobody else.
pub(super) enum Phase {
    /// The main process is there.
    Running {
        /// Who it is.
        main: Identity,
        /// When it began.
        since: Instant,
    },
    /// Everybody has to go.
    Ending {
        /// Who the main process is or was.
        main: Identity,
        /// How long the main process ran.
        ran: Duration,
        /// How it ended, once it has.
        exit: Option<Exit>,
        /// On request, so that it is not started again.
        asked: bool,
        /// When those who are left are killed; then, when callers are told that it is in vain.
        next: Instant,
        /// Have they been killed?
        killing: bool,
    },
    /// Nobody is there; it is started again later.
    Pausing {
        /// When.
        until: Instant,
    },
    /// Nobody is there, and nobody will be.
    Over,
}

impl Phase {
    /// When something has to be done even if nothing happens.
    pub(super) fn until(&self) -> Option<Instant> {
        match self {
            Self::Running { .. } | Self::Over => None,
            Self::Ending { next, .. } => Some(*next),
            Self::Pausing { until } => Some(*until),
        }
    }
}
