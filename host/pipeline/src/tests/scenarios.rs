//! The sentences of the design, one by one, on small deployments with a known course.

mod cancelling;
mod jobs;
mod policies;
mod retrying;
mod stages;
mod waiting;

use super::script::{Judgement, Kind, Part, Play, Script};
use crate::action::Action;
use crate::course::{CourseSpec, ServiceSpec, StageSpec};
use crate::fact::Fact;
use crate::failure::Retry;
use crate::outcome::{Settlement, SkipReason};

const PLAY: Play = Play {
    takes: 10,
    failures: 0,
    retry: Retry::Later,
};

const CHANGED: Judgement = Judgement {
    takes: 0,
    failures: 0,
    kind: Kind::Changed,
};

/// So many services `s0`, `s1`, ... in one stage; each of their steps takes 10 ms and
/// succeeds, and nothing is unchanged.
pub(super) fn plain(services: usize) -> Script {
    staged(&[services])
}

/// As [`plain`], with so many services in each of the stages `stage 0`, `stage 1`, ...
pub(super) fn staged(sizes: &[usize]) -> Script {
    let mut spec = CourseSpec {
        cancel_grace: 30,
        ..CourseSpec::default()
    };
    for (at, &size) in sizes.iter().enumerate() {
        spec.stages.push(StageSpec::new(format!("stage {at}")));
        for _ in 0..size {
            let name = format!("s{}", spec.services.len());
            spec.services.push(ServiceSpec::new(name, at as u32));
        }
    }
    let part = Part {
        build: PLAY,
        push: PLAY,
        deploy: PLAY,
        build_verdict: CHANGED,
        deploy_verdict: CHANGED,
        wind_down: 1_000,
    };
    Script {
        parts: vec![part; spec.services.len()],
        spec,
        action: Action::Deploy,
        host_slots: u32::MAX,
        cancel: None,
    }
}

impl Script {
    /// The trace in short words: `10 start s0 build 1 @1`, `20 settle s0 succeeded`, ...
    fn told(&self) -> Vec<String> {
        let course = self.course();
        let name = |id| course.service_name(id).to_owned();
        let tell = |fact: &Fact| match fact {
            Fact::StepStarted {
                service,
                step,
                attempt,
                slot,
                ..
            } => Some(format!("start {} {step} {attempt} @{slot}", name(*service))),
            Fact::RetryScheduled { service, until, .. } => {
                Some(format!("retry {} at {}", name(*service), until.0))
            }
            Fact::ServiceSettled { service, result } => {
                Some(format!("settle {} {}", name(*service), word(*result)))
            }
            Fact::StageStarted { stage } => Some(format!("open {}", course.stage_name(*stage))),
            Fact::StageEnded { stage, result } => Some(format!(
                "end {} {}",
                course.stage_name(*stage),
                result.as_str()
            )),
            Fact::StageSkipped { stage, .. } => Some(format!("skip {}", course.stage_name(*stage))),
            Fact::PhaseStarted { stage, phase } => Some(format!("open {phase} {}", stage.0)),
            Fact::PhaseEnded {
                stage,
                phase,
                result,
            } => Some(format!("end {phase} {} {}", stage.0, result.as_str())),
            Fact::CancelForced => Some("forced".to_owned()),
            Fact::DeploymentEnded { result } => Some(format!("over {}", result.as_str())),
            _ => None,
        };
        let trace = self.trace();
        let timed = trace
            .iter()
            .filter_map(|(at, fact)| Some(format!("{} {}", at.0, tell(fact)?)));
        timed.collect()
    }

    /// What is told about one thing.
    fn told_of(&self, what: &str) -> Vec<String> {
        let about = |line: &String| line.split(' ').any(|word| word == what);
        self.told().into_iter().filter(about).collect()
    }

    fn last(&self) -> String {
        self.told().pop().unwrap()
    }
}

fn word(result: Settlement) -> &'static str {
    match result {
        Settlement::Succeeded => "succeeded",
        Settlement::Unchanged => "unchanged",
        Settlement::Failed => "failed",
        Settlement::Cancelled { confirmed: true } => "cancelled",
        Settlement::Cancelled { confirmed: false } => "cancel-unconfirmed",
        Settlement::Skipped(SkipReason::Declared) => "declared",
        Settlement::Skipped(SkipReason::NeedFailed(_)) => "need-failed",
        Settlement::Skipped(SkipReason::Halted(_)) => "halted",
        Settlement::Skipped(SkipReason::StageFailed(_)) => "stage-failed",
        Settlement::Skipped(SkipReason::StageNotBuilt) => "stage-not-built",
    }
}
