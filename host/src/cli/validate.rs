//! `validate`: is the environment file right, and the configuration of its plugins?

use std::sync::Arc;

use anyhow::Result;
use stagewright_pipeline::Action;

use super::arguments::{File, Output};
use super::{Exit, print};
use crate::compose::Host;
use crate::resolve::{Extent, resolve};

pub(crate) async fn run(host: &Arc<Host>, file: &File, output: Output) -> Result<Exit> {
    let resolved = resolve(host, &file.file, Action::Deploy, &[], Extent::File).await?;
    let environment = &resolved.description.environment;
    match output {
        Output::Json => print::json(environment)?,
        Output::Text => print::line(&format!(
            "{}: environment `{}` with {} in {} is fine",
            file.file.display(),
            environment.name,
            print::count(environment.services.len(), "service"),
            print::count(environment.stages.len(), "stage")
        ))?,
    }
    Ok(Exit::Success)
}
