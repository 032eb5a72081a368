//! The program and real registries: what is pushed and by what digest, with which credentials,
//! and what becomes of it when the way or the registry breaks.

mod credentials;
mod cycle;
mod faults;
mod memory;
mod mirrors;

use std::process::Command;

use serde_json::Value;

use crate::environment::{server, with};
use crate::installation::{Installation, Run};

/// A service that serves a greeting, and whose image goes to a repository.
fn pushed(name: &str, port: u16, greeting: &str, repository: &str) -> String {
    let service = server(name, port, greeting);
    let push = format!(
        "    push: {{ plugin: \"builtin:registry\", with: {{ repository: \"{repository}\", tags: [latest] }} }}\n    deploy:"
    );
    let service = service.replacen("    deploy:", &push, 1);
    assert!(service.contains(repository));
    service
}

/// An installation whose operator lets these registries be spoken to without TLS.
fn installation(services: &[String], plain: &[&str]) -> Installation {
    let installation = with(services);
    configure(&installation, plain, "");
    installation
}

/// The operator's configuration, with more of each registry.
fn configure(installation: &Installation, hosts: &[&str], more: &str) {
    let hosts = hosts
        .iter()
        .map(|host| format!("\"{host}\": {{ plain_http: true{more} }}"));
    let hosts = hosts.collect::<Vec<_>>().join(", ");
    installation.configure(&format!("registries: {{ {hosts} }}\n"));
}

/// The reference by which a step's image is known.
fn reference(run: &Run, step: &str) -> String {
    let events = run.json();
    let ended = events
        .iter()
        .find(|event| event["event"] == "step.ended" && event["step"] == step);
    let ended = ended.unwrap_or_else(|| panic!("no {step} has ended\n{run}"));
    ended["reference"].as_str().unwrap().to_owned()
}

/// The error that a step has ended with.
fn error(run: &Run, step: &str) -> Value {
    let events = run.json();
    let ended = events.iter().find(|event| {
        event["event"] == "step.ended" && event["step"] == step && !event["error"].is_null()
    });
    ended.unwrap_or_else(|| panic!("no {step} has failed\n{run}"))["error"].clone()
}

fn skopeo(arguments: &[&str]) -> String {
    let output = Command::new("skopeo").args(arguments).output();
    let output = output.unwrap_or_else(|error| {
        panic!("cannot run `skopeo` ({error}): install it, or say --without registry")
    });
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "skopeo {arguments:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

/// What skopeo sees in a registry.
fn inspected(reference: &str) -> Value {
    let image = format!("docker://{reference}");
    let told = skopeo(&["inspect", "--tls-verify=false", &image]);
    serde_json::from_str(&told).unwrap()
}

/// Bytes that no compressor makes smaller, the same every time.
fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let words = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words.flatten().take(bytes).collect()
}
