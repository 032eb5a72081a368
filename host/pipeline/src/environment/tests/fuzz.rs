//! Environment files that were changed at random: read or refused, and never anything else.

use stagewright_fuzz::{Finding, Shape, Target, Verdict};

use super::good::SHOP;
use super::*;

/// All that a file can say: every key, every named value, and what else turns a reader's head.
const WORDS: &[&str] = &[
    "name",
    "description",
    "variables",
    "limits",
    "build",
    "push",
    "deploy",
    "overlap",
    "none",
    "within-stage",
    "across-stages",
    "stages",
    "default_for",
    "on_failure",
    "fail-fast",
    "finish-stage",
    "continue",
    "strategies",
    "services",
    "type",
    "database",
    "job",
    "container",
    "application",
    "stage",
    "skip",
    "image",
    "source",
    "git",
    "branch",
    "tag",
    "commit",
    "path",
    "include",
    "with",
    "plugin",
    "builtin:command",
    "./a.wasm",
    "oci://r.example/a:1",
    "ports",
    "port",
    "protocol",
    "udp",
    "health",
    "tcp",
    "http",
    "exec",
    "grpc",
    "command",
    "interval",
    "timeout",
    "within",
    "needs",
    "timeouts",
    "retry",
    "max",
    "backoff",
    "run",
    "on-change",
    "always",
    "idempotent",
    "secret",
    "{{db.host}}",
    "{{db.port.tcp}}",
    "{{{{",
    "999999999h",
    "0ms",
    "api",
    "db",
    "&a ",
    "*a",
    "<<: ",
    "!!str ",
    "!x ",
    "? ",
    "---\n",
    "...\n",
    "|\n",
    ">-\n",
    "%YAML 1.2\n",
    "0x",
    "0o7",
    ".inf",
    "~",
    "{}",
    "[]",
    "'",
    "\"\\u0000\"",
    "\"\\ud800\"",
];

const LAYERED: &str = r#"{"name": "e", "description": "é", "variables": {"A": 1, "B": 1.50, "C": true,
  "D": "{{web.host}}:{{web.port.http}} {{{{ {{job.out}}"}, "stages": [{"name": "s", "on_failure":
  "continue", "limits": {"build": 2}}, {"name": "t", "default_for": ["job", "application"]}],
  "services": {"job": {"type": "job", "stage": "s", "image": "oci:i", "idempotent": true, "run":
  "always"}, "web": {"type": "application", "source": {"git": "g", "commit":
  "0123456789abcdef0123456789abcdef01234567"}, "ports": [{"name": "http", "port": 1, "protocol":
  "tcp"}], "health": {"exec": {"command": ["/x"]}, "within": "3m"}, "retry": {"backoff": "10ms"}}}}"#;

fn target(name: &'static str) -> Target {
    Target::new(name, Shape::Text)
        .seed(SHOP)
        .seed(LAYERED)
        .seed(include_str!("../../../../examples/shop/stagewright.yaml"))
        .seed("name: e\nservices: {a: {type: container, image: x}}\n")
        .words(WORDS)
}

/// Every problem has a place in the text, and words that can be shown.
fn assert_told(text: &str, problems: &Problems) {
    assert!(!problems.problems.is_empty());
    let lines: Vec<&str> = text.split('\n').collect();
    for problem in &problems.problems {
        let line = lines.get(problem.line as usize - 1);
        assert!(
            line.is_some() || problem.line as usize == lines.len() + 1,
            "{problem}"
        );
        let length = line.map_or(0, |line| line.chars().count());
        assert!(
            (1..=length + 1).contains(&(problem.column as usize)),
            "{problem}"
        );
        let hint = problem.hint.as_deref().unwrap_or("-");
        assert!(!problem.message.is_empty() && !hint.is_empty(), "{problem}");
        assert!(
            !problem.to_string().contains(char::is_control),
            "{problem:?}"
        );
        // What fits the schema fits the types.
        assert!(!problem.message.starts_with("cannot be read"), "{problem}");
    }
}

#[test]
fn files() -> Result<(), Finding> {
    let counts = target("environment-file").run(|input| {
        let text = String::from_utf8_lossy(input);
        match read("f", &text) {
            Err(problems) => {
                assert_told(&text, &problems);
                Verdict::Refused
            }
            Ok(checked) => {
                // What is written down again, by an editor or in the journal, says the same.
                let written = serde_json::to_string(&checked.written).unwrap();
                assert_eq!(
                    environment(&written),
                    checked.environment,
                    "written as {written}"
                );
                let kept = serde_json::to_string(&checked.environment).unwrap();
                let found: Environment = serde_json::from_str(&kept).unwrap();
                assert_eq!(found, checked.environment, "kept as {kept}");
                Verdict::Accepted
            }
        }
    })?;
    assert!(counts.accepted >= 4);
    Ok(())
}

#[test]
fn documents() -> Result<(), Finding> {
    target("yaml-document").run(|input| {
        let (document, findings) = Document::parse(&String::from_utf8_lossy(input));
        if let Some(document) = &document {
            let value = document.value();
            for (pointer, _) in value.as_object().into_iter().flatten() {
                let pointer = document::child("", pointer);
                assert!(document.has(&pointer), "{pointer}");
                document.locate(&pointer);
            }
        }
        Verdict::from(document.is_some() && findings.is_empty())
    })?;
    Ok(())
}

#[test]
fn templates() -> Result<(), Finding> {
    let target = Target::new("template", Shape::Text)
        .seeds([
            "{{db.host}}",
            "tcp://{{db.host}}:{{db.port.sql}}/{{{{x",
            "plain",
            "{{ job.out }}",
        ])
        .words(&[
            "{{", "}}", "{{{{", ".", "host", "port", "{{a.b}}", "{{a", "a}}", "{",
        ]);
    target.run(|input| {
        let text = String::from_utf8_lossy(input);
        let Ok(template) = Template::parse(&text) else {
            return Verdict::Refused;
        };
        let kept = serde_json::to_string(&template).unwrap();
        assert_eq!(
            serde_json::from_str::<Template>(&kept).unwrap(),
            template,
            "{kept}"
        );
        Verdict::Accepted
    })?;
    Ok(())
}

#[test]
fn durations() -> Result<(), Finding> {
    let target = Target::new("duration", Shape::Text)
        .seeds(["500ms", "30s", "5m", "2h", "999999999h", "0s"])
        .words(&["ms", "s", "m", "h", "9", "0"]);
    target.run(|input| {
        let text = String::from_utf8_lossy(input);
        let Some(duration) = Duration::parse(&text) else {
            return Verdict::Refused;
        };
        assert_eq!(
            Duration::parse(&duration.to_string()),
            Some(duration),
            "{duration}"
        );
        Verdict::Accepted
    })?;
    Ok(())
}

/// Schemas come with plugins: they are as little trusted as anything else of a plugin.
#[test]
fn schemas() -> Result<(), Finding> {
    let target = Target::new("config-schema", Shape::Json)
        .seed(include_str!("schema.json"))
        .seed(r##"{"$ref": "#"}"##)
        .seed(r##"{"allOf": [{"$ref": "#"}], "$defs": {"a": {"not": {"$ref": "#/$defs/a"}}}}"##)
        .seed(r##"{"$dynamicRef": "#x", "$dynamicAnchor": "x", "if": {"$ref": "#"}}"##)
        .words(&[
            "$ref",
            "#",
            "#/$defs/a",
            "$defs",
            "type",
            "object",
            "array",
            "properties",
            "items",
            "pattern",
            "^(a+)+$",
            "(?=a)",
            "a{1000}{1000}",
            "anyOf",
            "oneOf",
            "not",
            "minimum",
            "additionalProperties",
            "required",
            "enum",
            "const",
            "maxLength",
            "description",
            "https://example.com/x.json",
            "file:///etc/passwd",
            "patternProperties",
            "$id",
        ]);
    let text = "{steps: [[cargo, build], {run: [x], in: a}], outputs: [1, aaaaaaaaaaaaaaaaaaaaaab], x: {}}";
    let document = Document::parse(text).0.unwrap();
    let value = document.value();
    target.run(|input| {
        let Ok(schema) = serde_json::from_slice(input) else {
            return Verdict::Refused;
        };
        match Form::new(schema) {
            Ok(form) => {
                for misfit in form.misfits(&value, &document, "") {
                    let told = misfit.finding.in_file("f").to_string();
                    assert!(!told.contains(char::is_control), "{told:?}");
                }
                Verdict::Accepted
            }
            Err(bad) => {
                assert!(!bad.to_string().is_empty());
                Verdict::Refused
            }
        }
    })?;
    Ok(())
}
