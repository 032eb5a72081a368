//! What a deployment is asked to do, and the steps and phases that this comes down to.
//!
//! One place for these words, so that facts, events and step ids spell them alike. Must never
//! know how a step is performed.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::environment::file::Run;

/// What a deployment does with its services. More may come, so a reader of an unknown one
/// answers with an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Action {
    /// Build, push and deploy what changed.
    Deploy,
    /// As deploy, but what is unchanged is deployed again.
    Redeploy,
    /// Start again what runs.
    Restart,
    /// Stop what runs, dependants first.
    Stop,
    /// Start what was stopped.
    Start,
    /// Remove it, dependants first.
    Destroy,
    /// Deploy what an earlier deployment left, from the images that it had.
    Rollback,
    /// Run jobs that are described, without building them.
    Run,
}

impl Action {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Deploy,
        Self::Redeploy,
        Self::Restart,
        Self::Stop,
        Self::Start,
        Self::Destroy,
        Self::Rollback,
        Self::Run,
    ];

    /// Do stages have a build phase?
    #[must_use]
    pub const fn has_builds(self) -> bool {
        matches!(self, Self::Deploy | Self::Redeploy)
    }

    /// Do the last stage and the dependants come first?
    #[must_use]
    pub const fn is_reversed(self) -> bool {
        matches!(self, Self::Stop | Self::Destroy)
    }

    /// Does it go on after errors, whatever the stages' policies, and include services that
    /// are marked skipped?
    #[must_use]
    pub const fn is_thorough(self) -> bool {
        matches!(self, Self::Destroy)
    }

    /// The step of the deploy phase.
    #[must_use]
    pub const fn step(self) -> Step {
        match self {
            Self::Deploy | Self::Redeploy | Self::Rollback | Self::Run => Step::Deploy,
            Self::Restart => Step::Restart,
            Self::Stop => Step::Stop,
            Self::Start => Step::Start,
            Self::Destroy => Step::Destroy,
        }
    }

    /// As it is written in files, events and commands.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deploy => "deploy",
            Self::Redeploy => "redeploy",
            Self::Restart => "restart",
            Self::Stop => "stop",
            Self::Start => "start",
            Self::Destroy => "destroy",
            Self::Rollback => "rollback",
            Self::Run => "run",
        }
    }

    /// Does it bring services to a described state, so that what is in it already is left
    /// alone?
    #[must_use]
    pub const fn compares(self) -> bool {
        matches!(self, Self::Deploy | Self::Redeploy | Self::Rollback)
    }

    /// What a job must be declared to run on, to be run by this action. Nothing where jobs
    /// never run, or always do.
    const fn occasion(self) -> &'static [Run] {
        match self {
            Self::Deploy | Self::Redeploy => &[Run::OnDeploy, Run::OnChange],
            Self::Rollback => &[Run::OnRollback],
            Self::Stop => &[Run::OnStop],
            Self::Destroy => &[Run::OnDestroy],
            Self::Restart | Self::Start | Self::Run => &[],
        }
    }

    /// Does it run a job that is declared to run on these occasions?
    #[must_use]
    pub fn runs(self, declared: &[Run]) -> bool {
        let occasions = self.occasion();
        self == Self::Run || declared.iter().any(|run| occasions.contains(run))
    }
}

/// One piece of work of one service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Step {
    /// Makes an image, or finds it.
    Build,
    /// Takes the image to where deployers find it.
    Push,
    /// Brings the service to the state that is described.
    Deploy,
    /// Starts it again.
    Restart,
    /// Stops it.
    Stop,
    /// Starts it.
    Start,
    /// Removes it.
    Destroy,
}

impl Step {
    /// The phase whose slots it takes.
    #[must_use]
    pub const fn phase(self) -> Phase {
        match self {
            Self::Build | Self::Push => Phase::Build,
            _ => Phase::Deploy,
        }
    }

    /// Does it run the program of a job?
    #[must_use]
    pub(crate) const fn runs_jobs(self) -> bool {
        matches!(self, Self::Deploy | Self::Restart | Self::Start)
    }

    /// As it is written in step ids and events.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Build => "build",
            Self::Push => "push",
            Self::Deploy => "deploy",
            Self::Restart => "restart",
            Self::Stop => "stop",
            Self::Start => "start",
            Self::Destroy => "destroy",
        }
    }
}

/// A half of a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Builds and pushes.
    Build,
    /// The step of the action.
    Deploy,
}

impl Phase {
    /// As it is written in events.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Build => "build",
            Self::Deploy => "deploy",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
