//! Random deployments: a course, and a world that answers the same whenever it is asked.

use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;

use crate::action::{Action, Phase, Step};
use crate::course::{Course, CourseSpec, RetryPolicy, ServiceId, ServiceSpec, StageSpec, Timeouts};
use crate::decide::{Input, advance};
use crate::environment::file::{OnFailure, Overlap, Run, ServiceType};
use crate::fact::Fact;
use crate::failure::{Failure, Retry};
use crate::moment::{Moment, Timestamp};
use crate::outcome::Outcome;
use crate::simulate::{Report, Settings, World, simulate_by};
use crate::verdict::{Change, Verdict};

/// A course and its world.
#[derive(Clone, Debug)]
pub(super) struct Script {
    pub(super) spec: CourseSpec,
    pub(super) action: Action,
    pub(super) host_slots: u32,
    pub(super) cancel: Option<(u64, bool)>,
    /// In the order of the spec.
    pub(super) parts: Vec<Part>,
}

/// What the world does with one service.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) build: Play,
    pub(super) push: Play,
    pub(super) deploy: Play,
    pub(super) build_verdict: Judgement,
    pub(super) deploy_verdict: Judgement,
    pub(super) wind_down: u64,
}

/// What an assessment answers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Judgement {
    pub(super) takes: u64,
    pub(super) failures: u16,
    pub(super) kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Changed,
    Unchanged,
    /// Only to be pushed; for a deploy the same as changed.
    Built,
}

/// A step that fails so often before it succeeds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Play {
    pub(super) takes: u64,
    pub(super) failures: u16,
    pub(super) retry: Retry,
}

/// One call of `advance` and what came of it.
#[derive(Clone, Debug)]
pub(super) struct Batch {
    pub(super) moment: Moment,
    pub(super) facts: Vec<Fact>,
}

pub(super) const SEED: u64 = 11;

impl Script {
    pub(super) fn course(&self) -> Arc<Course> {
        Arc::new(Course::new(&self.spec, self.action).unwrap())
    }

    pub(super) fn settings(&self) -> Settings {
        Settings {
            host_slots: self.host_slots,
            seed: SEED,
            cancel: self.cancel,
        }
    }

    /// Runs it, and keeps everything.
    pub(super) fn run(&self) -> (Report, Vec<Batch>) {
        let mut batches = Vec::new();
        let by = |state: &mut _, moment: &Moment, input: Input| {
            let facts = advance(state, moment, input)?;
            batches.push(Batch {
                moment: *moment,
                facts: facts.clone(),
            });
            Ok(facts)
        };
        let mut world = self.world();
        let course = self.course();
        let report = simulate_by(by, course, &mut world, self.settings(), |_, _| {}).unwrap();
        (report, batches)
    }

    /// Runs it; the facts with their times.
    pub(super) fn trace(&self) -> Vec<(Timestamp, Fact)> {
        let batches = self.run().1;
        let timed = |b: Batch| b.facts.into_iter().map(move |fact| (b.moment.now, fact));
        batches.into_iter().flat_map(timed).collect()
    }

    pub(super) fn world(&self) -> ScriptWorld<'_> {
        let course = self.course();
        let place = |s: &ServiceSpec| course.find(&s.name).unwrap();
        let mut parts: Vec<(ServiceId, &Part)> = self
            .spec
            .services
            .iter()
            .map(place)
            .zip(&self.parts)
            .collect();
        parts.sort_by_key(|(id, _)| *id);
        ScriptWorld(parts.into_iter().map(|(_, part)| part).collect())
    }
}

/// The parts in the order of the course.
pub(super) struct ScriptWorld<'a>(Vec<&'a Part>);

impl Part {
    pub(super) fn play(&self, step: Step) -> Play {
        match step {
            Step::Build => self.build,
            Step::Push => self.push,
            _ => self.deploy,
        }
    }

    pub(super) fn judgement(&self, phase: Phase) -> Judgement {
        match phase {
            Phase::Build => self.build_verdict,
            Phase::Deploy => self.deploy_verdict,
        }
    }
}

pub(super) fn failure(retry: Retry) -> Failure {
    Failure::new("test.failed", "the script says so").retry(retry)
}

impl World for ScriptWorld<'_> {
    fn attempt(&mut self, service: ServiceId, step: Step, attempt: u16) -> (u64, Outcome) {
        let play = self.0[service.index()].play(step);
        let outcome = if attempt <= play.failures {
            Outcome::failed(failure(play.retry))
        } else {
            Outcome::succeeded()
        };
        (play.takes, outcome)
    }

    fn assess(&mut self, service: ServiceId, phase: Phase, attempt: u16) -> (u64, Verdict) {
        let judgement = self.0[service.index()].judgement(phase);
        let verdict = if attempt <= judgement.failures {
            Verdict::Failed(Box::new(failure(Retry::Later)))
        } else {
            match judgement.kind {
                Kind::Changed => Verdict::changed("script"),
                Kind::Unchanged => Verdict::unchanged(None, "script"),
                Kind::Built => Verdict::Changed(Box::new(Change {
                    built: (phase == Phase::Build).then(|| "built@1".to_owned()),
                    ..Change::default()
                })),
            }
        };
        (judgement.takes, verdict)
    }

    fn wind_down(&mut self, service: ServiceId, _: Step) -> u64 {
        self.0[service.index()].wind_down
    }
}

fn play() -> impl Strategy<Value = Play> {
    let failures = prop_oneof![6 => Just(0_u16), 2 => 1..3_u16, 1 => Just(99)];
    let retry = prop_oneof![
        4 => Just(Retry::Later),
        1 => Just(Retry::Never),
        1 => (1..80_u32).prop_map(Retry::AfterMs),
    ];
    (0..60_u64, failures, retry).prop_map(|(takes, failures, retry)| Play {
        takes,
        failures,
        retry,
    })
}

fn judgement() -> impl Strategy<Value = Judgement> {
    let failures = prop_oneof![12 => Just(0_u16), 1 => 1..3_u16];
    let kind = prop_oneof![
        6 => Just(Kind::Changed),
        1 => Just(Kind::Unchanged),
        1 => Just(Kind::Built),
    ];
    let takes = prop_oneof![3 => Just(0_u64), 1 => 0..20_u64];
    (takes, failures, kind).prop_map(|(takes, failures, kind)| Judgement {
        takes,
        failures,
        kind,
    })
}

fn part() -> impl Strategy<Value = Part> {
    (play(), play(), play(), judgement(), judgement(), 0..50_u64).prop_map(
        |(build, push, deploy, build_verdict, deploy_verdict, wind_down)| Part {
            build,
            push,
            deploy,
            build_verdict,
            deploy_verdict,
            wind_down,
        },
    )
}

fn stage() -> impl Strategy<Value = StageSpec> {
    let policy = prop_oneof![
        1 => Just(OnFailure::FailFast),
        1 => Just(OnFailure::FinishStage),
        3 => Just(OnFailure::Continue),
    ];
    (policy, 1..=5_u32, 1..=5_u32).prop_map(|(on_failure, build_limit, deploy_limit)| StageSpec {
        name: String::new(),
        on_failure,
        build_limit,
        deploy_limit,
    })
}

/// A service whose stage and needs are numbers yet to be fitted to what there is.
fn service() -> impl Strategy<Value = ServiceSpec> {
    let kind = prop_oneof![4 => Just(ServiceType::Application), 1 => Just(ServiceType::Job)];
    let skipped = prop_oneof![9 => Just(None), 1 => Just(Some("skipped".to_owned()))];
    let needs = prop_oneof![3 => Just(Vec::new()), 2 => vec(any::<u32>(), 1..3)];
    let timeouts = (40..400_u64, 40..400_u64, 40..400_u64);
    let retry = (0..3_u16, 1..60_u64);
    (
        kind,
        any::<u32>(),
        prop::bool::weighted(0.8),
        skipped,
        needs,
        timeouts,
        retry,
        (any::<bool>(), occasions()),
    )
        .prop_map(
            |(kind, stage, builds, skipped, needs, timeouts, retry, (idempotent, run))| {
                let (build, push, deploy) = timeouts;
                let (max, backoff) = retry;
                ServiceSpec {
                    name: String::new(),
                    kind,
                    stage,
                    builds,
                    skipped,
                    needs,
                    timeouts: Timeouts {
                        build,
                        push,
                        deploy,
                    },
                    retry: RetryPolicy { max, backoff },
                    idempotent,
                    run,
                }
            },
        )
}

/// On which occasions a job runs.
fn occasions() -> impl Strategy<Value = Vec<Run>> {
    let all = [
        Run::OnDeploy,
        Run::OnChange,
        Run::OnRollback,
        Run::OnStop,
        Run::OnDestroy,
    ];
    prop::sample::subsequence(all.to_vec(), 0..=all.len())
}

fn fit(stages: &mut [StageSpec], services: &mut [ServiceSpec]) {
    for (at, stage) in stages.iter_mut().enumerate() {
        stage.name = format!("stage {at}");
    }
    for service in services.iter_mut() {
        service.stage %= stages.len() as u32;
    }
    let places: Vec<u32> = services.iter().map(|s| s.stage).collect();
    for (at, service) in services.iter_mut().enumerate() {
        service.name = format!("s{at}");
        // An order of (stage, number) has no circles.
        let before: Vec<u32> = (0..places.len() as u32)
            .filter(|&n| (places[n as usize], n) < (service.stage, at as u32))
            .collect();
        service.needs = if before.is_empty() {
            Vec::new()
        } else {
            let pick = |n: &u32| before[*n as usize % before.len()];
            service.needs.iter().map(pick).collect()
        };
    }
}

pub(super) fn scripts() -> impl Strategy<Value = Script> {
    let overlap = prop_oneof![
        Just(Overlap::None),
        Just(Overlap::WithinStage),
        Just(Overlap::AcrossStages),
    ];
    let action = prop_oneof![
        6 => Just(Action::Deploy),
        1 => Just(Action::Redeploy),
        1 => Just(Action::Restart),
        1 => Just(Action::Stop),
        1 => Just(Action::Start),
        2 => Just(Action::Destroy),
        1 => Just(Action::Rollback),
        1 => Just(Action::Run),
    ];
    let host_slots = prop_oneof![3 => Just(u32::MAX), 1 => 1..6_u32];
    let cancel = prop_oneof![3 => Just(None), 1 => (0..400_u64, any::<bool>()).prop_map(Some)];
    let services = vec((service(), part()), 0..24);
    (
        vec(stage(), 0..5),
        services,
        overlap,
        action,
        host_slots,
        cancel,
        prop::bool::weighted(0.1),
    )
        .prop_map(
            |(mut stages, services, overlap, action, host_slots, cancel, reversed)| {
                let (mut services, mut parts): (Vec<_>, Vec<_>) = services.into_iter().unzip();
                if stages.is_empty() {
                    services.clear();
                    parts.clear();
                }
                fit(&mut stages, &mut services);
                Script {
                    spec: CourseSpec {
                        overlap,
                        stages,
                        services,
                        cancel_grace: 30,
                        reversed,
                    },
                    action,
                    host_slots,
                    cancel,
                    parts,
                }
            },
        )
}
