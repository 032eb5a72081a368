//! For the tests of a plugin, where there is no host: services and steps to call its logic
//! with, and a check of what it says about itself. No part of a guest.

use serde_json::Value as Json;

use crate::{Plugin, Port, Problem, Service, Step};

/// The capabilities that a description can ask for.
const CAPABILITIES: [&str; 7] = [
    "workspace",
    "images",
    "process",
    "probe",
    "secrets",
    "registry",
    "docker",
];

/// An application without ports, variables and source, whose `with` is empty.
pub fn service(name: &str) -> Service {
    Service {
        environment: "test".to_owned(),
        name: name.to_owned(),
        kind: "application".to_owned(),
        stage: "3.DEFAULT APPLICATION".to_owned(),
        image: None,
        source_path: None,
        ports: Vec::new(),
        variables: Vec::new(),
        health: None,
        config: "{}".to_owned(),
    }
}

/// A TCP port.
pub fn port(name: &str, number: u16) -> Port {
    Port {
        name: name.to_owned(),
        number,
        protocol: "tcp".to_owned(),
    }
}

/// The first attempt of a step of a deploy, without a deadline.
pub fn step(id: &str) -> Step {
    Step {
        id: id.to_owned(),
        deployment: "test-1".to_owned(),
        reason: "deploy".to_owned(),
        attempt: 1,
        deadline: None,
    }
}

/// What the plugin finds wrong with a `with` block, in the way the host asks.
pub fn problems<P: Plugin>(config: &Json) -> Vec<Problem> {
    match serde_json::from_value(config.clone()) {
        Ok(config) => P::validate(&config),
        Err(error) => vec![Problem::new("", error.to_string())],
    }
}

/// What is wrong with a plugin's description of itself, a sentence each; none for a good one.
///
/// Its name and version can be used, every need names a capability and says why, and the schema
/// is an object that refuses unknown fields and describes those that it knows.
pub fn defects<P: Plugin>() -> Vec<String> {
    let description = P::describe();
    let mut defects = Vec::new();
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if description.name.is_empty() || !description.name.chars().all(plain) {
        defects.push(format!("The name `{}` is not plain.", description.name));
    }
    if description.version.split('.').count() < 3 {
        defects.push(format!(
            "The version `{}` is not x.y.z.",
            description.version
        ));
    }
    if description.summary.is_empty() || description.summary.contains('\n') {
        defects.push("The summary is not one line.".to_owned());
    }
    for need in &description.needs {
        if !CAPABILITIES.contains(&need.capability.as_str()) {
            defects.push(format!("`{}` is no capability.", need.capability));
        }
        if need.why.is_empty() {
            defects.push(format!("It does not say why it needs {}.", need.capability));
        }
    }
    match serde_json::from_str::<Json>(&description.config_schema) {
        Ok(schema) => object(&schema, "", &mut defects),
        Err(error) => defects.push(format!("The schema is no JSON: {error}.")),
    }
    defects
}

/// Checks an object of a schema and the objects in it.
fn object(schema: &Json, at: &str, defects: &mut Vec<String>) {
    if schema.get("type").and_then(Json::as_str) != Some("object") {
        if at.is_empty() {
            defects.push("The schema is not that of an object.".to_owned());
        }
        return;
    }
    // A map of arbitrary names has a schema for its values instead.
    let additional = schema.get("additionalProperties");
    if !matches!(additional, Some(Json::Bool(false) | Json::Object(_))) {
        defects.push(format!("The object at `{at}` takes unknown fields."));
    }
    let properties = schema.get("properties").and_then(Json::as_object);
    for (name, property) in properties.into_iter().flatten() {
        let at = format!("{at}/{name}");
        if property.get("description").and_then(Json::as_str).is_none() {
            defects.push(format!("The field at `{at}` is not described."));
        }
        object(property, &at, defects);
    }
}

#[cfg(test)]
mod tests;
