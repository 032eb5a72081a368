//! `plan`: what a deployment would do for each service, and why. Changes nothing.

use std::sync::Arc;

use anyhow::Result;
use futures::future::join_all;
use serde::Serialize;
use stagewright_pipeline::{Action, Verdict};

use super::arguments::{Output, Plan};
use super::{Exit, print};
use crate::compose::Host;
use crate::description::{Description, Subject};
use crate::executor::foresee::{Foresight, Intended};
use crate::resolve::{Choices, Extent, granted_commands, granted_repositories, resolve};

/// What is said of a phase that cannot be foreseen: the deployment would fail there.
const UNKNOWN: &str = "unknown";

/// What would happen to one service.
#[derive(Debug, Serialize)]
struct Row {
    stage: String,
    service: String,
    build: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    build_reasons: Vec<String>,
    deploy: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    deploy_reasons: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    changes: Vec<Intended>,
    plugins: Vec<Chosen>,
    /// Programs that its build may run, granted by the environment file.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    programs: Vec<String>,
    /// Repositories that its images come from, granted by the environment file.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pulls_from: Vec<String>,
    /// Repositories that its images go to, granted by the environment file.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pushes_to: Vec<String>,
    /// The program that its deployer keeps running on this machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    runs: Option<String>,
}

/// A plugin and who chose it.
#[derive(Debug, Serialize)]
struct Chosen {
    role: &'static str,
    plugin: String,
    digest: String,
    chosen_by: &'static str,
}

pub(crate) async fn run(host: &Arc<Host>, plan: &Plan, output: Output) -> Result<Exit> {
    let resolved = resolve(
        host,
        &plan.file.file,
        Action::Deploy,
        &plan.only,
        Extent::World,
    )
    .await?;
    let foresight = Foresight::new(host, &resolved.description).await?;
    let description = &resolved.description;
    let mut exit = Exit::Success;
    if output == Output::Text {
        print::line(&format!("environment {}", description.environment.name))?;
    }
    let looked_at = description.subjects.iter().zip(&resolved.choices);
    let looked_at = looked_at.filter(|(subject, _)| subject.takes_part);
    let rows = looked_at.map(|(subject, choices)| row(&foresight, description, subject, choices));
    let rows = join_all(rows).await;
    for stage in &description.environment.stages {
        if output == Output::Text {
            print::line(&format!("stage {}", stage.name))?;
        }
        for row in rows.iter().filter(|row| row.stage == stage.name) {
            if row.build == UNKNOWN || row.deploy == UNKNOWN {
                exit = Exit::Usage;
            }
            match output {
                Output::Json => print::json(row)?,
                Output::Text => text(row)?,
            }
        }
    }
    for orphan in &resolved.orphans {
        match output {
            Output::Json => print::json(&serde_json::json!({ "orphan": orphan }))?,
            Output::Text => print::line(&format!(
                "orphan {orphan}: deployed, no longer in the file; `deploy --prune` removes it"
            ))?,
        }
    }
    Ok(exit)
}

async fn row(
    foresight: &Foresight,
    description: &Description,
    subject: &Subject,
    choices: &Choices,
) -> Row {
    let name = &subject.service.name;
    let chosen = [
        ("build", &choices.build, subject.build.as_ref()),
        ("push", &choices.push, subject.push.as_ref()),
        ("deploy", &choices.deploy, Some(&subject.deploy)),
    ];
    let plugins = chosen.into_iter().filter_map(|(role, choice, record)| {
        let (choice, record) = (choice.as_ref()?, record?);
        Some(Chosen {
            role,
            plugin: choice.reference.clone(),
            digest: record.digest.clone(),
            chosen_by: choice.layer.as_str(),
        })
    });
    let stage = description.environment.stages.get(subject.service.stage);
    let repositories = granted_repositories(&description.environment.name, subject);
    let mut row = Row {
        stage: stage.map(|stage| stage.name.clone()).unwrap_or_default(),
        service: name.clone(),
        build: "none".to_owned(),
        build_reasons: Vec::new(),
        deploy: "skipped".to_owned(),
        deploy_reasons: Vec::new(),
        changes: Vec::new(),
        plugins: plugins.collect(),
        programs: granted_commands(subject),
        pulls_from: repositories.pull,
        pushes_to: repositories.push,
        runs: foresight.program(subject).await,
    };
    if subject.service.skip {
        row.deploy_reasons
            .push("marked `skip` in the environment file".to_owned());
        return row;
    }
    let seen = foresight.look(subject).await;
    if let Some(verdict) = &seen.build {
        (row.build, row.build_reasons) = words(verdict, "build");
    }
    (row.deploy, row.deploy_reasons) = match &seen.deploy {
        Some(verdict) => words(verdict, "deploy"),
        None => ("deploy".to_owned(), vec!["a new image".to_owned()]),
    };
    row.changes = seen.changes;
    row
}

fn words(verdict: &Verdict, step: &str) -> (String, Vec<String>) {
    match verdict {
        Verdict::Unchanged(standing) => ("unchanged".to_owned(), vec![standing.reason.clone()]),
        Verdict::Changed(change) => (step.to_owned(), change.reasons.clone()),
        Verdict::Failed(failure) => (UNKNOWN.to_owned(), vec![failure.to_string()]),
    }
}

fn text(row: &Row) -> Result<()> {
    print::line(&format!("  {}", row.service))?;
    for (what, word, reasons) in [
        ("build ", &row.build, &row.build_reasons),
        ("deploy", &row.deploy, &row.deploy_reasons),
    ] {
        let reasons = reasons.join(", ");
        print::line(&match (word.as_str(), reasons.as_str()) {
            ("unchanged", reasons) => format!("    {what}  {reasons}"),
            (word, "") => format!("    {what}  {word}"),
            (word, reasons) => format!("    {what}  {word}: {reasons}"),
        })?;
    }
    for change in &row.changes {
        let downtime = if change.downtime {
            "; does not answer meanwhile"
        } else {
            ""
        };
        print::line(&format!(
            "            {} {}: {}{downtime}",
            change.action, change.object, change.reason
        ))?;
    }
    for plugin in &row.plugins {
        print::line(&format!(
            "    {:<6}  {} ({}, {})",
            plugin.role,
            plugin.plugin,
            plugin.chosen_by,
            short(&plugin.digest)
        ))?;
    }
    if !row.programs.is_empty() {
        let programs = row.programs.join(", ");
        print::line(&format!(
            "    builds with ordinary programs of this user: {programs}"
        ))?;
    }
    for (what, repositories) in [
        ("pulls from", &row.pulls_from),
        ("pushes to", &row.pushes_to),
    ] {
        if !repositories.is_empty() {
            print::line(&format!("    {what} {}", repositories.join(", ")))?;
        }
    }
    if let Some(program) = &row.runs {
        print::line(&format!(
            "    runs as an ordinary process of this user: {program}"
        ))?;
    }
    Ok(())
}

/// Enough of a digest to tell it from others.
fn short(digest: &str) -> &str {
    digest.get(..19).unwrap_or(digest)
}
