//! Plain lines: what happens, one line each, for logs of other tools and for pipes.

use std::collections::BTreeMap;

use anyhow::Result;
use stagewright_pipeline::{
    Ending, Fact, Failure, Outcome, ServiceId, Settlement, Step, Timestamp, Verdict, event,
};

use super::colour::{shade, state};
use super::picture::duration;
use super::{Scene, Update, View, instant};
use crate::cli::print::line;
use crate::logs::{Record, Said};

/// Prints lines.
#[derive(Default)]
pub(crate) struct Lines {
    started: BTreeMap<(ServiceId, Step), Timestamp>,
    begun: Option<Timestamp>,
    ended: Option<Timestamp>,
}

impl View for Lines {
    fn show(&mut self, scene: &Scene<'_>, update: &Update) -> Result<()> {
        self.describe(scene, update)
            .iter()
            .try_for_each(|text| line(text))
    }

    fn finish(&mut self, scene: &Scene<'_>) -> Result<()> {
        self.summary(scene).iter().try_for_each(|text| line(text))
    }
}

impl Lines {
    /// The lines for one update; none for what only matters to machines.
    pub(crate) fn describe(&mut self, scene: &Scene<'_>, update: &Update) -> Vec<String> {
        match update {
            Update::Fact { time_ms, fact, .. } => self.fact(scene, Timestamp(*time_ms), fact),
            Update::Said(said) => said_text(said).into_iter().collect(),
        }
    }

    fn fact(&mut self, scene: &Scene<'_>, time: Timestamp, fact: &Fact) -> Vec<String> {
        let course = scene.state.course();
        let text = match fact {
            Fact::DeploymentQueued { position } if *position > 0 => {
                format!("{} waits; {position} before it", scene.deployment)
            }
            Fact::DeploymentMerged { into } => format!(
                "{} became part of {into}, which asks for the same",
                scene.deployment
            ),
            Fact::DeploymentStarted { action, .. } => {
                self.begun = Some(time);
                format!("{} {action}", scene.deployment)
            }
            Fact::DeploymentResumed => format!("{} goes on where it was", scene.deployment),
            Fact::StageStarted { stage } => format!("stage {}", course.stage_name(*stage)),
            Fact::StageSkipped { stage, .. } => {
                format!("stage {} {}", course.stage_name(*stage), state("skipped"))
            }
            Fact::CancelRequested { force: false, .. } => {
                shade("cancelled", "cancelling") + "; what runs is told to end"
            }
            Fact::CancelRequested { .. } | Fact::CancelForced => {
                shade("cancelled", "cancelling by force")
            }
            Fact::DeploymentEnded { .. } => {
                self.ended = Some(time);
                return Vec::new();
            }
            _ => return self.of_service(scene, time, fact),
        };
        vec![text]
    }

    fn of_service(&mut self, scene: &Scene<'_>, time: Timestamp, fact: &Fact) -> Vec<String> {
        let course = scene.state.course();
        let name = |service: &ServiceId| course.service_name(*service);
        let text = match fact {
            Fact::ServiceAssessed {
                service,
                verdict,
                phase,
            } => return assessed(&format!("  {} {phase}", name(service)), verdict),
            Fact::StepWaiting {
                service, reason, ..
            } => {
                let words = instant::waits(reason, course, time);
                format!("  {} {}", name(service), shade("waiting", &words))
            }
            Fact::StepStarted {
                service,
                step,
                attempt,
                slot,
                deadline,
            } => {
                self.started.insert((*service, *step), time);
                let attempt = match attempt {
                    1 => String::new(),
                    more => format!(", attempt {more}"),
                };
                let until = instant::at(*deadline, time);
                format!(
                    "  {} {step} {} (slot {slot}{attempt}; it has until {until})",
                    name(service),
                    state("started")
                )
            }
            Fact::StepEnded {
                service,
                step,
                outcome,
                ..
            } => {
                let since = self.started.get(&(*service, *step));
                let took = duration(since.map_or(0, |&since| time.since(since)));
                return outcome_lines(&format!("  {} {step}", name(service)), &took, outcome);
            }
            Fact::RetryScheduled {
                service,
                step,
                attempt,
                until,
                ..
            } => {
                let retries = instant::retries(*until, *attempt, time);
                format!("  {} {step} {}", name(service), shade("waiting", &retries))
            }
            Fact::ServiceSettled {
                service,
                result: Settlement::Skipped(_),
            } => {
                let event = event(course, scene.deployment, 0, time, fact);
                let reason = event.reason.unwrap_or_default();
                format!("  {} {}: {reason}", name(service), state("skipped"))
            }
            _ => return Vec::new(),
        };
        vec![text]
    }

    /// What came of it.
    pub(crate) fn summary(&self, scene: &Scene<'_>) -> Vec<String> {
        use stagewright_pipeline::Life;
        let Life::Ended(ending) = scene.state.life() else {
            return vec![format!("{} has not ended", scene.deployment)];
        };
        let tally = scene.state.tally();
        let counts = [
            (tally.succeeded, "succeeded"),
            (tally.unchanged, "unchanged"),
            (tally.skipped, "skipped"),
            (tally.failed, "failed"),
            (tally.cancelled, "cancelled"),
        ];
        let counts = counts.iter().filter(|(count, _)| *count > 0);
        let counts: Vec<String> = counts
            .map(|(count, word)| shade(word, &format!("{count} {word}")))
            .collect();
        let took = match (self.begun, self.ended) {
            (Some(begun), Some(ended)) => format!(" in {}", duration(ended.since(begun))),
            _ => String::new(),
        };
        let word = match ending {
            Ending::Succeeded => "succeeded",
            Ending::Failed => "failed",
            Ending::Cancelled => "was cancelled",
            Ending::Skipped => "was skipped",
        };
        let counts = match counts.as_slice() {
            [] => "nothing was to be done".to_owned(),
            counts => counts.join(", "),
        };
        let word = state(word);
        vec![format!("{} {word}{took}: {counts}", scene.deployment)]
    }
}

fn assessed(what: &str, verdict: &Verdict) -> Vec<String> {
    match verdict {
        Verdict::Unchanged(standing) => vec![format!("{what} {}", standing.reason)],
        Verdict::Changed(change) if change.reasons.is_empty() => Vec::new(),
        Verdict::Changed(change) => vec![format!("{what}: {}", change.reasons.join(", "))],
        Verdict::Failed(failure) => failure_lines(&format!("{what} {}", state("failed")), failure),
    }
}

fn outcome_lines(what: &str, took: &str, outcome: &Outcome) -> Vec<String> {
    match outcome {
        Outcome::Succeeded(product) => {
            let made = product
                .reference
                .as_ref()
                .map(|reference| format!(" → {reference}"));
            vec![format!(
                "{what} {} in {took}{}",
                state("succeeded"),
                made.unwrap_or_default()
            )]
        }
        Outcome::Failed(failure) => {
            let failed = state("failed");
            failure_lines(&format!("{what} {failed} after {took}"), failure)
        }
        Outcome::Cancelled {
            confirmed: true, ..
        } => vec![format!("{what} {}", state("cancelled"))],
        Outcome::Cancelled { remains, .. } => {
            vec![format!(
                "{what} {}, but this may remain: {}",
                state("cancelled"),
                remains.join(", ")
            )]
        }
    }
}

/// A failure in full: what, what to do, and further facts.
pub(crate) fn failure_lines(what: &str, failure: &Failure) -> Vec<String> {
    let mut lines = vec![format!("{what}: {} ({})", failure.message, failure.code)];
    lines.extend(failure.hint.iter().map(|hint| format!("    → {hint}")));
    for (name, value) in &failure.details {
        let mut rows = value.lines();
        match (rows.next(), value.lines().count()) {
            (Some(row), 1) => lines.push(format!("    {name}: {row}")),
            (first, _) => {
                lines.push(format!("    {name}:"));
                lines.extend(
                    first
                        .into_iter()
                        .chain(rows)
                        .map(|row| format!("      {row}")),
                );
            }
        }
    }
    lines
}

/// A line of a log; nothing for progress, which only moves.
pub(crate) fn said_text(said: &Said) -> Option<String> {
    let Record::Line { level, message, .. } = &said.record else {
        return None;
    };
    let mark = match level.as_str() {
        "warn" => "warning: ",
        "error" => "error: ",
        _ => "",
    };
    Some(format!(
        "  {} {} | {mark}{message}",
        said.attempt.service, said.attempt.step
    ))
}
