//! YAML as a tree that remembers where everything was written.
//!
//! Errors found long after parsing (by the schema, by a check over several services, by a
//! plugin that looks at its `with`) must still point at a line, so the tree is kept beside the
//! value that is read from it. Documents are untrusted: every dimension of one is bounded, and
//! aliases cannot multiply it.

use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::problem::{Finding, Position};

mod builder;
mod mapping;
mod scalar;
#[cfg(test)]
mod tests;

/// The longest text that is read, in bytes.
pub const MAX_BYTES: usize = 4 << 20;
/// The deepest nesting.
pub const MAX_DEPTH: usize = 64;
/// The most values in one document, aliases expanded.
pub const MAX_NODES: usize = 500_000;
/// The most values that aliases may add.
pub const MAX_ALIASED: usize = 10_000;

/// A parsed document.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    root: Node,
}

/// A value with its place.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    /// Where its key is, when it is the value of one.
    pub(super) key: Option<Position>,
    /// Where it starts itself.
    pub(super) position: Position,
    pub(super) content: Content,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Content {
    Scalar {
        value: Value,
        /// A number as it was written: `1.10` is not the text `1.1`.
        written: Option<Box<str>>,
    },
    Sequence(Vec<Node>),
    Mapping(IndexMap<String, Node>),
}

impl Document {
    /// Parses a YAML 1.2 document (core schema; a single document; text keys; no tags but
    /// `!!str`).
    ///
    /// The document holds what could be read, when there is any, beside all that is wrong.
    pub fn parse(text: &str) -> (Option<Self>, Vec<Finding>) {
        let (root, findings) = builder::build(text);
        (root.map(|root| Self { root }), findings)
    }

    /// The document as JSON.
    pub fn value(&self) -> Value {
        self.root.value()
    }

    /// Where the value at a JSON pointer (RFC 6901) is: the value, or its key when the value is
    /// empty or starts on another line. A pointer that leads nowhere gives the nearest place on its way.
    pub fn locate(&self, pointer: &str) -> Position {
        let node = self.walk(pointer).0;
        match node.key {
            Some(key) if key.line != node.position.line || node.is_null() => key,
            _ => node.position,
        }
    }

    /// Where the key of the value at a JSON pointer is; for what has none, as [`Self::locate`].
    pub fn locate_key(&self, pointer: &str) -> Position {
        let node = self.walk(pointer).0;
        node.key.unwrap_or(node.position)
    }

    /// The keys of the mapping at a JSON pointer, in the order of the file.
    pub fn keys(&self, pointer: &str) -> impl Iterator<Item = &str> + Clone {
        let mapping = match self.walk(pointer) {
            (node, true) => node.mapping(),
            (_, false) => None,
        };
        mapping.into_iter().flatten().map(|(key, _)| key.as_str())
    }

    /// Whether there is a value at a JSON pointer.
    pub fn has(&self, pointer: &str) -> bool {
        self.walk(pointer).1
    }

    /// A number at a JSON pointer as it was written.
    pub fn written(&self, pointer: &str) -> Option<&str> {
        match self.walk(pointer) {
            (
                Node {
                    content: Content::Scalar { written, .. },
                    ..
                },
                true,
            ) => written.as_deref(),
            _ => None,
        }
    }

    /// The node at a pointer, or the last one on the way to it and `false`.
    fn walk(&self, pointer: &str) -> (&Node, bool) {
        let mut node = &self.root;
        for token in pointer.split('/').skip(1) {
            let token = token.replace("~1", "/").replace("~0", "~");
            let child = match &node.content {
                Content::Mapping(entries) => entries.get(token.as_str()),
                Content::Sequence(items) => {
                    token.parse::<usize>().ok().and_then(|at| items.get(at))
                }
                Content::Scalar { .. } => None,
            };
            match child {
                Some(child) => node = child,
                None => return (node, false),
            }
        }
        (node, true)
    }
}

impl Node {
    fn value(&self) -> Value {
        match &self.content {
            Content::Scalar { value, .. } => value.clone(),
            Content::Sequence(items) => Value::Array(items.iter().map(Self::value).collect()),
            Content::Mapping(entries) => {
                let entries = entries
                    .iter()
                    .map(|(key, node)| (key.clone(), node.value()));
                Value::Object(entries.collect::<Map<_, _>>())
            }
        }
    }

    fn is_null(&self) -> bool {
        let Content::Scalar { value, .. } = &self.content else {
            return false;
        };
        value.is_null()
    }

    fn mapping(&self) -> Option<&IndexMap<String, Self>> {
        match &self.content {
            Content::Mapping(entries) => Some(entries),
            Content::Scalar { .. } | Content::Sequence(_) => None,
        }
    }
}

/// One more step of a JSON pointer.
pub fn child(pointer: &str, token: &str) -> String {
    let token = token.replace('~', "~0").replace('/', "~1");
    format!("{pointer}/{token}")
}
