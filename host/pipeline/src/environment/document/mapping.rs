//! A mapping while it is read: keys are text, and none is there twice.

use indexmap::IndexMap;
use indexmap::map::Entry;
use serde_json::Value;

use super::{Content, Node};
use crate::environment::problem::{Finding, Position, excerpt};

/// Entries so far, and the key whose value comes next.
#[derive(Default)]
pub(super) struct Mapping {
    pub(super) entries: IndexMap<String, Node>,
    key: Option<Key>,
}

struct Key {
    position: Position,
    /// Nothing when the key cannot be used; its value is then read and dropped.
    name: Option<String>,
}

impl Mapping {
    /// Takes the next node: a key, or the value of the key before it.
    pub(super) fn take(&mut self, mut node: Node) -> Option<Finding> {
        let Some(key) = self.key.take() else {
            let position = node.position;
            let (name, finding) = self.name(node);
            self.key = Some(Key { position, name });
            return finding;
        };
        if let Some(name) = key.name
            && let Entry::Vacant(entry) = self.entries.entry(name)
        {
            node.key = Some(key.position);
            entry.insert(node);
        }
        None
    }

    /// The name that a key gives its value, unless another value has it.
    fn name(&self, node: Node) -> (Option<String>, Option<Finding>) {
        let at = node.position;
        let (name, finding) = text_of(node);
        let first = name.as_ref().and_then(|name| self.entries.get(name));
        let (Some(name), Some(first)) = (&name, first.and_then(|first| first.key)) else {
            return (name, finding);
        };
        let message = format!("`{}` is there twice", excerpt(name));
        let hint = format!("the first one is on line {}", first.line);
        (None, Some(Finding::new(at, message).hint(hint)))
    }
}

/// A key as text. What is not text in YAML is reported, and taken as text where it can be, so
/// that the rest of the document can be checked.
fn text_of(node: Node) -> (Option<String>, Option<Finding>) {
    let (what, text) = match node.content {
        Content::Scalar { value, written } => match (value, written) {
            (Value::String(text), _) => return (Some(text), None),
            (Value::Bool(value), _) => ("a boolean", Some(value.to_string())),
            (_, Some(text)) => ("a number", Some(text.into_string())),
            _ => ("empty", None),
        },
        Content::Sequence(_) => ("a list", None),
        Content::Mapping(_) => ("a mapping", None),
    };
    let (message, hint) = match &text {
        Some(text) => (
            format!(
                "a key must be text, but `{}` is read as {what}",
                excerpt(text)
            ),
            format!("write \"{}\" with quotes", excerpt(text)),
        ),
        None => (
            format!("a key must be text, but it is {what}"),
            "remove it".to_owned(),
        ),
    };
    (text, Some(Finding::new(node.position, message).hint(hint)))
}
