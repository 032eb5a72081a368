//! Holds a part of a document against a JSON Schema and says in words what does not fit.
//!
//! One code for the environment file and for the `with` of every plugin, so that a mistake in
//! a plugin's configuration is reported as well as any other: at its line, with a hint. It
//! never fetches a schema from anywhere and never runs a pattern that can backtrack, because
//! plugins' schemas are not trusted.

use std::collections::HashSet;

use jsonschema::error::ValidationErrorKind as Kind;
use jsonschema::{PatternOptions, ValidationError, Validator};
use serde_json::Value;

use super::document::{Document, child};
use super::near;
use super::problem::{Finding, Position, excerpt};

mod branch;
mod sentence;
#[cfg(test)]
mod tests;

use branch::Choice;

/// How many errors of the validator are looked at.
const MOST: usize = 1_000;

/// A schema that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("not a usable JSON Schema: {0}")]
pub struct BadSchema(String);

/// Something that does not fit, and what would have to go for the rest to fit.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Misfit {
    pub(super) pointer: String,
    pub(super) finding: Finding,
    /// The field whose absence this is.
    lacks: Option<String>,
}

/// A schema that is ready for use, as often as there is something to hold against it.
#[derive(Debug)]
pub struct Form {
    schema: Value,
    validator: Validator,
}

impl Form {
    /// Makes a schema ready, which takes longer than using it.
    ///
    /// # Errors
    /// The schema is none, refers to something outside itself, or has a pattern that needs
    /// look-around.
    pub fn new(schema: Value) -> Result<Self, BadSchema> {
        const PATTERN_BYTES: usize = 1 << 20;
        let patterns = PatternOptions::regex()
            .size_limit(PATTERN_BYTES)
            .dfa_size_limit(PATTERN_BYTES);
        let validator = jsonschema::options()
            .offline()
            .with_pattern_options(patterns)
            .build(&schema)
            .map_err(|error| BadSchema(error.to_string()))?;
        Ok(Self { schema, validator })
    }

    /// Holds the value at `pointer` against the schema.
    ///
    /// A value that the document does not have is given as it is taken by default, and what is
    /// wrong with it is reported at the nearest place above.
    pub fn check(&self, value: &Value, document: &Document, pointer: &str) -> Vec<Finding> {
        let misfits = self.misfits(value, document, pointer);
        misfits.into_iter().map(|misfit| misfit.finding).collect()
    }

    /// Everything in a value that does not fit.
    pub(super) fn misfits(&self, value: &Value, document: &Document, pointer: &str) -> Vec<Misfit> {
        let mut shape = Shape {
            schema: &self.schema,
            document,
            above: pointer,
            misfits: Vec::new(),
            slips: HashSet::new(),
        };
        for error in self.validator.iter_errors(value).take(MOST) {
            shape.explain(&error);
        }
        let Shape {
            mut misfits, slips, ..
        } = shape;
        // A field that is there under a wrong name is one mistake, not two.
        misfits.retain(|misfit| {
            let field = misfit.lacks.as_deref();
            field.is_none_or(|field| !slips.contains(&child(&misfit.pointer, field)))
        });
        misfits
    }
}

struct Shape<'a> {
    schema: &'a Value,
    document: &'a Document,
    /// Where the value is in the document; paths in errors start there.
    above: &'a str,
    misfits: Vec<Misfit>,
    /// Pointers to the fields that unknown ones were probably meant to be.
    slips: HashSet<String>,
}

impl<'a> Shape<'a> {
    fn explain(&mut self, error: &ValidationError<'_>) {
        let here = format!("{}{}", self.above, error.instance_path().as_str());
        match error.kind() {
            Kind::AdditionalProperties { unexpected }
            | Kind::UnevaluatedProperties { unexpected } => {
                for name in unexpected {
                    self.unknown(&here, name, error);
                }
            }
            Kind::PropertyNames { error: inner } => {
                let name = inner.instance().as_str().unwrap_or_default().to_owned();
                let (message, hint) = self.name(&name, inner);
                let position = self.document.locate_key(&child(&here, &name));
                self.push(child(&here, &name), finding(position, message, hint));
            }
            Kind::AnyOf { context } | Kind::OneOfNotValid { context } => {
                self.explain_choice(error, context);
            }
            Kind::Required { property } => {
                let (message, hint) = sentence::of(&subject(&here), error, None);
                let position = self.document.locate_key(&here);
                self.misfits.push(Misfit {
                    pointer: here,
                    finding: finding(position, message, hint),
                    lacks: property.as_str().map(str::to_owned),
                });
            }
            _ => {
                let (message, hint) = sentence::of(&subject(&here), error, self.beside(error));
                self.add(here, message, hint);
            }
        }
    }

    /// What is wrong with a value that fits none of several schemas.
    fn explain_choice(&mut self, error: &ValidationError<'_>, branches: &[branch::Branch]) {
        let here = format!("{}{}", self.above, error.instance_path().as_str());
        match branch::choose(error, branches) {
            Choice::Errors(errors) if errors.is_empty() => {
                let message = format!("{} fits none of the forms that it can have", subject(&here));
                self.add(here, message, sentence::hint_of(self.beside(error)));
            }
            Choice::Errors(errors) => {
                for error in errors {
                    self.explain(error);
                }
            }
            Choice::Types(types) => {
                let (message, hint) =
                    sentence::wrong_type(&subject(&here), &types, error.instance());
                self.add(here, message, hint);
            }
            Choice::Constants {
                path,
                value,
                options,
            } => {
                let here = format!("{}{path}", self.above);
                let (message, hint) = sentence::not_one_of(&subject(&here), value, &options);
                self.add(here, message, hint);
            }
        }
    }

    fn unknown(&mut self, here: &str, name: &str, error: &ValidationError<'_>) {
        let known = self
            .beside(error)
            .and_then(|schema| schema.get("properties"));
        let known = known.and_then(Value::as_object);
        let known = known.into_iter().flatten().map(|(name, _)| name.as_str());
        let message = format!("unknown field `{}`", excerpt(name));
        if let Some(meant) = near::nearest(name, known.clone()) {
            self.slips.insert(child(here, meant));
        }
        let hint = near::suggest(name, known, "remove it");
        let pointer = child(here, name);
        let position = self.document.locate_key(&pointer);
        self.push(pointer, finding(position, message, Some(hint)));
    }

    /// What is wrong with the name of a field.
    fn name(&self, name: &str, error: &ValidationError<'_>) -> (String, Option<String>) {
        let subject = format!("the name `{}`", excerpt(name));
        match error.kind() {
            Kind::AnyOf { context } | Kind::OneOfNotValid { context } => {
                match branch::choose(error, context) {
                    Choice::Constants { value, options, .. } => {
                        sentence::not_one_of(&subject, value, &options)
                    }
                    _ => (format!("{subject} does not fit"), None),
                }
            }
            _ => sentence::of(&subject, error, self.beside(error)),
        }
    }

    /// The schema that the failed keyword is in.
    fn beside(&self, error: &ValidationError<'_>) -> Option<&'a Value> {
        let (parent, _) = error.schema_path().as_str().rsplit_once('/')?;
        self.schema.pointer(parent)
    }

    fn add(&mut self, pointer: String, message: String, hint: Option<String>) {
        let position = self.document.locate(&pointer);
        self.push(pointer, finding(position, message, hint));
    }

    fn push(&mut self, pointer: String, finding: Finding) {
        self.misfits.push(Misfit {
            pointer,
            finding,
            lacks: None,
        });
    }
}

fn finding(position: Position, message: String, hint: Option<String>) -> Finding {
    Finding {
        position,
        message,
        hint,
    }
}

/// What a sentence calls the value at a pointer: its field, with the numbers of list items.
fn subject(pointer: &str) -> String {
    let mut numbers = String::new();
    for token in pointer.rsplit('/') {
        if token.is_empty() {
            break;
        }
        if !token.bytes().all(|b| b.is_ascii_digit()) {
            let field = token.replace("~1", "/").replace("~0", "~");
            return format!("`{}{numbers}`", excerpt(&field));
        }
        numbers.insert_str(0, &format!("[{token}]"));
    }
    "the document".to_owned()
}
