//! What `plan` says has changed, as exactly as people would.

use crate::environment::{free_port, with};
use crate::guests;
use crate::installation::Installation;

/// Changes the environment file.
fn edit(installation: &Installation, from: &str, to: &str) {
    let file = installation.project().join("stagewright.yaml");
    let text = std::fs::read_to_string(file).unwrap();
    assert!(text.contains(from), "{text}");
    installation.write("stagewright.yaml", &text.replace(from, to));
}

/// What would be done to the only service in a phase, and why.
fn planned(installation: &Installation, phase: &str) -> (String, Vec<String>) {
    let rows = installation.succeed(&["plan", "--output", "json"]).json();
    let reasons = rows[0][format!("{phase}_reasons")].as_array().cloned();
    let reasons = reasons.unwrap_or_default();
    let text = |reason: &serde_json::Value| reason.as_str().unwrap().to_owned();
    (
        rows[0][phase].as_str().unwrap().to_owned(),
        reasons.iter().map(text).collect(),
    )
}

#[test]
fn a_plan_names_the_field_and_the_version_that_changed() {
    let installation = with(&[]);
    guests::stamped(&installation, free_port());
    let grants = "{ workspace: true, images: true }";
    guests::grant(&installation, "./stamp.wasm", grants);
    installation.succeed(&["deploy"]);
    assert_eq!(planned(&installation, "build").0, "unchanged");
    assert_eq!(planned(&installation, "deploy").0, "unchanged");

    edit(&installation, "stop_grace: 2s", "stop_grace: 3s");
    assert_eq!(planned(&installation, "build").0, "unchanged");
    let (deploy, reasons) = planned(&installation, "deploy");
    assert_eq!(deploy, "deploy");
    assert_eq!(reasons, [r#"deploy with stop_grace "2s" → "3s""#]);
    installation.succeed(&["deploy"]);

    edit(&installation, "note: hello", "note: welcome");
    let (build, reasons) = planned(&installation, "build");
    assert_eq!(build, "build");
    assert_eq!(reasons, [r#"build with note "hello" → "welcome""#]);
    installation.succeed(&["deploy"]);

    let newer = newer_stamp();
    std::fs::write(installation.project().join("stamp.wasm"), newer).unwrap();
    guests::grant(&installation, "./stamp.wasm", grants);
    let (build, reasons) = planned(&installation, "build");
    assert_eq!(build, "build");
    let expected = [
        "plugin ./stamp.wasm changed",
        "version of ./stamp.wasm 1.0.0 → 1.7.0",
    ];
    assert_eq!(reasons, expected);
}

/// The plugin as its next version would be: nothing else in it is different.
fn newer_stamp() -> Vec<u8> {
    let mut component = guests::component("stamp").to_vec();
    let places: Vec<usize> = component
        .windows(5)
        .enumerate()
        .filter_map(|(place, bytes)| (bytes == b"1.0.0").then_some(place))
        .collect();
    assert_eq!(places.len(), 1, "only the plugin's own version");
    component[places[0] + 2] = b'7';
    component
}
