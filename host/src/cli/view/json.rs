//! One JSON object a line: the same events that a daemon would stream.

use anyhow::{Context, Result};
use serde_json::{Value, json};
use stagewright_pipeline::{Timestamp, event};

use super::{Scene, Update, View};
use crate::cli::print;
use crate::logs::Said;

/// Prints events.
#[derive(Default)]
pub(crate) struct Json {}

impl View for Json {
    fn show(&mut self, scene: &Scene<'_>, update: &Update) -> Result<()> {
        match update {
            Update::Fact { seq, time_ms, fact } => {
                let course = scene.state.course();
                let time = Timestamp(*time_ms);
                print::json(&event(course, scene.deployment, *seq, time, fact))
            }
            Update::Said(said) => print::json(&said_event(scene.deployment, said)?),
        }
    }

    fn finish(&mut self, _: &Scene<'_>) -> Result<()> {
        Ok(())
    }
}

/// `step.log` and `step.progress`: not events of the journal, so they have no `seq` but a
/// cursor of their own.
///
/// # Errors
/// When it cannot be written as JSON.
pub(crate) fn said_event(deployment: &str, said: &Said) -> Result<Value> {
    let mut event = serde_json::to_value(&said.record)?;
    let fields = event.as_object_mut().context("a record is an object")?;
    fields.insert("deployment".into(), deployment.into());
    fields.insert("service".into(), said.attempt.service.clone().into());
    fields.insert("step".into(), said.attempt.step.as_str().into());
    fields.insert("attempt".into(), said.attempt.attempt.into());
    let (generation, bytes) = said.offset;
    fields.insert("offset".into(), json!([generation, bytes]));
    Ok(event)
}
