//! Ports, and the health checks that name them.

use std::collections::HashMap;

use super::super::document::child;
use super::super::file::{HealthFile, PortFile, Protocol};
use super::super::near;
use super::{Check, Entry};

/// The deployer whose services share the addresses of one machine.
const PROCESS: &str = "builtin:process";

impl<'a> Check<'a> {
    pub(super) fn ports(&mut self) {
        for entry in self.entries().values() {
            let mut names: HashMap<&str, usize> = HashMap::new();
            let mut numbers: HashMap<(u16, Protocol), usize> = HashMap::new();
            for (at, port) in entry.service.ports.iter().enumerate() {
                let pointer = format!("{}/ports/{at}", entry.pointer);
                if let Some(first) = names.insert(&port.name, at) {
                    let message = format!("there are two ports `{}`", port.name);
                    let hint = self.first_on_line(&format!("{}/ports/{first}/name", entry.pointer));
                    self.report(&child(&pointer, "name"), message, hint);
                }
                if let Some(first) = numbers.insert((port.port, port.protocol), at) {
                    let message = format!("port {} is there twice", port.port);
                    let hint = self.first_on_line(&format!("{}/ports/{first}/port", entry.pointer));
                    self.report(&child(&pointer, "port"), message, hint);
                }
            }
        }
    }

    /// Processes share one machine, and a port of it has one listener. Services that the file
    /// gives to another deployer have addresses of their own.
    pub(super) fn port_clashes(&mut self) {
        let mut claims: HashMap<(u16, Protocol), String> = HashMap::new();
        for entry in self.entries().values() {
            let elsewhere = self.deployer(entry).is_some_and(|plugin| plugin != PROCESS);
            if elsewhere || entry.service.skip {
                continue;
            }
            for (at, port) in entry.service.ports.iter().enumerate() {
                let key = (port.port, port.protocol);
                let holder = claims.entry(key).or_insert_with(|| entry.name.to_owned());
                if holder != entry.name {
                    let message = format!(
                        "`{holder}` and `{}` both listen on port {}",
                        entry.name, port.port
                    );
                    let pointer = format!("{}/ports/{at}/port", entry.pointer);
                    self.report(&pointer, message, "give one of them another number");
                }
            }
        }
    }

    pub(super) fn health(&mut self) {
        for entry in self.entries().values() {
            let pointer = child(&entry.pointer, "health");
            let Some(health) = &entry.service.health else {
                continue;
            };
            let checks = checks_of(health);
            if checks.is_empty() && self.sound(&pointer) {
                let message = "`health` names no check".to_owned();
                let hint = "write one of `tcp`, `http`, `exec` and `grpc`";
                self.report_key(&pointer, message, hint);
            }
            if let [(first, _), rest @ ..] = checks.as_slice() {
                for (check, _) in rest {
                    let message = format!("`{check}` beside `{first}`: a service has one check");
                    self.report_key(&child(&pointer, check), message, "keep one of them");
                }
            }
            for (check, port) in checks {
                if let Some(port) = port {
                    self.checked_port(entry, &format!("{pointer}/{check}/port"), port);
                }
            }
        }
    }

    fn checked_port(&mut self, entry: &Entry<'a>, pointer: &str, name: &str) {
        let ports = &entry.service.ports;
        let known = ports.iter().any(|port| port.name == name);
        if known || !self.sound(&child(&entry.pointer, "ports")) || !self.complete(&entry.pointer) {
            return;
        }
        let message = format!("`{}` has no port `{name}`", entry.name);
        let names = ports.iter().map(|PortFile { name, .. }| name.as_str());
        let hint = near::suggest(name, names, "declare it under `ports`");
        self.report(pointer, message, hint);
    }

    /// The deployer that the file names for a service.
    pub(super) fn deployer(&self, entry: &Entry<'a>) -> Option<&'a str> {
        let own = entry
            .service
            .deploy
            .as_ref()
            .and_then(|step| step.plugin.as_deref());
        let strategy = self.file.strategies.get(&entry.service.kind);
        own.or_else(|| Some(strategy?.deploy.as_ref()?.reference()))
    }
}

/// The checks that are there, each with the port that it names.
fn checks_of(health: &HealthFile) -> Vec<(&'static str, Option<&str>)> {
    let tcp = health
        .tcp
        .as_ref()
        .map(|check| ("tcp", Some(check.port.as_str())));
    let http = health
        .http
        .as_ref()
        .map(|check| ("http", Some(check.port.as_str())));
    let exec = health.exec.as_ref().map(|_| ("exec", None));
    let grpc = health
        .grpc
        .as_ref()
        .map(|check| ("grpc", Some(check.port.as_str())));
    [tcp, http, exec, grpc].into_iter().flatten().collect()
}
