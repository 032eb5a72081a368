//! One deployment, driven: inputs -> decide -> journal -> perform -> result.
//!
//! The only place that appends facts to a running deployment. A fact is durable before its
//! effect begins, and the result of the effect is an input like any other. Nothing is decided
//! here; when the journal cannot be written, nothing further happens.

mod record;

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use futures::FutureExt;
use stagewright_journal::{Claim, DeploymentId, Journal};
use stagewright_pipeline::{
    Course, Fact, Failure, Input, Life, Moment, Outcome, Phase, ServiceId, State, Step, Timestamp,
    Verdict, advance,
};
use stagewright_runtime::Cancel;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::ledger::Book;
use super::pace::Pace;
use super::workshop::{Attempt, Workshop};
use crate::compose::Host;
use crate::control::{Asked, Reply, Request};
use crate::follow::read_description;

/// How many facts are read at once.
const PAGE: usize = 1_000;
/// How many ended tasks are taken together.
const TOGETHER: usize = 256;
/// The longest wait for a timer; then the clock is looked at again, as it may have been set.
const NAP: Duration = Duration::from_secs(30);

/// Drives one deployment. The caller holds the lock of its environment.
pub(super) struct Drive {
    pub(super) host: Arc<Host>,
    pub(super) claim: Claim,
    pub(super) id: DeploymentId,
    pub(super) state: State,
    pub(super) book: Book,
    pub(super) workshop: Arc<Workshop>,
    /// The number of the last fact that is in the journal.
    pub(super) seq: u64,
    pub(super) pace: Pace,
    /// How the attempts and assessments that run are told to end.
    running: HashMap<(ServiceId, Option<Step>), Cancel>,
    tasks: JoinSet<Input>,
}

impl Drive {
    /// Takes up a deployment where its journal ends.
    ///
    /// # Errors
    /// When the journal cannot be read, or holds what this program does not understand.
    pub(super) async fn take_up(host: Arc<Host>, claim: Claim, id: DeploymentId) -> Result<Self> {
        let description = read_description(&*host.journal, &id).await?;
        let course = Course::new(&description.course_spec(), description.action)?;
        let book = Book::open(&*host.journal, &id).await?;
        let workshop = Workshop::new(Arc::clone(&host), &id, description, book.clone());
        let mut state = State::new(Arc::new(course));
        let (seq, last) = replay(&*host.journal, &id, &mut state).await?;
        let clock = Arc::clone(&host.clock);
        let pace = Pace::take_up(&*host.journal, clock, &id, last).await?;
        workshop.learn_secrets().await;
        Ok(Self {
            state,
            book,
            workshop: Arc::new(workshop),
            seq,
            pace,
            running: HashMap::new(),
            tasks: JoinSet::new(),
            host,
            claim,
            id,
        })
    }

    /// Runs it to its end.
    ///
    /// # Errors
    /// When the journal cannot be written: then what runs is stopped, and nothing is claimed.
    pub(super) async fn run(mut self, requests: &mut mpsc::Receiver<Asked>) -> Result<()> {
        let driven = self.go_on(requests).await;
        if driven.is_err() {
            // Not asked to end but broken off, as if this process had died: what a step would
            // undo now may be what the next driver has begun.
            self.tasks.shutdown().await;
        }
        driven
    }

    async fn go_on(&mut self, requests: &mut mpsc::Receiver<Asked>) -> Result<()> {
        match self.state.life() {
            Life::New => self.take(Input::Begin).await?,
            _ => self.resume().await?,
        }
        while !self.has_ended() {
            let timer = self.next_timer();
            if self.tasks.is_empty() && timer.is_none() {
                bail!(
                    "{} can go no further: nothing runs and nothing is waited for",
                    self.id
                );
            }
            let input = tokio::select! {
                Some(ended) = self.tasks.join_next() => ended.context("a step was lost")?,
                Some((request, reply)) = requests.recv() => {
                    self.answer(request, reply).await?;
                    continue;
                }
                () = sleep(timer) => Input::Advance,
            };
            let mut inputs = vec![input];
            // Writing waits for the disk; what ends meanwhile waits once, together.
            while inputs.len() < TOGETHER
                && let Some(ended) = self.tasks.try_join_next()
            {
                inputs.push(ended.context("a step was lost")?);
            }
            self.take_all(inputs).await?;
        }
        Ok(())
    }

    /// Asks again about everything that was in flight when the driver before this one went
    /// away. Plugins are idempotent on the id of a step, so the same attempt is performed.
    async fn resume(&mut self) -> Result<()> {
        let steps: Vec<_> = self.state.running().collect();
        let assessments: Vec<_> = self.state.assessing().collect();
        self.take(Input::Resume).await?;
        let now = self.pace.now();
        for step in steps {
            let left = self.state.remaining(step.service, now);
            self.start(step.service, step.step, step.attempt, left);
        }
        for (service, phase) in assessments {
            let left = self.state.remaining(service, now);
            self.assess(service, phase, left);
        }
        if let Some(cancel) = self.state.cancel() {
            self.ask_to_end(cancel.forced);
        }
        Ok(())
    }

    async fn answer(
        &mut self,
        request: Request,
        reply: tokio::sync::oneshot::Sender<Reply>,
    ) -> Result<()> {
        let Request::Cancel { deployment, force } = request;
        let answer = if deployment == self.id {
            self.take(Input::Cancel { force }).await?;
            Reply::Accepted
        } else {
            // What goes wrong with another deployment is no reason to end this one.
            let cancelled = super::queue::cancel(&self.host, &self.claim, &deployment).await;
            cancelled.unwrap_or_else(|error| Reply::Refused(format!("{error:#}")))
        };
        // Who asked may have gone away meanwhile; what was asked for was done.
        let _ = reply.send(answer);
        Ok(())
    }

    async fn take(&mut self, input: Input) -> Result<()> {
        self.take_all(vec![input]).await
    }

    /// Decides, one input after the other, writes down, and only then performs.
    async fn take_all(&mut self, inputs: Vec<Input>) -> Result<()> {
        let now = self.pace.now();
        let mut facts = Vec::new();
        let mut decided = Ok(());
        for input in inputs {
            // Nothing follows the end: what was still being looked at does not matter any more.
            if decided.is_err() || self.has_ended() {
                break;
            }
            self.forget(&input);
            decided = self.decide(now, input).map(|more| facts.extend(more));
        }
        self.append(now, &facts).await?;
        decided?;
        for fact in facts {
            self.perform(fact, now);
        }
        Ok(())
    }

    fn decide(&mut self, now: Timestamp, input: Input) -> Result<Vec<Fact>> {
        let moment = Moment {
            now,
            random: getrandom::u64().context("the operating system gives no random bytes")?,
            host_slots: self.host.config.host_slots,
        };
        Ok(advance(&mut self.state, &moment, input)?)
    }

    fn perform(&mut self, fact: Fact, now: Timestamp) {
        match fact {
            Fact::AssessmentAsked {
                service,
                phase,
                deadline,
                ..
            } => {
                self.assess(service, phase, deadline.since(now));
            }
            Fact::StepStarted {
                service,
                step,
                attempt,
                deadline,
                ..
            } => {
                self.start(service, step, attempt, deadline.since(now));
            }
            Fact::CancelRequested { force, .. } => self.ask_to_end(force),
            Fact::CancelForced => self.ask_to_end(true),
            _ => {}
        }
    }

    fn start(&mut self, service: ServiceId, step: Step, number: u16, left: u64) {
        let cancel = self.told(service, Some(step));
        let name = self.state.course().service_name(service).to_owned();
        let attempt = Attempt {
            service: name,
            step,
            number,
            left,
            cancel,
        };
        let workshop = Arc::clone(&self.workshop);
        self.tasks.spawn(async move {
            let performed = AssertUnwindSafe(workshop.perform(attempt))
                .catch_unwind()
                .await;
            let outcome = performed.unwrap_or_else(|_| Outcome::failed(broke_off()));
            Input::StepEnded {
                service,
                step,
                attempt: number,
                outcome,
            }
        });
    }

    fn assess(&mut self, service: ServiceId, phase: Phase, left: u64) {
        let cancel = self.told(service, None);
        let name = self.state.course().service_name(service).to_owned();
        let workshop = Arc::clone(&self.workshop);
        self.tasks.spawn(async move {
            let assessed = workshop.assess(&name, phase, left, cancel);
            let verdict = AssertUnwindSafe(assessed).catch_unwind().await;
            let verdict = verdict.unwrap_or_else(|_| Verdict::Failed(Box::new(broke_off())));
            Input::Assessed {
                service,
                phase,
                verdict,
            }
        });
    }

    /// How a new task is told to end: at once, when the deployment is being cancelled.
    fn told(&mut self, service: ServiceId, step: Option<Step>) -> Cancel {
        let cancel = Cancel::default();
        if let Some(asked) = self.state.cancel() {
            cancel.requested.cancel();
            if asked.forced {
                cancel.forced.cancel();
            }
        }
        self.running.insert((service, step), cancel.clone());
        cancel
    }

    fn ask_to_end(&self, force: bool) {
        for cancel in self.running.values() {
            cancel.requested.cancel();
            if force {
                cancel.forced.cancel();
            }
        }
    }

    fn forget(&mut self, input: &Input) {
        match input {
            Input::StepEnded { service, step, .. } => self.running.remove(&(*service, Some(*step))),
            Input::Assessed { service, .. } => self.running.remove(&(*service, None)),
            _ => None,
        };
    }

    fn has_ended(&self) -> bool {
        matches!(self.state.life(), Life::Ended(_))
    }

    fn next_timer(&self) -> Option<Duration> {
        let at = self.state.next_timer()?;
        Some(Duration::from_millis(at.since(self.pace.now())))
    }
}

/// Folds the facts that there are; the number of the last one, and when it was decided.
async fn replay(
    journal: &dyn Journal,
    id: &DeploymentId,
    state: &mut State,
) -> Result<(u64, Timestamp)> {
    let (mut seq, mut last) = (0, Timestamp::default());
    loop {
        let entries = journal.read(id, seq, PAGE).await?;
        if entries.is_empty() {
            return Ok((seq, last));
        }
        for entry in entries {
            let fact = Fact::from_json(&entry.body)
                .with_context(|| format!("fact {} of {id}", entry.seq))?;
            state.apply(&fact)?;
            (seq, last) = (entry.seq, Timestamp(entry.time_ms));
        }
    }
}

async fn sleep(until: Option<Duration>) {
    match until {
        Some(left) => tokio::time::sleep(left.min(NAP)).await,
        None => std::future::pending().await,
    }
}

fn broke_off() -> Failure {
    Failure::new("host.panic", "the host itself broke off in this step")
        .hint("this is a fault of stagewright; its log on standard error says more")
}
