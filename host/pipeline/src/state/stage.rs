//! Where one stage is: its two phases, and what of them is left.

use std::collections::BTreeSet;

use crate::action::Phase;
use crate::course::{Course, ServiceId, StageCourse};

/// One stage of a running deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stage {
    pub(crate) status: Status,
    pub(crate) build: Half,
    pub(crate) deploy: Half,
    /// Services that did not come to their end because of a failure elsewhere.
    pub(crate) stopped: u32,
}

/// One phase of a stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Half {
    pub(crate) status: Status,
    /// Services that have not gone through it: for builds neither built nor settled, for
    /// deploys not settled.
    pub(crate) left: u32,
    /// Services that failed in it.
    pub(crate) failed: u32,
    /// Services that hold one of its slots.
    pub(crate) running: u32,
    /// Services that wait for one.
    pub(crate) ready: BTreeSet<ServiceId>,
}

/// Where a stage or phase is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Unopened,
    Open,
    Ended,
}

impl Half {
    const fn new(left: u32) -> Self {
        Self {
            status: Status::Unopened,
            left,
            failed: 0,
            running: 0,
            ready: BTreeSet::new(),
        }
    }
}

impl Stage {
    pub(super) fn new(course: &Course, stage: &StageCourse) -> Self {
        let range = stage.services.start as usize..stage.services.end as usize;
        let services = course.services().get(range).unwrap_or(&[]);
        Self {
            status: Status::Unopened,
            build: Half::new(services.iter().filter(|s| s.builds).count() as u32),
            deploy: Half::new(services.len() as u32),
            stopped: 0,
        }
    }

    pub(crate) const fn half(&self, phase: Phase) -> &Half {
        match phase {
            Phase::Build => &self.build,
            Phase::Deploy => &self.deploy,
        }
    }

    pub(crate) const fn half_mut(&mut self, phase: Phase) -> &mut Half {
        match phase {
            Phase::Build => &mut self.build,
            Phase::Deploy => &mut self.deploy,
        }
    }

    /// Its builds are over, and not all of them went well.
    pub(crate) fn ended_unbuilt(&self) -> bool {
        self.build.status == Status::Ended && self.build.failed > 0
    }
}
