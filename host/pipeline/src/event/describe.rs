//! What each fact says in its event.

use super::Event;
use crate::course::{Course, ServiceId};
use crate::fact::{Barrier, Fact, Scope};
use crate::outcome::{Outcome, Settlement, SkipReason};
use crate::verdict::Verdict;

impl<'a> Event<'a> {
    pub(super) fn describe(&mut self, course: &'a Course, fact: &'a Fact) {
        match fact {
            Fact::StageStarted { .. }
            | Fact::StageEnded { .. }
            | Fact::StageSkipped { .. }
            | Fact::PhaseStarted { .. }
            | Fact::PhaseEnded { .. } => self.describe_stage(course, fact),
            Fact::AssessmentAsked { .. }
            | Fact::ServiceAssessed { .. }
            | Fact::ServiceSettled { .. } => self.describe_service(course, fact),
            Fact::StepWaiting { .. }
            | Fact::StepStarted { .. }
            | Fact::StepEnded { .. }
            | Fact::RetryScheduled { .. }
            | Fact::BackoffEnded { .. } => self.describe_step(course, fact),
            _ => self.describe_deployment(course, fact),
        }
    }

    fn describe_deployment(&mut self, course: &'a Course, fact: &'a Fact) {
        match fact {
            Fact::DeploymentQueued { position } => {
                self.event = "deployment.queued";
                self.reason = Some(match position {
                    0 | 1 => "waits for the deployment before it".to_owned(),
                    n => format!("waits for {n} deployments before it"),
                });
            }
            Fact::DeploymentMerged { into } => {
                self.event = "deployment.merged";
                self.merged_into = Some(into);
            }
            Fact::DeploymentStarted { action, .. } => {
                self.event = "deployment.started";
                self.action = Some(action.as_str());
            }
            Fact::DeploymentResumed => self.event = "deployment.resumed",
            Fact::Halted { by, scope } => {
                self.event = "deployment.halted";
                self.of_service(course, *by);
                let name = course.service_name(*by);
                self.reason = Some(match scope {
                    Scope::Deployment => format!("{name} failed, so nothing new starts"),
                    Scope::LaterStages => format!("{name} failed, so no later stage starts"),
                });
            }
            Fact::CancelRequested { force, grace_until } => {
                self.event = "deployment.cancelling";
                if !force {
                    self.until = Some(grace_until.to_string());
                }
            }
            Fact::CancelForced => self.event = "deployment.cancel-forced",
            Fact::DeploymentEnded { result } => {
                self.event = "deployment.ended";
                self.result = Some(result.as_str());
            }
            _ => {}
        }
    }

    fn describe_stage(&mut self, course: &'a Course, fact: &'a Fact) {
        let stage = match fact {
            Fact::StageStarted { stage } => {
                self.event = "stage.started";
                stage
            }
            Fact::StageEnded { stage, result } => {
                self.event = "stage.ended";
                self.result = Some(result.as_str());
                stage
            }
            Fact::StageSkipped { stage, reason } => {
                self.event = "stage.skipped";
                self.result = Some("skipped");
                self.reason = Some(barrier(course, *reason));
                stage
            }
            Fact::PhaseStarted { stage, phase } => {
                self.event = "phase.started";
                self.phase = Some(phase.as_str());
                stage
            }
            Fact::PhaseEnded {
                stage,
                phase,
                result,
            } => {
                self.event = "phase.ended";
                self.phase = Some(phase.as_str());
                self.result = Some(result.as_str());
                stage
            }
            _ => return,
        };
        self.of_stage(course, *stage);
    }

    fn describe_service(&mut self, course: &'a Course, fact: &'a Fact) {
        let service = match fact {
            Fact::AssessmentAsked {
                service,
                phase,
                attempt,
                deadline,
            } => {
                self.event = "service.assessing";
                self.phase = Some(phase.as_str());
                self.attempt = Some(*attempt);
                self.deadline = Some(deadline.to_string());
                service
            }
            Fact::ServiceAssessed {
                service,
                phase,
                verdict,
            } => {
                self.event = "service.assessed";
                self.phase = Some(phase.as_str());
                self.judge(verdict);
                service
            }
            Fact::ServiceSettled { service, result } => {
                self.event = "service.ended";
                self.settle(course, *service, *result);
                service
            }
            _ => return,
        };
        self.of_service(course, *service);
    }

    fn describe_step(&mut self, course: &'a Course, fact: &'a Fact) {
        let (service, step, attempt) = match fact {
            Fact::StepWaiting {
                service,
                step,
                reason,
            } => {
                self.event = "step.waiting";
                self.reason = Some(reason.sentence(course).to_string());
                (service, Some(step), None)
            }
            Fact::StepStarted {
                service,
                step,
                attempt,
                slot,
                deadline,
            } => {
                self.event = "step.started";
                self.slot = Some(*slot);
                self.deadline = Some(deadline.to_string());
                (service, Some(step), Some(*attempt))
            }
            Fact::StepEnded {
                service,
                step,
                attempt,
                outcome,
            } => {
                self.event = "step.ended";
                self.end(outcome);
                (service, Some(step), Some(*attempt))
            }
            Fact::RetryScheduled {
                service,
                step,
                attempt,
                until,
                ..
            } => {
                self.event = "step.retrying";
                self.until = Some(until.to_string());
                (service, Some(step), Some(*attempt))
            }
            Fact::BackoffEnded { service } => {
                self.event = "step.backoff-ended";
                (service, None, None)
            }
            _ => return,
        };
        self.of_service(course, *service);
        self.step = step.map(|s| s.as_str());
        self.attempt = attempt;
    }

    fn judge(&mut self, verdict: &'a Verdict) {
        match verdict {
            Verdict::Unchanged(standing) => {
                self.result = Some("unchanged");
                self.reason = Some(standing.reason.clone()).filter(|r| !r.is_empty());
                self.reference = standing.reference.as_deref();
                self.outputs = standing.outputs.iter().map(Into::into).collect();
            }
            Verdict::Changed(change) => {
                self.result = Some("changed");
                self.reason = Some(change.reasons.join("; ")).filter(|r| !r.is_empty());
                self.reference = change.built.as_deref();
            }
            Verdict::Failed(failure) => {
                self.result = Some("failed");
                self.error = Some((&**failure).into());
            }
        }
    }

    fn end(&mut self, outcome: &'a Outcome) {
        match outcome {
            Outcome::Succeeded(product) => {
                self.result = Some("succeeded");
                self.reference = product.reference.as_deref();
                self.outputs = product.outputs.iter().map(Into::into).collect();
            }
            Outcome::Failed(failure) => {
                self.result = Some("failed");
                self.error = Some((&**failure).into());
            }
            Outcome::Cancelled { confirmed, remains } => {
                self.result = Some(cancelled(*confirmed));
                self.remains = remains;
            }
        }
    }

    fn settle(&mut self, course: &Course, id: ServiceId, result: Settlement) {
        self.result = Some(match result {
            Settlement::Succeeded => "succeeded",
            Settlement::Unchanged => "unchanged",
            Settlement::Failed => "failed",
            Settlement::Cancelled { confirmed } => cancelled(confirmed),
            Settlement::Skipped(reason) => {
                self.reason = Some(skipped(course, id, reason));
                "skipped"
            }
        });
    }
}

fn cancelled(confirmed: bool) -> &'static str {
    if confirmed {
        "cancelled"
    } else {
        "cancel-unconfirmed"
    }
}

fn barrier(course: &Course, barrier: Barrier) -> String {
    match barrier {
        Barrier::Cancelled => "cancelled".to_owned(),
        Barrier::Halted(by) | Barrier::StageFailed(by) => {
            format!("{} failed", course.service_name(by))
        }
    }
}

fn skipped(course: &Course, id: ServiceId, reason: SkipReason) -> String {
    let name = |id| course.service_name(id);
    match reason {
        SkipReason::Declared => course
            .service(id)
            .and_then(|s| s.skipped.as_deref())
            .unwrap_or("marked as skipped")
            .to_owned(),
        SkipReason::NeedFailed(need) => format!("need-failed: {}", name(need)),
        SkipReason::Halted(by) => format!("halted: {} failed", name(by)),
        SkipReason::StageFailed(by) => format!("earlier stage failed: {}", name(by)),
        SkipReason::StageNotBuilt => "not all of its stage was built".to_owned(),
    }
}
