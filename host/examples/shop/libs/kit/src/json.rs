//! JSON as RFC 8259 has it: a value, a strict reader and a compact writer.
//!
//! It exists because the shop has no dependencies. Objects are sorted by name when written, so
//! equal values have equal texts; a name that appears twice is refused, and so is anything
//! nested deeper than [`DEPTH`]. How long a text may be is for the caller to bound.

mod read;
#[cfg(test)]
mod tests;
mod write;

use std::collections::BTreeMap;
use std::fmt;

pub use read::{DEPTH, ParseError, parse};

/// The members of an object, by name.
pub type Object = BTreeMap<String, Value>;

/// A JSON value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number that was written without fraction and exponent, and fits.
    Integer(i64),
    /// Any other number. One that JSON cannot express is written as `null`.
    Decimal(f64),
    /// A string.
    Text(String),
    /// An array.
    List(Vec<Value>),
    /// An object.
    Object(Object),
}

/// A member that is missing, or that is of another kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// The name of the member.
    pub member: String,
    /// What it should be.
    pub wanted: &'static str,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is missing or is not {}", self.member, self.wanted)
    }
}

impl std::error::Error for Mismatch {}

/// An object of these members.
pub fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    Value::Object(
        members
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
    )
}

impl Value {
    /// The member of that name, when this is an object that has it.
    pub fn get(&self, name: &str) -> Option<&Value> {
        match self {
            Self::Object(members) => members.get(name),
            _ => None,
        }
    }

    /// The text of a member.
    ///
    /// # Errors
    /// When it is missing or is not a string.
    pub fn text(&self, name: &str) -> Result<&str, Mismatch> {
        match self.get(name) {
            Some(Self::Text(text)) => Ok(text),
            _ => Err(mismatch(name, "a string")),
        }
    }

    /// The whole number in a member.
    ///
    /// # Errors
    /// When it is missing or is not a whole number.
    pub fn integer(&self, name: &str) -> Result<i64, Mismatch> {
        match self.get(name) {
            Some(Self::Integer(number)) => Ok(*number),
            _ => Err(mismatch(name, "a whole number")),
        }
    }

    /// The elements of a member.
    ///
    /// # Errors
    /// When it is missing or is not an array.
    pub fn list(&self, name: &str) -> Result<&[Value], Mismatch> {
        match self.get(name) {
            Some(Self::List(list)) => Ok(list),
            _ => Err(mismatch(name, "an array")),
        }
    }

    /// The members of a member.
    ///
    /// # Errors
    /// When it is missing or is not an object.
    pub fn members(&self, name: &str) -> Result<&Object, Mismatch> {
        match self.get(name) {
            Some(Self::Object(members)) => Ok(members),
            _ => Err(mismatch(name, "an object")),
        }
    }
}

fn mismatch(member: &str, wanted: &'static str) -> Mismatch {
    Mismatch {
        member: member.to_owned(),
        wanted,
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<Vec<Value>> for Value {
    fn from(list: Vec<Value>) -> Self {
        Self::List(list)
    }
}

impl From<Object> for Value {
    fn from(members: Object) -> Self {
        Self::Object(members)
    }
}
