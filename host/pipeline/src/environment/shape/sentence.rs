//! The words for each way in which a value can fail a schema.

use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};
use jsonschema::{JsonType, ValidationError};
use serde_json::Value;

use crate::environment::problem::excerpt;
use crate::environment::{duration, file, near};

/// A message, and a hint where there is one.
pub(super) type Sentence = (String, Option<String>);

/// Says what is wrong with `subject`, which is held against `schema`.
pub(super) fn of(subject: &str, error: &ValidationError<'_>, schema: Option<&Value>) -> Sentence {
    let must = |what: String| (format!("{subject} must {what}"), None);
    match error.kind() {
        Kind::Required { property } => {
            let field = property.as_str().unwrap_or_default();
            (format!("{subject} lacks the field `{field}`"), None)
        }
        Kind::Type {
            kind: TypeKind::Single(kind),
        } => wrong_form(subject, error.instance(), schema)
            .unwrap_or_else(|| wrong_type(subject, &[*kind], error.instance())),
        Kind::Type {
            kind: TypeKind::Multiple(kinds),
        } => wrong_type(subject, &kinds.iter().collect::<Vec<_>>(), error.instance()),
        Kind::Enum { options } => {
            let options = options.as_array().map(Vec::as_slice).unwrap_or_default();
            not_one_of(subject, error.instance(), options)
        }
        Kind::Constant { expected_value } => must(format!("be {}", quote(expected_value))),
        Kind::Pattern { pattern } => unmatched(subject, pattern, schema),
        Kind::Minimum { limit } => must(format!("be at least {limit}")),
        Kind::Maximum { limit } => must(format!("be at most {limit}")),
        Kind::ExclusiveMinimum { limit } => must(format!("be more than {limit}")),
        Kind::ExclusiveMaximum { limit } => must(format!("be less than {limit}")),
        Kind::MinLength { limit: 1 }
        | Kind::MinItems { limit: 1 }
        | Kind::MinProperties { limit: 1 } => must("not be empty".to_owned()),
        Kind::MinLength { limit } => must(format!("have at least {limit} characters")),
        Kind::MaxLength { limit } => must(format!("have at most {limit} characters")),
        Kind::MinItems { limit } => must(format!("have at least {limit} items")),
        Kind::MaxItems { limit } => must(format!("have at most {limit} items")),
        Kind::AdditionalItems { limit } => must(format!("have at most {limit} items")),
        Kind::MinProperties { limit } => must(format!("have at least {limit} fields")),
        Kind::MaxProperties { limit } => must(format!("have at most {limit} fields")),
        Kind::UniqueItems => must("not name anything twice".to_owned()),
        Kind::FalseSchema => (
            format!("{subject} is not allowed here"),
            Some("remove it".to_owned()),
        ),
        Kind::Not { .. } => (
            format!("{subject} has a value that is not allowed here"),
            hint_of(schema),
        ),
        Kind::OneOfMultipleValid { .. } => (
            format!("{subject} can be understood in more than one way"),
            hint_of(schema),
        ),
        _ => (error.masked_with(subject).to_string(), hint_of(schema)),
    }
}

/// A value whose type is wrong, where more can be said than that text was wanted.
fn wrong_form(subject: &str, value: &Value, schema: Option<&Value>) -> Option<Sentence> {
    let keyword = |name: &str| schema.and_then(|schema| schema.get(name));
    if let Some(options) = keyword("enum").and_then(Value::as_array) {
        return (!value.is_null()).then(|| not_one_of(subject, value, options));
    }
    let is_duration = keyword("pattern").is_some_and(|pattern| pattern == duration::PATTERN);
    let number = value.as_number().filter(|_| is_duration)?;
    let hint = match number.as_u64() {
        Some(number) => format!("write it with its unit, as in `{number}s`"),
        None => "write it as in `500ms` or `30s`".to_owned(),
    };
    let message = format!("{subject} must be a duration, not a number");
    Some((message, Some(hint)))
}

/// A value of another type than wanted.
pub(super) fn wrong_type(subject: &str, wanted: &[JsonType], value: &Value) -> Sentence {
    if value.is_null() {
        let hint = "give it one, or remove the line";
        return (format!("{subject} has no value"), Some(hint.to_owned()));
    }
    let whole_too = wanted.contains(&JsonType::Number);
    let words: Vec<&str> = wanted
        .iter()
        .filter(|kind| !(whole_too && **kind == JsonType::Integer))
        .map(|kind| match kind {
            JsonType::Null => "empty",
            JsonType::Boolean => "`true` or `false`",
            JsonType::Integer => "a whole number",
            JsonType::Number => "a number",
            JsonType::String => "text",
            JsonType::Array => "a list",
            JsonType::Object => "a mapping",
        })
        .collect();
    let message = format!(
        "{subject} must be {}, not {}",
        words.join(" or "),
        name_type(value)
    );
    let hint = match (wanted, value) {
        ([JsonType::String], Value::Number(_) | Value::Bool(_)) => {
            Some("put it in quotes".to_owned())
        }
        ([JsonType::Array], Value::String(text)) => {
            Some(format!("a list of one is written [{}]", excerpt(text)))
        }
        _ => None,
    };
    (message, hint)
}

/// A value that is none of a few.
pub(super) fn not_one_of(subject: &str, value: &Value, options: &[Value]) -> Sentence {
    let names: Vec<&str> = options.iter().filter_map(Value::as_str).collect();
    let choice = match near::list(names.iter().copied()) {
        Some(list) if names.len() == options.len() => list,
        _ => options.iter().map(quote).collect::<Vec<_>>().join(", "),
    };
    let is = match value.as_str() {
        // The name of a field is its own value, and the sentence has named it already.
        Some(text) if subject.ends_with(&format!(" `{text}`")) => String::new(),
        _ => format!(", not {}", quote(value)),
    };
    let message = match options {
        [_] => format!("{subject} must be {choice}{is}"),
        _ => format!("{subject} must be one of {choice}{is}"),
    };
    let near = match value {
        Value::Bool(flag) => meant_by(*flag, &names),
        _ => value.as_str().and_then(|text| near::nearest(text, names)),
    };
    (message, near.map(|near| format!("did you mean `{near}`?")))
}

/// The one name that says yes, or no.
fn meant_by<'a>(flag: bool, names: &[&'a str]) -> Option<&'a str> {
    let says_no = |name: &str| matches!(name, "manual" | "never" | "none" | "off");
    let mut meant = names.iter().filter(|name| says_no(name) != flag);
    meant.next().copied().filter(|_| meant.next().is_none())
}

fn unmatched(subject: &str, pattern: &str, schema: Option<&Value>) -> Sentence {
    let (must, hint) = match pattern {
        file::NAME => (
            "consist of lower-case letters, digits and `-`",
            "begin and end it with a letter or digit, in at most 63 characters",
        ),
        file::VARIABLE => (
            "consist of letters, digits and `_`, and not begin with a digit",
            "programs read it from their environment by this name",
        ),
        file::SECRET => (
            "be the name of a secret: letters, digits, `.`, `_` and `-`, at most 128",
            "the secret itself is kept by the operator, never in this file",
        ),
        file::PLUGIN => (
            "name a plugin",
            "write `builtin:NAME`, `./file.wasm` or `oci://registry/repository:tag`",
        ),
        file::COMMIT => (
            "be the full hash of a commit: 40 digits of 0-9 and a-f",
            "`git rev-parse` prints it",
        ),
        file::HTTP_PATH => ("begin with `/`", "write a path as in `/healthz`"),
        duration::PATTERN => (
            "be a duration: a number and `ms`, `s`, `m` or `h`",
            "write it as in `500ms` or `30s`",
        ),
        other => {
            return (
                format!("{subject} must match `{}`", excerpt(other)),
                hint_of(schema),
            );
        }
    };
    (format!("{subject} must {must}"), Some(hint.to_owned()))
}

/// What the author of a schema says of a place, as a hint.
pub(super) fn hint_of(schema: Option<&Value>) -> Option<String> {
    let described = schema?.get("description")?.as_str()?;
    let line = described.lines().next()?.trim_end_matches('.');
    Some(format!("it is described as: {line}"))
}

fn name_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "empty",
        Value::Bool(_) => "`true` or `false`",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}

fn quote(value: &Value) -> String {
    match value {
        Value::String(text) => format!("`{}`", excerpt(text)),
        Value::Array(_) | Value::Object(_) => name_type(value).to_owned(),
        other => format!("`{other}`"),
    }
}
