//! The plain description that a course is made from.
//!
//! Serialised into the journal beside the facts, so that a replay compiles the same course.
//! Whoever makes one has selected the services and checked needs on those left out.

use serde::{Deserialize, Serialize};

use super::{CourseError, ServiceCourse, StageId};
use crate::action::{Action, Phase, Step};
use crate::environment::file::{OnFailure, Overlap, Run, ServiceType};

/// More services or stages than this are refused, which leaves room in the indices.
const MOST: usize = 1 << 24;

/// The grace period of a cancel where nothing else is said: 30 s.
const GRACE: u64 = 30_000;

/// What is to be done, as plain data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CourseSpec {
    /// What may run at the same time.
    pub overlap: Overlap,
    /// The stages, in the order of the file, whatever the action.
    pub stages: Vec<StageSpec>,
    /// The selected services, in the order of the file.
    pub services: Vec<ServiceSpec>,
    /// How long running steps have to end by themselves after a cancel, in milliseconds.
    #[serde(default = "default_grace")]
    pub cancel_grace: u64,
    /// The last stage and the dependants come first, although the action takes nothing down:
    /// what is undone is undone in reverse.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reversed: bool,
}

fn default_grace() -> u64 {
    GRACE
}

impl Default for CourseSpec {
    fn default() -> Self {
        Self {
            overlap: Overlap::default(),
            stages: Vec::new(),
            services: Vec::new(),
            cancel_grace: GRACE,
            reversed: false,
        }
    }
}

/// A stage, as plain data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageSpec {
    /// As the environment file names it.
    pub name: String,
    /// What a failed service means for the rest.
    pub on_failure: OnFailure,
    /// Slots of the build phase, at least 1.
    pub build_limit: u32,
    /// Slots of the deploy phase, at least 1.
    pub deploy_limit: u32,
}

impl StageSpec {
    /// A stage with four slots a phase that fails fast.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            on_failure: OnFailure::FailFast,
            build_limit: 4,
            deploy_limit: 4,
        }
    }
}

/// A service, as plain data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceSpec {
    /// As the environment file names it.
    pub name: String,
    /// What kind of thing it is.
    pub kind: ServiceType,
    /// Its stage: an index into the spec's stages.
    pub stage: u32,
    /// Does it have an image that is built (or found) and pushed?
    pub builds: bool,
    /// Why it is marked skipped, when it is.
    pub skipped: Option<String>,
    /// What it needs: indices into the spec's services.
    pub needs: Vec<u32>,
    /// Deadlines of its steps.
    pub timeouts: Timeouts,
    /// What happens after a failure that may be tried again.
    pub retry: RetryPolicy,
    /// A job that may run twice.
    pub idempotent: bool,
    /// On which occasions it runs, if it is a job.
    #[serde(default = "on_deploy")]
    pub run: Vec<Run>,
}

fn on_deploy() -> Vec<Run> {
    vec![Run::OnDeploy]
}

impl ServiceSpec {
    /// An application with an image, without needs, with the default deadlines.
    #[must_use]
    pub fn new(name: impl Into<String>, stage: u32) -> Self {
        Self {
            name: name.into(),
            kind: ServiceType::Application,
            stage,
            builds: true,
            skipped: None,
            needs: Vec::new(),
            timeouts: Timeouts::default(),
            retry: RetryPolicy::default(),
            idempotent: false,
            run: on_deploy(),
        }
    }

    pub(super) fn compile(&self, spec: &CourseSpec, action: Action) -> ServiceCourse {
        let stages = spec.stages.len() as u32;
        ServiceCourse {
            name: self.name.as_str().into(),
            stage: StageId(if spec.is_reversed(action) {
                stages.saturating_sub(1).saturating_sub(self.stage)
            } else {
                self.stage
            }),
            kind: self.kind,
            builds: self.builds && action.has_builds(),
            idempotent: self.idempotent,
            timeouts: self.timeouts,
            retry: self.retry,
            skipped: self.why_skipped(action).map(Into::into),
            step: match action {
                _ if self.runs_as_job(action) => Step::Deploy,
                other => other.step(),
            },
        }
    }

    fn runs_as_job(&self, action: Action) -> bool {
        self.kind == ServiceType::Job && action.runs(&self.run)
    }

    /// Why it takes no part in the action. A job has nothing that could be stopped or started.
    fn why_skipped(&self, action: Action) -> Option<&str> {
        let declared = self.skipped.as_deref().filter(|_| !action.is_thorough());
        declared.or(match (self.kind, action) {
            (ServiceType::Job, Action::Stop | Action::Rollback) if !action.runs(&self.run) => {
                Some(match action {
                    Action::Stop => "a job that does not run on stop",
                    _ => "a job that does not run on rollback",
                })
            }
            (ServiceType::Job, Action::Start | Action::Restart) => {
                Some("a job, which has nothing to start")
            }
            (kind, Action::Run) if kind != ServiceType::Job => Some("it is no job"),
            _ => None,
        })
    }
}

/// Deadlines, each over all attempts of its step, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timeouts {
    /// 30 min where nothing is said.
    pub build: u64,
    /// 10 min where nothing is said.
    pub push: u64,
    /// Of whatever the action's step is; 10 min where nothing is said.
    pub deploy: u64,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            build: 30 * 60_000,
            push: 10 * 60_000,
            deploy: 10 * 60_000,
        }
    }
}

/// What happens after a failure that may be tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryPolicy {
    /// Further attempts after the first.
    pub max: u16,
    /// Pause before the second attempt, in milliseconds; doubled before each further one.
    pub backoff: u64,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max: 0,
            backoff: 1_000,
        }
    }
}

impl CourseSpec {
    /// Checks what can be checked service by service.
    pub(super) fn check(&self) -> Result<(), CourseError> {
        let largest = self.services.len().max(self.stages.len());
        if largest > MOST {
            return Err(CourseError::TooLarge(largest));
        }
        for stage in &self.stages {
            for (phase, limit) in [
                (Phase::Build, stage.build_limit),
                (Phase::Deploy, stage.deploy_limit),
            ] {
                if limit == 0 {
                    let stage = stage.name.clone();
                    return Err(CourseError::NoSlots { stage, phase });
                }
            }
        }
        self.services.iter().try_for_each(|s| self.check_service(s))
    }

    fn check_service(&self, service: &ServiceSpec) -> Result<(), CourseError> {
        if self.stages.len() <= service.stage as usize {
            return Err(CourseError::NoStage {
                service: service.name.clone(),
                stage: service.stage,
                stages: self.stages.len(),
            });
        }
        for &at in &service.needs {
            let need = self
                .services
                .get(at as usize)
                .ok_or_else(|| CourseError::NoNeed {
                    service: service.name.clone(),
                    need: at,
                })?;
            if need.stage > service.stage {
                let stage = self.stages.get(need.stage as usize);
                return Err(CourseError::LaterStage {
                    service: service.name.clone(),
                    need: need.name.clone(),
                    stage: stage.map_or_else(String::new, |s| s.name.clone()),
                });
            }
        }
        Ok(())
    }

    /// Do the last stage and the dependants come first?
    pub(super) fn is_reversed(&self, action: Action) -> bool {
        self.reversed || action.is_reversed()
    }

    /// Indices of the services as the course takes them: stage by stage, reversed where the
    /// action is; inside a stage in the order of the file.
    pub(super) fn order(&self, action: Action) -> Vec<u32> {
        let mut order: Vec<u32> = (0..self.services.len() as u32).collect();
        let stage = |at: &u32| self.services.get(*at as usize).map_or(0, |s| s.stage);
        if self.is_reversed(action) {
            order.sort_by_key(|at| std::cmp::Reverse(stage(at)));
        } else {
            order.sort_by_key(stage);
        }
        order
    }
}
