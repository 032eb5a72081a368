//! The course of a deployment: what is to be done, compiled to indices.
//!
//! A [`CourseSpec`] is plain data (it goes into the journal); [`Course::new`] checks it,
//! orders it by stage, turns it round for actions that take things down, and lays the needs
//! out as edges. Must never look at anything that changes while the deployment runs.

mod circle;
mod edges;
mod error;
mod spec;

#[cfg(test)]
mod tests;

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::action::{Action, Phase, Step};
use crate::environment::file::{OnFailure, Overlap, ServiceType};
use edges::Edges;
pub use error::CourseError;
pub use spec::{CourseSpec, RetryPolicy, ServiceSpec, StageSpec, Timeouts};

/// A service, by its place in the course: stage by stage, in a stage in the file's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ServiceId(pub u32);

/// A stage, by its place in the order in which the course takes the stages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StageId(pub u32);

impl ServiceId {
    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }
}

impl StageId {
    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }
}

/// What is to be done. Never changes once it is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Course {
    action: Action,
    overlap: Overlap,
    grace: u64,
    stages: Vec<StageCourse>,
    services: Vec<ServiceCourse>,
    needs: Edges,
    dependents: Edges,
}

/// One stage of the course.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageCourse {
    /// As the environment file names it.
    pub name: Box<str>,
    /// What a failed service means for the rest.
    pub on_failure: OnFailure,
    /// Slots of the build phase.
    pub build_limit: u32,
    /// Slots of the deploy phase.
    pub deploy_limit: u32,
    /// Its services.
    pub services: Range<u32>,
}

impl StageCourse {
    /// Slots of a phase.
    #[must_use]
    pub const fn limit(&self, phase: Phase) -> u32 {
        match phase {
            Phase::Build => self.build_limit,
            Phase::Deploy => self.deploy_limit,
        }
    }
}

/// One service of the course.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceCourse {
    /// As the environment file names it.
    pub name: Box<str>,
    /// The stage that it belongs to.
    pub stage: StageId,
    /// What kind of thing it is.
    pub kind: ServiceType,
    /// Does it go through the build phase?
    pub builds: bool,
    /// May the step that runs a job's program be tried again?
    pub idempotent: bool,
    /// Deadlines of its steps.
    pub timeouts: Timeouts,
    /// What happens after a failure that may be tried again.
    pub retry: RetryPolicy,
    /// Why it takes no part, when it does not.
    pub skipped: Option<Box<str>>,
    /// Its first step of the deploy phase.
    pub step: Step,
}

impl ServiceCourse {
    /// How long a step may take over all its attempts, in milliseconds.
    #[must_use]
    pub const fn timeout(&self, step: Step) -> u64 {
        match step {
            Step::Build => self.timeouts.build,
            Step::Push => self.timeouts.push,
            _ => self.timeouts.deploy,
        }
    }

    /// May a failed attempt of this step be followed by another?
    pub(crate) fn may_repeat(&self, step: Step) -> bool {
        self.kind != ServiceType::Job || self.idempotent || !step.runs_jobs()
    }
}

impl Course {
    /// Compiles a description.
    ///
    /// # Errors
    /// Needs in a circle or of a later stage, indices that name nothing, limits of 0.
    pub fn new(spec: &CourseSpec, action: Action) -> Result<Self, CourseError> {
        spec.check()?;
        let order = spec.order(action);
        let stages = stages(spec, action, &order);
        let (needs, dependents) = edges::between(spec, action, &order);
        let services = order
            .iter()
            .filter_map(|&at| spec.services.get(at as usize))
            .map(|service| service.compile(spec, action))
            .collect();
        let course = Self {
            action,
            overlap: spec.overlap,
            grace: spec.cancel_grace,
            stages,
            services,
            needs,
            dependents,
        };
        course.refuse_cycles()?;
        Ok(course)
    }

    /// What the deployment does.
    #[must_use]
    pub const fn action(&self) -> Action {
        self.action
    }

    /// What may run at the same time.
    #[must_use]
    pub const fn overlap(&self) -> Overlap {
        self.overlap
    }

    /// How long running steps have to end by themselves after a cancel, in milliseconds.
    #[must_use]
    pub const fn grace(&self) -> u64 {
        self.grace
    }

    /// The stages, in the order in which they are taken.
    #[must_use]
    pub fn stages(&self) -> &[StageCourse] {
        &self.stages
    }

    /// The services, stage by stage.
    #[must_use]
    pub fn services(&self) -> &[ServiceCourse] {
        &self.services
    }

    /// A stage.
    #[must_use]
    pub fn stage(&self, stage: StageId) -> Option<&StageCourse> {
        self.stages.get(stage.index())
    }

    /// A service.
    #[must_use]
    pub fn service(&self, service: ServiceId) -> Option<&ServiceCourse> {
        self.services.get(service.index())
    }

    /// The service of that name. Takes time in proportion to the number of services.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<ServiceId> {
        let at = self.services.iter().position(|s| &*s.name == name)?;
        Some(ServiceId(at as u32))
    }

    /// The name of a stage, or a placeholder for one that is not there.
    #[must_use]
    pub fn stage_name(&self, stage: StageId) -> &str {
        self.stage(stage).map_or("(unknown stage)", |s| &s.name)
    }

    /// The name of a service, or a placeholder for one that is not there.
    #[must_use]
    pub fn service_name(&self, service: ServiceId) -> &str {
        self.service(service)
            .map_or("(unknown service)", |s| &s.name)
    }

    /// What must be settled before the service's step of the deploy phase.
    #[must_use]
    pub fn needs(&self, service: ServiceId) -> &[ServiceId] {
        self.needs.of(service)
    }

    /// Those that have this service among their needs.
    #[must_use]
    pub fn dependents(&self, service: ServiceId) -> &[ServiceId] {
        self.dependents.of(service)
    }

    /// The id that plugins know a step by: the same over attempts and over crashes.
    #[must_use]
    pub fn step_id(&self, deployment: &str, service: ServiceId, step: Step) -> String {
        format!("{deployment}/{}/{step}", self.service_name(service))
    }

    /// The first step of a service.
    pub(crate) fn first_step(&self, service: &ServiceCourse) -> Step {
        if service.builds {
            Step::Build
        } else {
            service.step
        }
    }

    /// The step that goes on in the slot of one that succeeded: a push after a build, and the
    /// removal of a job after it ran for the last time.
    pub(crate) fn next_step(&self, step: Step) -> Option<Step> {
        match (step, self.action) {
            (Step::Build, _) => Some(Step::Push),
            (Step::Deploy, Action::Destroy) => Some(Step::Destroy),
            _ => None,
        }
    }

    /// Are needs only an order, so that what fails does not keep its dependants back?
    pub(crate) fn needs_only_order(&self) -> bool {
        self.action.is_thorough()
    }
}

fn stages(spec: &CourseSpec, action: Action, order: &[u32]) -> Vec<StageCourse> {
    let mut sizes = vec![0_u32; spec.stages.len()];
    for service in order
        .iter()
        .filter_map(|&at| spec.services.get(at as usize))
    {
        if let Some(size) = sizes.get_mut(service.stage as usize) {
            *size += 1;
        }
    }
    let mut both: Vec<(&StageSpec, u32)> = spec.stages.iter().zip(sizes).collect();
    if spec.is_reversed(action) {
        both.reverse();
    }
    let mut start = 0;
    both.into_iter()
        .map(|(stage, size)| {
            let services = start..start + size;
            start += size;
            StageCourse {
                name: stage.name.as_str().into(),
                on_failure: if action.is_thorough() {
                    OnFailure::Continue
                } else {
                    stage.on_failure
                },
                build_limit: stage.build_limit,
                deploy_limit: stage.deploy_limit,
                services,
            }
        })
        .collect()
}
