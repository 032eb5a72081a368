//! Why a description makes no course.

use crate::action::Phase;

/// A description that makes no course.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CourseError {
    /// A service names a stage that is not there.
    #[error("service {service} belongs to stage number {stage}, but there are {stages}")]
    NoStage {
        /// The service.
        service: String,
        /// What it names.
        stage: u32,
        /// How many there are.
        stages: usize,
    },
    /// A service needs one that is not there.
    #[error("service {service} needs service number {need}, which is not in this deployment")]
    NoNeed {
        /// The service.
        service: String,
        /// What it needs.
        need: u32,
    },
    /// A need of something that comes later.
    #[error("service {service} needs {need} of the later stage {stage}; move one of the two")]
    LaterStage {
        /// The service.
        service: String,
        /// What it needs.
        need: String,
        /// Where that is.
        stage: String,
    },
    /// Services that wait for each other.
    #[error("these services need each other in a circle: {}", .0.join(" → "))]
    Cycle(Vec<String>),
    /// A phase without slots would never end.
    #[error("stage {stage}: a limit of 0 {phase} slots would wait for ever; give at least 1")]
    NoSlots {
        /// The stage.
        stage: String,
        /// The phase.
        phase: Phase,
    },
    /// More than the indices can count.
    #[error("a deployment has at most 16777216 services and stages, this one has {0}")]
    TooLarge(usize),
}
