//! What images and releases are made from, in words that tell people what differs: `plan` says
//! which field of `with` changed, and from which version of a plugin to which.
//!
//! Must be told apart by all that makes a difference, and by nothing else.

use serde_json::Value;
use stagewright_pipeline::{Failure, Fingerprint, PluginRecord};
use stagewright_runtime::Plugin;

use super::attempt::chosen;
use super::source::SOURCE;
use crate::description::Subject;
use crate::source::Listing;

/// Everything that an image is made from: what its builder says, and what the host knows.
pub(super) fn build_fingerprint(
    subject: &Subject,
    inputs: Vec<(String, String)>,
    listing: Option<&Listing>,
) -> Result<Fingerprint, Failure> {
    let builder = chosen(subject.build.as_ref(), "builder")?;
    let mut parts = vec![
        (format!("plugin {}", builder.name), builder.digest.clone()),
        (
            "image".to_owned(),
            subject.service.image.clone().unwrap_or_default(),
        ),
    ];
    parts.extend(settings("build", &builder.config));
    if let Some(push) = &subject.push {
        parts.push((format!("publisher {}", push.name), push.digest.clone()));
        parts.extend(settings("push", &push.config));
    }
    parts.extend(listing.map(|listing| (SOURCE.to_owned(), listing.digest())));
    // Of two equal labels the later counts, and that is the host's: a plugin adds to what an
    // image is made from, and hides nothing of it.
    Ok(Fingerprint::new(inputs.into_iter().chain(parts)))
}

/// The version of a plugin, as it says itself. Its digest decides; this is for people.
pub(super) fn version(record: &PluginRecord, plugin: &Plugin) -> (String, String) {
    let label = format!("version of {}", record.name);
    (label, plugin.description().version.clone())
}

/// The fields of a `with` block by themselves, those of blocks inside it as well.
pub(super) fn settings(step: &str, config: &str) -> Vec<(String, String)> {
    let mut parts = Vec::new();
    match serde_json::from_str(config) {
        Ok(value) => add(format!("{step} with"), " ", &value, &mut parts),
        // The host wrote it as JSON itself; whatever else it is, it counts as it is.
        Err(_) => parts.push((format!("{step} with"), config.to_owned())),
    }
    parts
}

fn add(label: String, separator: &str, value: &Value, parts: &mut Vec<(String, String)>) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (name, value) in fields {
                // A name with a point in it must not read as two names.
                let name = match name.contains(['.', '"', ' ']) || name.is_empty() {
                    true => format!("{name:?}"),
                    false => name.clone(),
                };
                add(format!("{label}{separator}{name}"), ".", value, parts);
            }
        }
        other => parts.push((label, other.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::settings;

    fn lines(config: &str) -> Vec<String> {
        let parts = settings("build", config).into_iter();
        let mut lines: Vec<String> = parts
            .map(|(label, value)| format!("{label} = {value}"))
            .collect();
        lines.sort();
        lines
    }

    #[test]
    fn each_field_is_a_part_of_its_own() {
        assert_eq!(
            lines(r#"{"args":{"MODE":"fast","X":1},"outputs":["a","b"],"empty":{}}"#),
            [
                r#"build with args.MODE = "fast""#,
                "build with args.X = 1",
                "build with empty = {}",
                r#"build with outputs = ["a","b"]"#,
            ]
        );
        assert_eq!(lines("{}"), ["build with = {}"]);
    }

    #[test]
    fn different_blocks_never_read_the_same() {
        let blocks = [
            r#"{"a":{"b":1}}"#,
            r#"{"a.b":1}"#,
            r#"{"a":{"\"b\"":1}}"#,
            r#"{"a":{"b":"1"}}"#,
            r#"{"a":{}}"#,
            r#"{"a":null}"#,
            "{}",
        ];
        for (place, one) in blocks.iter().enumerate() {
            for other in &blocks[..place] {
                assert_ne!(settings("build", one), settings("build", other));
            }
        }
    }
}
