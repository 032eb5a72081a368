//! Which of several schemas was meant.
//!
//! "Is not valid under any of the given schemas" helps nobody. A branch that wants another
//! type of value, or another constant in the field that tells branches apart, was not meant;
//! of what remains, the one with the fewest mistakes was.

use std::collections::BTreeSet;

use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};
use jsonschema::{JsonType, ValidationError};
use serde_json::Value;

/// The errors of one schema of several.
pub(super) type Branch = Vec<ValidationError<'static>>;

/// What to say about a value that fits none of several schemas.
pub(super) enum Choice<'a> {
    /// One schema was meant, and these are its errors; none when that cannot be told.
    Errors(Vec<&'a ValidationError<'static>>),
    /// None has this type of value.
    Types(Vec<JsonType>),
    /// They differ in a constant, and it is none of theirs.
    Constants {
        path: String,
        value: &'a Value,
        options: Vec<Value>,
    },
}

/// Chooses for an `anyOf` or `oneOf` that failed.
pub(super) fn choose<'a>(error: &ValidationError<'_>, branches: &'a [Branch]) -> Choice<'a> {
    let path = error.instance_path().as_str();
    let mut types = BTreeSet::new();
    let mut fitting = Vec::new();
    for branch in branches {
        match branch.iter().find_map(|error| wanted_types(error, path)) {
            Some(wanted) => types.extend(wanted.into_iter().map(Rank)),
            None => fitting.push(branch),
        }
    }
    match fitting.as_slice() {
        [] if types.is_empty() => return Choice::Errors(Vec::new()),
        [] if !error.instance().is_null() && branches.iter().all(is_constant(path)) => {
            return constants_of(branches.iter(), path);
        }
        [] => return Choice::Types(types.into_iter().map(|Rank(kind)| kind).collect()),
        [only] if only.iter().all(|error| constants(error).is_none()) => {
            return Choice::Errors(only.iter().collect());
        }
        _ => {}
    }
    let meant = fitting
        .iter()
        .filter(|branch| branch.iter().all(|error| tag(error, path).is_none()))
        .min_by_key(|branch| branch.len());
    match meant {
        Some(branch) => Choice::Errors(branch.iter().collect()),
        None => tags(&fitting, path),
    }
}

/// The types that a value should have had, when its type is what is wrong with it.
fn wanted_types(error: &ValidationError<'_>, path: &str) -> Option<Vec<JsonType>> {
    if error.instance_path().as_str() != path {
        return None;
    }
    match error.kind() {
        Kind::Type {
            kind: TypeKind::Single(kind),
        } => Some(vec![*kind]),
        Kind::Type {
            kind: TypeKind::Multiple(kinds),
        } => Some(kinds.iter().collect()),
        Kind::AnyOf { context } | Kind::OneOfNotValid { context } => {
            let wanted =
                |branch: &Branch| branch.iter().find_map(|error| wanted_types(error, path));
            let all: Option<Vec<_>> = context.iter().map(wanted).collect();
            all.map(|kinds| kinds.into_iter().flatten().collect())
        }
        _ => None,
    }
}

/// The constants that would have fitted.
fn constants(error: &ValidationError<'_>) -> Option<Vec<Value>> {
    match error.kind() {
        Kind::Constant { expected_value } => Some(vec![expected_value.as_ref().clone()]),
        Kind::Enum { options } => options.as_array().cloned(),
        _ => None,
    }
}

/// The same, when the value is the whole or a field of it: what tells branches apart.
fn tag(error: &ValidationError<'_>, path: &str) -> Option<Vec<Value>> {
    let below = error.instance_path().as_str().strip_prefix(path)?;
    if below.matches('/').count() > 1 {
        return None;
    }
    constants(error)
}

/// Is the value wanted to be one of a few?
fn is_constant(path: &str) -> impl Fn(&Branch) -> bool {
    move |branch| {
        let mut errors = branch.iter();
        errors.any(|error| error.instance_path().as_str() == path && constants(error).is_some())
    }
}

/// All constants of the field by which the first of the branches was ruled out.
fn tags<'a>(branches: &[&'a Branch], path: &str) -> Choice<'a> {
    let mut ruled_out = branches.iter().flat_map(|branch| branch.iter());
    match ruled_out.find(|error| tag(error, path).is_some()) {
        Some(first) => constants_of(branches.iter().copied(), first.instance_path().as_str()),
        None => Choice::Errors(Vec::new()),
    }
}

/// All constants that the value at `at` could have been.
fn constants_of<'a>(branches: impl Iterator<Item = &'a Branch>, at: &str) -> Choice<'a> {
    let mut value = None;
    let mut options = Vec::new();
    for error in branches.flatten() {
        if error.instance_path().as_str() == at {
            value.get_or_insert(error.instance());
            for option in constants(error).into_iter().flatten() {
                if !options.contains(&option) {
                    options.push(option);
                }
            }
        }
    }
    match value {
        Some(value) => Choice::Constants {
            path: at.to_owned(),
            value: value.as_ref(),
            options,
        },
        None => Choice::Errors(Vec::new()),
    }
}

/// Types in the order in which a sentence names them.
#[derive(PartialEq, Eq)]
struct Rank(JsonType);

impl Rank {
    fn place(&self) -> u8 {
        match self.0 {
            JsonType::String => 0,
            JsonType::Integer => 1,
            JsonType::Number => 2,
            JsonType::Boolean => 3,
            JsonType::Array => 4,
            JsonType::Object => 5,
            JsonType::Null => 6,
        }
    }
}

impl Ord for Rank {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.place().cmp(&other.place())
    }
}

impl PartialOrd for Rank {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
