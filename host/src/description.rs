//! What a deployment is made of, fixed when it is asked for: services with their plugins by
//! digest and their sources by commit. It is in the journal before anything happens, so that
//! every process that ever drives the deployment does the same.

#[cfg(test)]
mod fuzz;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use stagewright_pipeline::environment::{
    Environment, OnFailure, Overlap, Reference, Service, Stage,
};
use stagewright_pipeline::{
    Action, CourseSpec, Output, PluginRecord, RetryPolicy, ServiceSpec, StageSpec, Timeouts,
};

use crate::source::CommitId;

/// What a deployment is made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Description {
    /// What is done.
    pub(crate) action: Action,
    /// The services that were selected, in the order of the file; empty means all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) only: Vec<String>,
    /// Data folders go, too. Only for destroy.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) with_data: bool,
    /// The folder of the environment file.
    pub(crate) folder: PathBuf,
    /// The environment as it was read, all of it.
    pub(crate) environment: Environment,
    /// All services of the environment, and orphans where they are to be removed.
    pub(crate) subjects: Vec<Subject>,
    /// How long running steps have to end by themselves after a cancel, in milliseconds.
    pub(crate) cancel_grace: u64,
    /// What a rollback goes back to. Only for rollbacks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) earlier: Option<Earlier>,
}

/// What an earlier deployment left.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Earlier {
    /// Its number.
    pub(crate) deployment: u64,
    /// The number of the failed deployment that is undone. Left out: somebody asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) undoes: Option<u64>,
    /// The image that each service had, by digest.
    pub(crate) images: BTreeMap<String, String>,
    /// What each service had been given as the outputs of jobs, by service and job; sensitive
    /// values are kept elsewhere.
    pub(crate) given: BTreeMap<String, BTreeMap<String, Vec<Output>>>,
}

/// A service, and who serves it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Subject {
    /// The service. Its stage and needs are indices into the description's environment; an
    /// orphan's stage is the last one.
    pub(crate) service: Service,
    /// Its builder; none where nothing is built.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) build: Option<PluginRecord>,
    /// Its publisher.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) push: Option<PluginRecord>,
    /// Its deployer.
    pub(crate) deploy: PluginRecord,
    /// What its branch, tag or hash meant when the deployment was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) commit: Option<CommitId>,
    /// The deployment works on it. The others are there because variables refer to them.
    pub(crate) takes_part: bool,
}

impl Description {
    /// The plain course of the deployment. Needs on services that take no part are left out:
    /// they were checked when the deployment was asked for.
    pub(crate) fn course_spec(&self) -> CourseSpec {
        let position = |index: usize| {
            let name = &self.environment.services.get(index)?.name;
            let at = self
                .parts()
                .position(|subject| &subject.service.name == name)?;
            u32::try_from(at).ok()
        };
        let services = self.parts().map(|subject| {
            let service = &subject.service;
            ServiceSpec {
                kind: service.kind,
                builds: self.action.has_builds() && subject.build.is_some(),
                skipped: service
                    .skip
                    .then(|| "marked `skip` in the environment file".to_owned()),
                needs: service
                    .needs
                    .iter()
                    .filter_map(|&need| position(need))
                    .collect(),
                timeouts: timeouts(service),
                retry: RetryPolicy {
                    max: u16::try_from(service.retry.max).unwrap_or(u16::MAX),
                    backoff: service.retry.backoff.millis(),
                },
                idempotent: service.idempotent,
                run: service.run.clone(),
                ..ServiceSpec::new(
                    &service.name,
                    u32::try_from(service.stage).unwrap_or(u32::MAX),
                )
            }
        });
        CourseSpec {
            overlap: self.overlap(),
            stages: self
                .environment
                .stages
                .iter()
                .map(|stage| self.stage_spec(stage))
                .collect(),
            services: services.collect(),
            cancel_grace: self.cancel_grace,
            reversed: self.undoes().is_some(),
        }
    }

    /// What the deployment works on, in the order of the file.
    pub(crate) fn parts(&self) -> impl Iterator<Item = &Subject> {
        self.subjects.iter().filter(|subject| subject.takes_part)
    }

    /// The subject of that name, whether or not it takes part.
    pub(crate) fn subject(&self, name: &str) -> Option<&Subject> {
        self.subjects
            .iter()
            .find(|subject| subject.service.name == name)
    }

    /// References to the outputs of jobs that the service's variables hold.
    pub(crate) fn output_references<'a>(
        &'a self,
        service: &'a Service,
    ) -> impl Iterator<Item = &'a Reference> + 'a {
        use stagewright_pipeline::environment::{ServiceType, Variable};
        let templates = service
            .variables
            .values()
            .filter_map(|variable| match variable {
                Variable::Text(template) => Some(template),
                Variable::Secret(_) => None,
            });
        templates
            .flat_map(|template| template.references())
            .filter(|reference| {
                let job = self.environment.service(&reference.service);
                job.is_some_and(|(_, job)| job.kind == ServiceType::Job)
                    && !matches!(reference.attribute.as_str(), "host" | "port")
                    && reference.port_name().is_none()
            })
    }

    /// The number of the failed deployment that this one undoes.
    pub(crate) fn undoes(&self) -> Option<u64> {
        self.earlier.as_ref()?.undoes
    }

    fn stage_spec(&self, stage: &Stage) -> StageSpec {
        StageSpec {
            name: stage.name.clone(),
            // One thing that cannot be brought back is no reason to leave the others.
            on_failure: match self.undoes() {
                Some(_) => OnFailure::Continue,
                None => stage.on_failure,
            },
            build_limit: stage.limits.build,
            deploy_limit: stage.limits.deploy,
        }
    }

    fn overlap(&self) -> Overlap {
        self.environment.overlap
    }
}

fn timeouts(service: &Service) -> Timeouts {
    Timeouts {
        build: service.timeouts.build.millis(),
        push: service.timeouts.push.millis(),
        deploy: service.timeouts.deploy.millis(),
    }
}
