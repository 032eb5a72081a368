//! The picture of a running deployment: its stages, the slots of each phase and what is in
//! them, what waits and why. Text in, text out; knows no terminal.

use std::collections::BTreeMap;

use stagewright_pipeline::{Fact, Phase, Running, ServiceId, Settlement, StageId, Timestamp};

use super::colour::{RESET, shade};
use super::{Scene, Update, instant};
use crate::cli::print::count;
use crate::logs::Said;

/// The most services that are listed as waiting; the rest is counted.
const MOST_WAITING: usize = 8;

/// What the picture remembers beside the state.
#[derive(Default)]
pub(crate) struct Picture {
    begun: Option<Timestamp>,
    /// When the running attempt of a service started.
    started: BTreeMap<ServiceId, Timestamp>,
    /// The last thing that a service's running attempt said.
    last: BTreeMap<String, String>,
}

impl Picture {
    /// Remembers what the state does not hold.
    pub(crate) fn note(&mut self, scene: &Scene<'_>, update: &Update) {
        match update {
            Update::Fact { time_ms, fact, .. } => {
                self.begun.get_or_insert(Timestamp(*time_ms));
                if let Fact::StepStarted { service, .. } = fact {
                    self.started.insert(*service, Timestamp(*time_ms));
                    self.last
                        .remove(scene.state.course().service_name(*service));
                }
            }
            Update::Said(Said {
                attempt, record, ..
            }) => {
                self.last.insert(attempt.service.clone(), record.words());
            }
        }
    }

    /// The picture, in at most `height` lines of at most `width` characters.
    pub(crate) fn draw(&self, scene: &Scene<'_>, width: usize, height: usize) -> Vec<String> {
        let elapsed = self.begun.map_or(0, |begun| scene.now.since(begun));
        let mut lines = vec![format!(
            "{} · {} · {}",
            scene.deployment,
            scene.description.action,
            duration(elapsed)
        )];
        for (index, stage) in scene.state.course().stages().iter().enumerate() {
            let id = StageId(u32::try_from(index).unwrap_or(u32::MAX));
            lines.push(format!("  {:<28} {}", stage.name, stage_words(scene, id)));
        }
        let running: Vec<Running> = scene.state.running().collect();
        for phase in [Phase::Build, Phase::Deploy] {
            self.slots(scene, phase, &running, &mut lines);
        }
        waiting(scene, &mut lines);
        fit(lines, width, height)
    }

    fn slots(&self, scene: &Scene<'_>, phase: Phase, running: &[Running], lines: &mut Vec<String>) {
        let mut taken: Vec<&Running> = running
            .iter()
            .filter(|step| step.step.phase() == phase)
            .collect();
        taken.sort_by_key(|step| step.slot);
        if let Some(first) = taken.first() {
            let course = scene.state.course();
            let stage = course.service(first.service).map(|service| service.stage);
            let limit = stage
                .and_then(|stage| course.stage(stage))
                .map_or(0, |s| s.limit(phase));
            lines.push(format!("  {phase}: {} of {limit} slots taken", taken.len()));
        }
        for step in taken {
            let name = scene.state.course().service_name(step.service);
            let since = self.started.get(&step.service);
            let elapsed = since.map_or(0, |&since| scene.now.since(since));
            let allowed = since.map_or(0, |&since| step.deadline.since(since));
            let attempt = match step.attempt {
                1 => String::new(),
                more => format!(" (attempt {more})"),
            };
            let last = self.last.get(name).map_or("", String::as_str);
            lines.push(format!(
                "    slot {:<2} {name} {}{attempt} {} of {}  {last}",
                step.slot,
                step.step,
                duration(elapsed),
                duration(allowed),
            ));
        }
    }
}

/// How far a stage is, in words.
fn stage_words(scene: &Scene<'_>, stage: StageId) -> String {
    let state = scene.state;
    let Some(course) = state.course().stage(stage) else {
        return String::new();
    };
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    for service in course.services.clone().map(ServiceId) {
        let word = match state.settlement(service) {
            Some(Settlement::Succeeded) => "done",
            Some(Settlement::Unchanged) => "unchanged",
            Some(Settlement::Skipped(_)) => "skipped",
            Some(Settlement::Failed) => "failed",
            Some(Settlement::Cancelled { .. }) => "cancelled",
            None if state.waiting(service).is_none() => "running",
            None => "waiting",
        };
        *counts.entry(word).or_default() += 1;
    }
    if counts.is_empty() {
        return "no services".to_owned();
    }
    let words = counts
        .iter()
        .map(|(word, count)| shade(word, &format!("{count} {word}")));
    words.collect::<Vec<_>>().join(", ")
}

fn waiting(scene: &Scene<'_>, lines: &mut Vec<String>) {
    let state = scene.state;
    let course = state.course();
    let count = u32::try_from(course.services().len()).unwrap_or(u32::MAX);
    let waits = (0..count).map(ServiceId);
    let mut waits = waits.filter_map(|service| Some((service, state.waiting(service)?)));
    for (service, wait) in waits.by_ref().take(MOST_WAITING) {
        let words = instant::waits(&wait, course, scene.now);
        let name = course.service_name(service);
        lines.push(format!("  {name} {}", shade("waiting", &words)));
    }
    match waits.count() {
        0 => {}
        1 => lines.push("  and 1 more waits".to_owned()),
        more => lines.push(format!("  and {more} more wait")),
    }
}

fn fit(mut lines: Vec<String>, width: usize, height: usize) -> Vec<String> {
    if lines.len() > height {
        let hidden = lines.len() - height + 1;
        lines.truncate(height.saturating_sub(1));
        lines.push(format!("  and {}", count(hidden, "more line")));
    }
    for line in &mut lines {
        if let Some(cut) = end_of(line, width) {
            line.truncate(cut);
            // Behind a colour that was cut off in the middle.
            line.push_str(if line.contains('\u{1b}') { RESET } else { "" });
        }
    }
    lines
}

/// Where a line is longer than so many characters, those that only give colour not counted.
fn end_of(line: &str, width: usize) -> Option<usize> {
    let mut is_colour = false;
    let mut shown = line.char_indices().filter(|(_, character)| {
        let was_colour = is_colour;
        is_colour = match character {
            '\u{1b}' => true,
            'm' => false,
            _ => is_colour,
        };
        !was_colour && !is_colour
    });
    shown.nth(width).map(|(at, _)| at)
}

/// Milliseconds as `0:07` or `1:02:03`.
pub(crate) fn duration(millis: u64) -> String {
    let seconds = millis / 1_000;
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}"),
        hours => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}
