//! `plugin list` and `plugin inspect`: what plugins are, and what they may do here.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use serde_json::json;
use stagewright_pipeline::Action;
use stagewright_runtime::Inspection;

use super::arguments::{File, Output, Plugin};
use super::{Exit, print};
use crate::compose::Host;
use crate::resolve::{Extent, resolve};

pub(crate) async fn run(host: &Arc<Host>, plugin: &Plugin, output: Output) -> Result<Exit> {
    match plugin {
        Plugin::List(file) => list(host, file, output).await,
        Plugin::Inspect { reference } => inspect(host, reference, output).await,
    }
}

async fn list(host: &Arc<Host>, file: &File, output: Output) -> Result<Exit> {
    let mut references: BTreeSet<String> = host.runtime()?.builtin().collect();
    let mut folder = std::env::current_dir()?;
    if file.file.exists() {
        let resolved = resolve(host, &file.file, Action::Deploy, &[], Extent::File).await?;
        folder.clone_from(&resolved.description.folder);
        let chosen = resolved.choices.into_iter();
        let chosen = chosen.flat_map(|choices| [choices.build, choices.push, choices.deploy]);
        references.extend(chosen.flatten().map(|choice| choice.reference));
    }
    for reference in references {
        let plugin = host.runtime()?.inspect(&reference, &folder).await?;
        match output {
            Output::Json => print::json(&object(&plugin)?)?,
            Output::Text => print::line(&format!(
                "{:<18} {:<10} {:<8} {}",
                plugin.reference,
                roles(&plugin),
                plugin.description.version,
                plugin.description.summary
            ))?,
        }
    }
    Ok(Exit::Success)
}

async fn inspect(host: &Arc<Host>, reference: &str, output: Output) -> Result<Exit> {
    let plugin = host.runtime()?.inspect(reference, Path::new(".")).await?;
    match output {
        Output::Json => print::json(&object(&plugin)?)?,
        Output::Text => text(&plugin)?,
    }
    Ok(Exit::Success)
}

fn text(plugin: &Inspection) -> Result<()> {
    let description = &plugin.description;
    print::line(&format!("{} {}", description.name, description.version))?;
    print::line(&description.summary)?;
    print::line(&format!("digest   {}", plugin.digest))?;
    print::line(&format!("roles    {}", roles(plugin)))?;
    print::line("imports")?;
    for import in &plugin.imports {
        print::line(&format!("  {import}"))?;
    }
    if plugin.wasi {
        print::line("  WASI 0.2, without network, with its source and output folders only")?;
    }
    print::line("needs")?;
    for need in &description.needs {
        print::line(&format!(
            "  {} {}: {}",
            need.capability, need.scope, need.why
        ))?;
    }
    print::line(&format!(
        "granted  {}",
        serde_json::to_string(&plugin.granted)?
    ))?;
    print::line(&format!(
        "may use  {}",
        serde_json::to_string(&plugin.effective)?
    ))?;
    for missing in &plugin.missing {
        print::line(&format!("missing  {missing}"))?;
    }
    print::line(&format!(
        "limits   {}",
        serde_json::to_string(&plugin.limits)?
    ))?;
    for note in notes(plugin) {
        print::line(&format!("note     {note}"))?;
    }
    let schema: serde_json::Value = serde_json::from_str(&description.config_schema)?;
    print::line("configuration (`with`), as JSON Schema")?;
    print::line(&print::steady(&serde_json::to_string_pretty(&schema)?))
}

/// What a grant of programs means beyond its words.
fn notes(plugin: &Inspection) -> Vec<&'static str> {
    let Some(process) = &plugin.effective.process else {
        return Vec::new();
    };
    let mut notes = vec![
        "the plugin is sandboxed; the programs that it starts are ordinary programs of this user",
    ];
    if process.declared || !process.commands.is_empty() {
        notes.push(
            "a granted program may be run with any of its own options: where one of them runs \
             another program (`git -c`, `find -exec`, `env`), that is granted with it",
        );
    }
    notes
}

fn roles(plugin: &Inspection) -> String {
    plugin
        .roles
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}

fn object(plugin: &Inspection) -> Result<serde_json::Value> {
    let description = &plugin.description;
    let missing: Vec<String> = plugin.missing.iter().map(ToString::to_string).collect();
    let schema: serde_json::Value = serde_json::from_str(&description.config_schema)?;
    Ok(json!({
        "reference": plugin.reference,
        "digest": plugin.digest,
        "name": description.name,
        "version": description.version,
        "summary": description.summary,
        "roles": plugin.roles.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "imports": plugin.imports,
        "wasi": plugin.wasi,
        "needs": description.needs,
        "granted": plugin.granted,
        "effective": plugin.effective,
        "missing": missing,
        "notes": notes(plugin),
        "limits": plugin.limits,
        "config_schema": schema,
    }))
}
