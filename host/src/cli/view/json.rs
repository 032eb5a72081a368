//! One JSON object a line: the same events that a daemon would stream.

use anyhow::Result;
use serde_json::{Map, Value};
use stagewright_pipeline::{Fact, ServiceId, StageId, Timestamp, event};

use super::{Scene, Update, View};
use crate::cli::print;
use crate::logs::Said;

/// Prints events.
#[derive(Default)]
pub struct Json {}

impl View for Json {
    fn show(&mut self, scene: &Scene<'_>, update: &Update) -> Result<()> {
        match update {
            Update::Fact { seq, time_ms, fact } => print::json(&fact_event(
                scene,
                *seq,
                Timestamp(*time_ms),
                fact,
            )),
            Update::Said(said) => print::json(&said_event(scene, said)?),
        }
    }

    fn finish(&mut self, _: &Scene<'_>) -> Result<()> {
        Ok(())
    }
}
