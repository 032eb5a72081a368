//! `job run`: runs jobs as they were last built, without deploying anything.

use std::sync::Arc;

use anyhow::Result;
use stagewright_pipeline::Action;

use super::arguments::{Job, Output};
use super::deploy::see_through;
use super::{Exit, target};
use crate::compose::Host;
use crate::executor::enqueue;
use crate::resolve::{check_secrets, standing};

pub(crate) async fn run(host: &Arc<Host>, job: &Job, output: Output) -> Result<Exit> {
    let Job::Run { jobs, environment } = job;
    let environment = target::environment(host, environment.as_deref()).await?;
    let description = standing(host, &environment, Action::Run, jobs, false).await?;
    check_secrets(host, &description).await?;
    let id = enqueue(host, &description, "command line").await?;
    see_through(host, id, output).await
}
