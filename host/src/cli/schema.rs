//! `schema`: the JSON Schema of the environment file.

use anyhow::Result;
use stagewright_pipeline::environment;

use super::{Exit, print};

pub(crate) fn run() -> Result<Exit> {
    print::line(&serde_json::to_string_pretty(&environment::schema())?)?;
    Ok(Exit::Success)
}
