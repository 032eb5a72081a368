//! What an image says about how it is run: the part of its configuration that guests see.
//!
//! The configuration is kept as JSON and changed in place, so that what a base image says
//! beyond this (health checks, volumes, fields of other tools) is kept as it is.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// How the program of an image is started. An empty field says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageConfig {
    /// The program and its fixed arguments.
    pub entrypoint: Vec<String>,
    /// Arguments behind the entrypoint; or the program, when there is no entrypoint.
    pub command: Vec<String>,
    /// Names and values.
    pub environment: Vec<(String, String)>,
    /// An absolute path in the image.
    pub working_directory: String,
    /// As in the specification: `user`, `uid`, `uid:gid`, …
    pub user: String,
    /// As in the specification: `8080/tcp`.
    pub ports: Vec<String>,
    /// Names and values.
    pub labels: Vec<(String, String)>,
}

impl ImageConfig {
    /// From the whole configuration document of an image.
    pub(crate) fn read(document: &Value) -> Self {
        let section = document.get("config");
        let field = |name| section.and_then(|section| section.get(name));
        let texts = |name| -> Vec<String> {
            let list = field(name).and_then(Value::as_array).into_iter().flatten();
            list.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let text = |name| {
            field(name)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let object = |name| field(name).and_then(Value::as_object).into_iter().flatten();
        let pair = |line: String| match line.split_once('=') {
            Some((name, value)) => (name.to_owned(), value.to_owned()),
            None => (line, String::new()),
        };
        Self {
            entrypoint: texts("Entrypoint"),
            command: texts("Cmd"),
            environment: texts("Env").into_iter().map(pair).collect(),
            working_directory: text("WorkingDir"),
            user: text("User"),
            ports: object("ExposedPorts")
                .map(|(port, _)| port.clone())
                .collect(),
            labels: object("Labels")
                .map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()))
                .collect(),
        }
    }

    /// Into the `config` section of an image. Lists and texts replace, variables, ports and
    /// labels are added by name; what is empty stays as it was. Always in the same order.
    pub(crate) fn write(&self, section: &mut Map<String, Value>) {
        if !self.entrypoint.is_empty() {
            section.insert("Entrypoint".to_owned(), json!(self.entrypoint));
            // The arguments of the base belonged to the program of the base.
            section.remove("Cmd");
        }
        if !self.command.is_empty() {
            section.insert("Cmd".to_owned(), json!(self.command));
        }
        for (name, text) in [
            ("WorkingDir", &self.working_directory),
            ("User", &self.user),
        ] {
            if !text.is_empty() {
                section.insert(name.to_owned(), json!(text));
            }
        }
        if !self.environment.is_empty() {
            let base = Self::read(&json!({ "config": section })).environment;
            section.insert("Env".to_owned(), json!(merged(base, &self.environment)));
        }
        let ports = self.ports.iter().map(|port| (port.clone(), json!({})));
        add(section, "ExposedPorts", ports.collect());
        let labels = self
            .labels
            .iter()
            .map(|(name, value)| (name.clone(), json!(value)));
        add(section, "Labels", labels.collect());
    }
}

fn merged(mut variables: Vec<(String, String)>, more: &[(String, String)]) -> Vec<String> {
    for (name, value) in more {
        match variables.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => old.clone_from(value),
            None => variables.push((name.clone(), value.clone())),
        }
    }
    variables
        .into_iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect()
}

fn add(section: &mut Map<String, Value>, field: &str, more: Vec<(String, Value)>) {
    if more.is_empty() {
        return;
    }
    let old = section
        .get(field)
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    let all: BTreeMap<String, Value> = old.into_iter().chain(more).collect();
    section.insert(field.to_owned(), Value::Object(all.into_iter().collect()));
}
