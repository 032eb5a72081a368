//! How people and programs see a deployment while it runs: a live picture on a terminal,
//! plain lines elsewhere, or one JSON object a line.

pub(crate) mod colour;
pub(crate) mod instant;
mod json;
mod lines;
mod live;
mod picture;

pub(crate) use json::said_event;
pub(crate) use lines::{failure_lines, said_text};
pub(crate) use picture::duration;

use std::io::{IsTerminal, stdout};
use std::time::Duration;

use anyhow::Result;
use stagewright_pipeline::{State, Timestamp};

use super::arguments::Output;
use crate::clock::Clock;
use crate::description::Description;
use crate::follow::{Follower, Update};

/// How often a live picture shows that time passes.
const TICK: Duration = Duration::from_secs(1);

/// Shows a deployment.
pub(crate) trait View: Send {
    /// Something became known; `state` is as it is after it.
    ///
    /// # Errors
    /// When it cannot be shown.
    fn show(&mut self, scene: &Scene<'_>, update: &Update) -> Result<()>;

    /// All that became known at this moment was shown.
    ///
    /// # Errors
    /// When it cannot be shown.
    fn draw(&mut self, scene: &Scene<'_>) -> Result<()> {
        let _ = scene;
        Ok(())
    }

    /// Does the view show how time passes?
    fn is_moving(&self) -> bool {
        false
    }

    /// Nothing more follows.
    ///
    /// # Errors
    /// When it cannot be shown.
    fn finish(&mut self, scene: &Scene<'_>) -> Result<()>;
}

/// What a view looks at.
pub(crate) struct Scene<'a> {
    /// The deployment's id.
    pub(crate) deployment: &'a str,
    /// What it is made of.
    pub(crate) description: &'a Description,
    /// Where it is.
    pub(crate) state: &'a State,
    /// Now.
    pub(crate) now: Timestamp,
}

/// The view that fits the output.
pub(crate) fn choose(output: Output) -> Box<dyn View> {
    match output {
        Output::Json => Box::new(json::Json::default()),
        Output::Text if stdout().is_terminal() => Box::new(live::Live::default()),
        Output::Text => Box::new(lines::Lines::default()),
    }
}

/// Shows a deployment from its beginning to its end.
///
/// # Errors
/// When it cannot be followed or shown.
pub(crate) async fn watch(
    follower: &mut Follower,
    deployment: &str,
    clock: &dyn Clock,
    view: &mut dyn View,
) -> Result<()> {
    let mut ticks = tokio::time::interval(TICK);
    loop {
        let updates = tokio::select! {
            updates = follower.next() => updates?,
            _ = ticks.tick(), if view.is_moving() => Some(Vec::new()),
        };
        let scene = Scene {
            deployment,
            description: follower.description(),
            state: follower.state(),
            now: clock.now(),
        };
        let Some(updates) = updates else {
            return view.finish(&scene);
        };
        for update in &updates {
            view.show(&scene, update)?;
        }
        view.draw(&scene)?;
    }
}
