//! Operators' configurations that were changed at random.

use stagewright_fuzz::{Finding, Shape, Target, Verdict};

use super::Config;

const WORDS: &[&str] = &[
    "strategies",
    "application",
    "build",
    "deploy",
    "limits",
    "memory",
    "128MiB",
    "1KiB",
    "0",
    "99999999999GiB",
    "call",
    "30s",
    "plugins",
    "sha256:",
    "builtin:process",
    "grants",
    "workspace",
    "images",
    "process",
    "supervise",
    "commands",
    "probe",
    "secrets",
    "reveal",
    "file",
    "environment_prefix",
    "host_slots",
    "cancel_grace",
    "pass_through",
    "true",
    "~",
    "{}",
    "[]",
    "&a ",
    "*a",
];

#[test]
fn configurations() -> Result<(), Finding> {
    let target = Target::new("operator-configuration", Shape::Text)
        .seed("strategies: { application: { deploy: ./ours.wasm } }\nlimits: { memory: 128MiB }\n")
        .seed(
            "limits:\n  call: 30s\n  log_line: 1KiB\nplugins:\n  \"builtin:process\":\n    grants:\n      \
             workspace: true\n      images: true\n      secrets: { reveal: true }\n",
        )
        .seed("secrets: { file: s.yaml, environment_prefix: S_ }\nhost_slots: 32\ncancel_grace: 30s\npass_through: [A]\n")
        .words(WORDS);
    target.run(|input| {
        let text = String::from_utf8_lossy(input);
        match Config::parse("f", &text) {
            Ok(config) => {
                assert!(config.host_slots > 0);
                Verdict::Accepted
            }
            Err(error) => {
                let told = format!("{error:#}");
                for line in told.lines().filter(|line| !line.starts_with("and ")) {
                    // The file, the line, the column, and what is wrong.
                    let places = line.splitn(4, ':').skip(1).take(2);
                    assert!(
                        places.map(str::parse::<u32>).all(|one| one.is_ok()),
                        "{line:?}"
                    );
                    assert!(!line.contains(char::is_control), "{line:?}");
                }
                Verdict::Refused
            }
        }
    })?;
    Ok(())
}
