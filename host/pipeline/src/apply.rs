//! Folding facts into the state.
//!
//! First [`check`](State::check) refuses a fact that does not fit, then the fold changes the
//! state; so a refused fact leaves no trace. Folding is all that a replay does. Must never
//! decide: whatever has a choice in it is in the fact.

mod check;
mod service;
mod stage;

use crate::fact::Fact;
use crate::illegal::Illegal;
use crate::outcome::Ending;
use crate::state::{Cancel, Life, State};

impl State {
    /// Folds a fact.
    ///
    /// # Errors
    /// When the fact does not fit; the state is then as it was.
    pub fn apply(&mut self, fact: &Fact) -> Result<(), Illegal> {
        self.check(fact)?;
        self.fold(fact);
        Ok(())
    }

    fn fold(&mut self, fact: &Fact) {
        match fact {
            Fact::DeploymentStarted { .. } => self.begin(),
            Fact::DeploymentQueued { .. } | Fact::DeploymentResumed => {}
            Fact::DeploymentMerged { .. } => self.life = Life::Ended(Ending::Skipped),
            Fact::StageStarted { stage } => self.start_stage(*stage),
            Fact::PhaseStarted { stage, phase } => self.start_phase(*stage, *phase),
            Fact::PhaseEnded { stage, phase, .. } => self.end_phase(*stage, *phase),
            Fact::StageEnded { stage, .. } => self.end_stage(*stage),
            Fact::StageSkipped { stage, .. } => self.skip_stage(*stage),
            Fact::AssessmentAsked {
                service, deadline, ..
            } => self.ask(*service, *deadline),
            Fact::ServiceAssessed {
                service,
                phase,
                verdict,
            } => self.assess(*service, *phase, verdict),
            Fact::StepWaiting { service, .. } => {
                self.unannounced.remove(service);
            }
            Fact::StepStarted {
                service,
                step,
                slot,
                deadline,
                ..
            } => self.start_step(*service, *step, *slot, *deadline),
            Fact::StepEnded {
                service, outcome, ..
            } => self.end_step(*service, outcome),
            Fact::RetryScheduled {
                service,
                attempt,
                until,
                left,
                ..
            } => self.back_off(*service, *attempt, *until, *left),
            Fact::BackoffEnded { service } => self.come_back(*service),
            Fact::ServiceSettled { service, result } => self.settle(*service, *result),
            Fact::Halted { by, scope } => self.halt(*by, *scope),
            Fact::CancelRequested { force, grace_until } => {
                self.cancel = Some(Cancel {
                    grace_until: *grace_until,
                    force: *force,
                    forced: false,
                });
                self.trigger = None;
                self.stop_from(0);
            }
            Fact::CancelForced => {
                if let Some(cancel) = &mut self.cancel {
                    cancel.forced = true;
                }
            }
            Fact::DeploymentEnded { result } => self.life = Life::Ended(*result),
        }
    }
}
