//! From the parser's events to the tree, without recursion: a document decides how deep it
//! nests, not how much stack is used.

use std::borrow::Cow;
use std::collections::HashMap;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span, Tag};
use serde_json::Value;

use super::mapping::Mapping;
use super::scalar::{Unreadable, resolve};
use super::{Content, MAX_ALIASED, MAX_BYTES, MAX_DEPTH, MAX_NODES, Node};
use crate::environment::problem::{Finding, Position};

/// Parses as far as the text allows.
pub(super) fn build(text: &str) -> (Option<Node>, Vec<Finding>) {
    let mut builder = Builder::default();
    if text.len() > MAX_BYTES {
        let message = format!("the file is larger than {} MiB", MAX_BYTES >> 20);
        builder.report(Finding::new(Position::START, message));
        return (None, builder.findings);
    }
    let mut parser = Parser::new_from_str(text);
    while let Some(next) = parser.next_event() {
        match next {
            Ok((event, span)) => {
                if builder.take(event, span).is_break() {
                    break;
                }
            }
            Err(error) => {
                let message = format!("not valid YAML: {}", error.info());
                if builder.stop(position(*error.marker()), message).is_break() {
                    break;
                }
            }
        }
    }
    builder.finish()
}

/// What goes on after an event.
type Flow = std::ops::ControlFlow<()>;

#[derive(Default)]
struct Builder {
    open: Vec<Frame>,
    root: Option<Node>,
    anchors: HashMap<usize, Measured>,
    nodes: usize,
    aliased: usize,
    documents: usize,
    /// The rest of the document was not read, so that nothing can be said about what is missing.
    stopped: bool,
    findings: Vec<Finding>,
}

/// A node and how much of the bounds it takes.
#[derive(Clone)]
struct Measured {
    node: Node,
    size: usize,
    height: usize,
}

/// A sequence or mapping whose end has not been seen.
struct Frame {
    position: Position,
    anchor: usize,
    size: usize,
    height: usize,
    kind: Kind,
}

enum Kind {
    Sequence(Vec<Node>),
    Mapping(Mapping),
}

impl Builder {
    fn take(&mut self, event: Event<'_>, span: Span) -> Flow {
        let at = position(span.start);
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    let finding = Finding::new(at, "a second document starts here");
                    self.report(finding.hint("one file describes one environment"));
                    return Flow::Break(());
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                let node = self.scalar(text, style, tag.as_deref(), at);
                return self.deliver(
                    Measured {
                        node,
                        size: 1,
                        height: 0,
                    },
                    anchor,
                );
            }
            Event::SequenceStart(anchor, tag) => {
                self.refuse(tag.as_deref(), at);
                return self.open(at, anchor, Kind::Sequence(Vec::new()));
            }
            Event::MappingStart(anchor, tag) => {
                self.refuse(tag.as_deref(), at);
                return self.open(at, anchor, Kind::Mapping(Mapping::default()));
            }
            Event::SequenceEnd | Event::MappingEnd => return self.close(),
            Event::Alias(anchor) => return self.alias(anchor, at),
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
        Flow::Continue(())
    }

    fn open(&mut self, position: Position, anchor: usize, kind: Kind) -> Flow {
        if self.open.len() >= MAX_DEPTH {
            return self.stop(position, format!("nested deeper than {MAX_DEPTH} levels"));
        }
        self.open.push(Frame {
            position,
            anchor,
            size: 1,
            height: 0,
            kind,
        });
        Flow::Continue(())
    }

    fn close(&mut self) -> Flow {
        let Some(frame) = self.open.pop() else {
            return Flow::Continue(());
        };
        let content = match frame.kind {
            Kind::Sequence(items) => Content::Sequence(items),
            Kind::Mapping(mapping) => Content::Mapping(mapping.entries),
        };
        let node = Node {
            key: None,
            position: frame.position,
            content,
        };
        let (size, height) = (frame.size, frame.height + 1);
        self.deliver(Measured { node, size, height }, frame.anchor)
    }

    fn alias(&mut self, anchor: usize, at: Position) -> Flow {
        let Some(mut measured) = self.anchors.get(&anchor).cloned() else {
            return self.stop(at, "an alias that stands for a part of itself".to_owned());
        };
        self.aliased += measured.size;
        if self.aliased > MAX_ALIASED {
            return self.stop(at, too_many_aliases());
        }
        if self.open.len() + measured.height > MAX_DEPTH {
            return self.stop(at, format!("nested deeper than {MAX_DEPTH} levels"));
        }
        measured.node.position = at;
        self.deliver(measured, 0)
    }

    /// Hands a finished node to the sequence or mapping that it is in.
    fn deliver(&mut self, measured: Measured, anchor: usize) -> Flow {
        let at = measured.node.position;
        self.nodes += 1;
        if self.nodes + self.aliased > MAX_NODES {
            return self.stop(at, format!("more than {MAX_NODES} values"));
        }
        if anchor != 0 {
            self.aliased += measured.size;
            if self.aliased > MAX_ALIASED {
                return self.stop(at, too_many_aliases());
            }
            self.anchors.insert(anchor, measured.clone());
        }
        let Some(frame) = self.open.last_mut() else {
            self.root = Some(measured.node);
            return Flow::Continue(());
        };
        frame.size += measured.size;
        frame.height = frame.height.max(measured.height);
        match &mut frame.kind {
            Kind::Sequence(items) => items.push(measured.node),
            Kind::Mapping(mapping) => self.findings.extend(mapping.take(measured.node)),
        }
        Flow::Continue(())
    }

    fn scalar(
        &mut self,
        text: Cow<'_, str>,
        style: ScalarStyle,
        tag: Option<&Tag>,
        position: Position,
    ) -> Node {
        let core = tag.filter(|tag| tag.is_yaml_core_schema());
        let text_wanted = core.is_some_and(|tag| tag.suffix == "str");
        if !text_wanted {
            self.refuse(tag, position);
        }
        let value = if style != ScalarStyle::Plain || text_wanted {
            Ok(Value::String(text.clone().into_owned()))
        } else {
            resolve(&text)
        };
        let value = value.unwrap_or_else(|unreadable| {
            let message = match unreadable {
                Unreadable::NotFinite => "not a number that can be used here",
                Unreadable::TooLarge => "a number that does not fit 64 bits",
            };
            self.report(Finding::new(position, message).hint("put it in quotes to make it text"));
            Value::String(text.clone().into_owned())
        });
        let written = value.is_number().then(|| Box::from(text.as_ref()));
        Node {
            key: None,
            position,
            content: Content::Scalar { value, written },
        }
    }

    fn refuse(&mut self, tag: Option<&Tag>, at: Position) {
        if let Some(tag) = tag {
            let message = format!("the tag `{tag}` has no meaning here");
            self.report(Finding::new(at, message).hint("remove it"));
        }
    }

    fn report(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    fn stop(&mut self, at: Position, message: String) -> Flow {
        self.report(Finding::new(at, message));
        self.stopped = true;
        Flow::Break(())
    }

    fn finish(mut self) -> (Option<Node>, Vec<Finding>) {
        let empty = self.root.as_ref().is_none_or(Node::is_null);
        if self.stopped {
            return (None, self.findings);
        }
        if empty {
            self.report(Finding::new(Position::START, "the file is empty"));
            return (None, self.findings);
        }
        (self.root, self.findings)
    }
}

fn too_many_aliases() -> String {
    format!("anchors and aliases stand for more than {MAX_ALIASED} values")
}

fn position(marker: Marker) -> Position {
    let from_one = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Position {
        line: from_one(marker.line().max(1)),
        column: from_one(marker.col() + 1),
    }
}
