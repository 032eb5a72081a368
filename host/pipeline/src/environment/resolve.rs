//! From the file's types to the checked environment: defaults filled in, names resolved.
//!
//! Runs only on files in which [`check`](super::check) found nothing, and reports nothing
//! itself: what cannot be resolved here would be a check that is missing, and is left out.

use std::collections::HashMap;

use indexmap::IndexMap;

use super::file::{
    EnvironmentFile, Limits, PluginFile, RetryFile, Run, ServiceFile, ServiceType, SourceFile,
    StageFile, StepFile, StrategyFile, TimeoutsFile, VariableValue,
};
use super::model::{
    DEFAULT_SLOTS, DEFAULT_STAGES, Environment, Git, PluginUse, Port, Retry, Revision, Service,
    Source, Stage, StageLimits, Strategy, Timeouts, Variable,
};
use super::path;
use super::schedule::Schedule;
use super::template::{Malformed, Template};

/// The stages of a file: its own, or the default ones.
pub(super) fn stages(file: &EnvironmentFile) -> Vec<StageFile> {
    let default = |&(name, kind): &(&str, ServiceType)| StageFile {
        name: name.to_owned(),
        description: None,
        default_for: vec![kind],
        on_failure: super::file::OnFailure::default(),
        limits: Limits::default(),
    };
    match &file.stages {
        Some(stages) => stages.clone(),
        None => DEFAULT_STAGES.iter().map(default).collect(),
    }
}

/// The stage of a name, without regard to case.
pub(super) fn stage_named(stages: &[StageFile], name: &str) -> Option<usize> {
    let folded = name.to_lowercase();
    stages
        .iter()
        .position(|stage| stage.name.to_lowercase() == folded)
}

/// The stage that a service belongs to.
pub(super) fn stage_of(stages: &[StageFile], service: &ServiceFile) -> Option<usize> {
    match &service.stage {
        Some(name) => stage_named(stages, name),
        None => stages
            .iter()
            .position(|stage| stage.default_for.contains(&service.kind)),
    }
}

/// A variable as it is meant.
pub(super) fn variable(value: &VariableValue) -> Result<Variable, Malformed> {
    Ok(match value {
        VariableValue::Text(text) => Variable::Text(Template::parse(text)?),
        VariableValue::Integer(number) => Variable::Text(Template::literal(number.to_string())),
        VariableValue::Number(number) => Variable::Text(Template::literal(number.to_string())),
        VariableValue::Boolean(value) => Variable::Text(Template::literal(value.to_string())),
        VariableValue::Secret(secret) => Variable::Secret(secret.secret.clone()),
    })
}

/// Fills in what the file leaves out.
pub(super) fn resolve(file: &EnvironmentFile) -> Environment {
    let stage_files = stages(file);
    let names = file.services.keys().map(String::as_str);
    let indices: HashMap<&str, usize> = names.enumerate().map(|(at, name)| (name, at)).collect();
    let stages: Vec<Stage> = stage_files
        .iter()
        .map(|stage| stage_from(stage, file.limits))
        .collect();
    let services = file.services.iter().filter_map(|(name, service)| {
        let stage = stage_of(&stage_files, service)?;
        Some(service_from(file, name, service, stage, &indices))
    });
    Environment {
        name: file.name.clone(),
        description: file.description.clone(),
        overlap: file.overlap,
        rollback: file.rollback,
        services: services.collect(),
        stages,
    }
}

fn stage_from(stage: &StageFile, limits: Limits) -> Stage {
    let slots = |own: Option<u32>, all: Option<u32>| own.or(all).unwrap_or(DEFAULT_SLOTS);
    Stage {
        name: stage.name.clone(),
        description: stage.description.clone(),
        on_failure: stage.on_failure,
        limits: StageLimits {
            build: slots(stage.limits.build, limits.build),
            deploy: slots(stage.limits.deploy, limits.deploy),
        },
    }
}

fn service_from(
    file: &EnvironmentFile,
    name: &str,
    service: &ServiceFile,
    stage: usize,
    indices: &HashMap<&str, usize>,
) -> Service {
    let needs = service.needs.iter();
    let ports = service.ports.iter().map(|port| Port {
        name: port.name.clone(),
        number: port.port,
        protocol: port.protocol,
    });
    Service {
        name: name.to_owned(),
        kind: service.kind,
        stage,
        skip: service.skip,
        image: service.image.clone(),
        source: service.source.as_ref().map(source_from),
        strategy: strategy_of(file.strategies.get(&service.kind), service),
        ports: ports.collect(),
        health: service.health.clone(),
        variables: variables_of(&file.variables, &service.variables),
        needs: needs
            .filter_map(|name| indices.get(name.as_str()).copied())
            .collect(),
        timeouts: timeouts_from(service.timeouts),
        retry: retry_from(service.retry),
        run: occasions(service),
        schedule: service
            .schedule
            .as_deref()
            .and_then(|text| Schedule::parse(text).ok()),
        idempotent: service.idempotent,
    }
}

/// When a job runs that does not say, or says only when by the clock.
fn occasions(service: &ServiceFile) -> Vec<Run> {
    match (&service.run, &service.schedule) {
        (Some(run), _) => run.occasions().to_vec(),
        (None, Some(_)) => Vec::new(),
        (None, None) => vec![Run::OnDeploy],
    }
}

fn source_from(source: &SourceFile) -> Source {
    let revision = match (&source.branch, &source.tag, &source.commit) {
        (Some(branch), ..) => Some(Revision::Branch(branch.clone())),
        (_, Some(tag), _) => Some(Revision::Tag(tag.clone())),
        (.., Some(commit)) => Some(Revision::Commit(commit.clone())),
        (None, None, None) => None,
    };
    let git = source.git.as_ref().zip(revision);
    Source {
        git: git.map(|(url, revision)| Git {
            url: url.clone(),
            revision,
        }),
        path: path::normal(source.path.as_deref().unwrap_or(".")),
        include: source
            .include
            .iter()
            .map(|path| path::normal(path))
            .collect(),
    }
}

fn strategy_of(strategy: Option<&StrategyFile>, service: &ServiceFile) -> Strategy {
    let (mut build, mut push, mut deploy) = (None, None, None);
    if let Some(strategy) = strategy {
        build = strategy.build.as_ref();
        push = strategy.push.as_ref();
        deploy = strategy.deploy.as_ref();
    }
    Strategy {
        build: plugin_use(build, service.build.as_ref()),
        push: plugin_use(push, service.push.as_ref()),
        deploy: plugin_use(deploy, service.deploy.as_ref()),
    }
}

/// A service's own plugin, else that of its type; configuration of the type only for the plugin
/// that it was written for.
fn plugin_use(of_type: Option<&PluginFile>, own: Option<&StepFile>) -> PluginUse {
    let own = own.cloned().unwrap_or_default();
    let of_type = of_type.filter(|of_type| {
        let named = own.plugin.as_deref();
        named.is_none_or(|named| named == of_type.reference())
    });
    match of_type {
        None => PluginUse {
            reference: own.plugin,
            with: own.with,
        },
        Some(of_type) => PluginUse {
            reference: Some(of_type.reference().to_owned()),
            with: of_type.with(&own.with),
        },
    }
}

/// The environment's variables in their places, replaced by the service's of the same name.
fn variables_of(
    shared: &IndexMap<String, VariableValue>,
    own: &IndexMap<String, VariableValue>,
) -> IndexMap<String, Variable> {
    let mut variables = IndexMap::new();
    for (name, value) in shared.iter().chain(own) {
        if let Ok(variable) = variable(value) {
            variables.insert(name.clone(), variable);
        }
    }
    variables
}

fn timeouts_from(timeouts: TimeoutsFile) -> Timeouts {
    let default = Timeouts::default();
    Timeouts {
        build: timeouts.build.unwrap_or(default.build),
        push: timeouts.push.unwrap_or(default.push),
        deploy: timeouts.deploy.unwrap_or(default.deploy),
    }
}

fn retry_from(retry: RetryFile) -> Retry {
    let default = Retry::default();
    Retry {
        max: retry.max.unwrap_or(default.max),
        backoff: retry.backoff.unwrap_or(default.backoff),
    }
}
