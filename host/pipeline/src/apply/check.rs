//! Which facts fit a state. Answers without changing anything.

use crate::action::{Phase, Step};
use crate::course::{Course, ServiceId, StageId};
use crate::fact::Fact;
use crate::illegal::Illegal;
use crate::outcome::{Ending, Outcome};
use crate::state::{End, Life, Mode, Service, Stage, State, Status};

impl State {
    /// Does the fact fit?
    pub(crate) fn check(&self, fact: &Fact) -> Result<(), Illegal> {
        match (self.life, fact) {
            (Life::New, Fact::DeploymentStarted { .. }) => return self.check_course(fact),
            // A deployment that waits may be told so again, become part of another, or be
            // cancelled.
            (
                Life::New,
                Fact::DeploymentQueued { .. }
                | Fact::DeploymentMerged { .. }
                | Fact::DeploymentEnded {
                    result: Ending::Cancelled,
                },
            ) => return Ok(()),
            (Life::New, _) => return Err(Illegal::NotBegun),
            (Life::Ended(_), _) => return Err(Illegal::Ended),
            (
                Life::Running,
                Fact::DeploymentStarted { .. }
                | Fact::DeploymentQueued { .. }
                | Fact::DeploymentMerged { .. },
            ) => return Err(Illegal::AlreadyBegun),
            (Life::Running, _) => {}
        }
        match fact {
            Fact::DeploymentQueued { .. }
            | Fact::DeploymentMerged { .. }
            | Fact::DeploymentStarted { .. }
            | Fact::DeploymentResumed => Ok(()),
            Fact::StageStarted { .. }
            | Fact::StageSkipped { .. }
            | Fact::StageEnded { .. }
            | Fact::PhaseStarted { .. }
            | Fact::PhaseEnded { .. } => self.check_stage(fact),
            Fact::AssessmentAsked { .. } | Fact::ServiceAssessed { .. } => {
                self.check_assessment(fact)
            }
            Fact::StepWaiting { .. }
            | Fact::StepStarted { .. }
            | Fact::StepEnded { .. }
            | Fact::RetryScheduled { .. }
            | Fact::BackoffEnded { .. } => self.check_step(fact),
            Fact::ServiceSettled { service, .. } => {
                let (at, name) = self.look_up(*service)?;
                accept(self.pending.contains(service), || Illegal::Settlement {
                    service: name.to_owned(),
                    place: at.place(),
                })
            }
            Fact::Halted { by, scope } => {
                let (_, service) = self.look_up(*by)?;
                accept(self.trigger == Some(*by), || Illegal::Halt {
                    service: service.to_owned(),
                    scope: *scope,
                })
            }
            Fact::CancelRequested { .. } => accept(self.cancel.is_none(), || Illegal::Force),
            Fact::CancelForced => {
                let open = self.cancel.is_some_and(|cancel| !cancel.forced);
                accept(open, || Illegal::Force)
            }
            Fact::DeploymentEnded { .. } => {
                let all = self.closed as usize == self.stages.len();
                accept(all, || Illegal::Unfinished)
            }
        }
    }

    fn check_course(&self, fact: &Fact) -> Result<(), Illegal> {
        let Fact::DeploymentStarted {
            action,
            stages,
            services,
        } = fact
        else {
            return Ok(());
        };
        let same = *action == self.course.action()
            && *stages as usize == self.stages.len()
            && *services as usize == self.services.len();
        accept(same, || {
            Illegal::OtherCourse(format!(
                "{action} of {services} services in {stages} stages"
            ))
        })
    }

    fn check_stage(&self, fact: &Fact) -> Result<(), Illegal> {
        let (fits, id, verb) = match *fact {
            Fact::StageStarted { stage } => {
                let fits = self.opened == stage.0;
                (
                    fits && self.stage(stage)?.status == Status::Unopened,
                    stage,
                    "start",
                )
            }
            Fact::StageSkipped { stage, .. } => {
                let next = self.opened == stage.0 && self.closed == stage.0;
                (
                    next && self.stage(stage)?.deploy.left == 0,
                    stage,
                    "be skipped",
                )
            }
            Fact::StageEnded { stage, .. } => {
                let at = self.stage(stage)?;
                let halves = at.build.status != Status::Open && at.deploy.status != Status::Open;
                let fits = at.status == Status::Open && self.closed == stage.0 && halves;
                (fits && at.deploy.left == 0, stage, "end")
            }
            Fact::PhaseStarted { stage, phase } => {
                let at = self.stage(stage)?;
                let turn = phase == Phase::Build || self.closed == stage.0;
                let fits = at.status == Status::Open && turn;
                let unopened = at.half(phase).status == Status::Unopened;
                (fits && unopened, stage, "start a phase")
            }
            Fact::PhaseEnded { stage, phase, .. } => {
                let half = self.stage(stage)?.half(phase);
                let fits = half.status == Status::Open && half.left == 0;
                (fits, stage, "end a phase")
            }
            _ => return Ok(()),
        };
        accept(fits, || Illegal::Stage {
            stage: self.course.stage_name(id).to_owned(),
            verb,
        })
    }

    fn check_assessment(&self, fact: &Fact) -> Result<(), Illegal> {
        let (service, phase, fits) = match *fact {
            Fact::AssessmentAsked {
                service,
                phase,
                attempt,
                ..
            } => {
                let at = self.look_up(service)?.0;
                let turn = self.unassessed.contains(&service) && at.mode == Mode::Idle;
                let fits = turn && at.attempt == attempt && at.step.phase() == phase;
                (service, phase, fits)
            }
            Fact::ServiceAssessed { service, phase, .. } => {
                let at = self.look_up(service)?.0;
                let fits = at.mode == Mode::Assessing && at.step.phase() == phase;
                (service, phase, fits)
            }
            _ => return Ok(()),
        };
        let (at, name) = self.look_up(service)?;
        accept(fits, || Illegal::Assessment {
            service: name.to_owned(),
            phase,
            place: at.place(),
        })
    }

    fn check_step(&self, fact: &Fact) -> Result<(), Illegal> {
        let (id, step, attempt, verb) = match *fact {
            Fact::StepWaiting { service, step, .. } => {
                (service, step, self.look_up(service)?.0.attempt, "wait")
            }
            Fact::StepStarted {
                service,
                step,
                attempt,
                ..
            } => (service, step, attempt, "start"),
            Fact::StepEnded {
                service,
                step,
                attempt,
                ..
            } => (service, step, attempt, "end"),
            Fact::RetryScheduled {
                service,
                step,
                attempt,
                ..
            } => (service, step, attempt, "be tried again"),
            Fact::BackoffEnded { service } => {
                let at = self.look_up(service)?.0;
                (service, at.step, at.attempt, "end its pause")
            }
            _ => return Ok(()),
        };
        let (at, name) = self.look_up(id)?;
        let same = at.step == step && at.attempt == attempt;
        let fits = match fact {
            Fact::StepWaiting { .. } => at.step == step && self.unannounced.contains(&id),
            Fact::StepStarted { slot, .. } if goes_on(&self.course, at, step, attempt) => {
                at.slot == *slot
            }
            Fact::StepStarted { slot, .. } => {
                let (phase, lane) = (step.phase(), self.lane(step.phase()));
                let is_one = *slot <= lane.limit() && lane.is_free(*slot);
                if same && at.mode == Mode::Ready && !is_one {
                    let (service, slot) = (name.to_owned(), *slot);
                    return Err(Illegal::Slot {
                        service,
                        phase,
                        slot,
                    });
                }
                same && at.mode == Mode::Ready
            }
            Fact::StepEnded { outcome, .. } => {
                let cancelled = matches!(outcome, Outcome::Cancelled { .. });
                if cancelled && self.cancel.is_none() {
                    return Err(Illegal::NotCancelled {
                        service: name.to_owned(),
                    });
                }
                same && at.mode == Mode::Running
            }
            Fact::RetryScheduled { .. } => {
                let next = at.attempt.checked_add(1) == Some(attempt);
                at.step == step && next && at.mode == Mode::Ended(End::Failed)
            }
            _ => at.mode == Mode::BackingOff,
        };
        accept(fits, || Illegal::Step {
            service: name.to_owned(),
            step,
            attempt,
            verb,
            place: at.place(),
        })
    }

    fn look_up(&self, id: ServiceId) -> Result<(&Service, &str), Illegal> {
        let service = self.services.get(id.index());
        let service = service.ok_or(Illegal::NoService(id.0))?;
        Ok((service, self.course.service_name(id)))
    }

    fn stage(&self, id: StageId) -> Result<&Stage, Illegal> {
        self.stages.get(id.index()).ok_or(Illegal::NoStage(id.0))
    }
}

/// A push goes on in the slot of its build, without waiting for one; so does every next step.
fn goes_on(course: &Course, at: &Service, step: Step, attempt: u16) -> bool {
    let succeeded = at.mode == Mode::Ended(End::Succeeded);
    succeeded && course.next_step(at.step) == Some(step) && attempt == 1
}

fn accept(fits: bool, illegal: impl FnOnce() -> Illegal) -> Result<(), Illegal> {
    if fits { Ok(()) } else { Err(illegal()) }
}
