//! What a job hands on: the file that `STAGEWRIGHT_OUTPUT` names.
//!
//! The file comes from an ordinary program: it may be missing, huge, torn, or not a file at
//! all, and it may hold secrets, so no error quotes a value.

use std::fmt;
use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};

use super::error::Error;
use crate::harmless;

/// The largest file, in bytes.
pub(crate) const MAX_FILE: u64 = 64 * 1024;

/// A name and a value that came out of a job.
#[derive(Clone, PartialEq, Eq)]
pub struct Output {
    /// Letters, digits, `_`, `-` and `.`.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Shown nowhere; given on only as a secret.
    pub sensitive: bool,
}

impl fmt::Debug for Output {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = if self.sensitive { "…" } else { &self.value };
        write!(formatter, "{}={value}", self.name)
    }
}

/// The file of a job is not what it should be.
#[derive(Debug, thiserror::Error)]
pub enum OutputsError {
    /// Not the agreed JSON.
    #[error("the outputs of the job are wrong at line {line}, column {column}: {cause}")]
    Wrong {
        /// Counted from 1.
        line: usize,
        /// Counted from 1; 0 when the whole line is meant.
        column: usize,
        /// What is wrong.
        cause: String,
    },
    /// More than is taken.
    #[error("the outputs of the job are larger than {MAX_FILE} bytes")]
    TooLarge,
    /// A pipe, a folder, a device.
    #[error("the outputs of the job are not an ordinary file")]
    NotAFile,
}

/// Reads the outputs of a job; none when it wrote no file, or an empty one.
pub(super) fn read(path: &Path) -> Result<Vec<Output>, Error> {
    // Without waiting: a pipe in its place would never be opened by anybody else.
    let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOFOLLOW;
    let file = match OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path)
    {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
            return Err(OutputsError::NotAFile.into());
        }
        Err(error) => return Err(Error::io("open", path)(error)),
    };
    let data = file.metadata().map_err(Error::io("look at", path))?;
    if !data.is_file() {
        return Err(OutputsError::NotAFile.into());
    }
    let mut bytes = Vec::new();
    file.take(MAX_FILE + 1)
        .read_to_end(&mut bytes)
        .map_err(Error::io("read", path))?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(OutputsError::TooLarge.into());
    }
    Ok(parse(&bytes)?)
}

/// Reads the outputs of a job from what it wrote.
pub(crate) fn parse(bytes: &[u8]) -> Result<Vec<Output>, OutputsError> {
    if bytes.trim_ascii().is_empty() {
        return Ok(Vec::new());
    }
    let outputs: Outputs = serde_json::from_slice(bytes).map_err(|error| OutputsError::Wrong {
        line: error.line(),
        column: error.column(),
        cause: describe(&error),
    })?;
    Ok(outputs.0)
}

/// The parser's sentence without the position, which is told apart.
fn describe(error: &serde_json::Error) -> String {
    let sentence = error.to_string();
    match sentence.rsplit_once(" at line ") {
        Some((cause, _)) => cause.to_owned(),
        None => sentence,
    }
}

struct Outputs(Vec<Output>);

struct Value {
    value: String,
    sensitive: bool,
}

impl<'de> Deserialize<'de> for Outputs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Outputs;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("one object of names and values")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Outputs, A::Error> {
                let mut outputs: Vec<Output> = Vec::new();
                while let Some(name) = map.next_key::<String>()? {
                    harmless::output_name(&name).map_err(A::Error::custom)?;
                    if outputs.iter().any(|output| output.name == name) {
                        return Err(A::Error::custom(format!("`{name}` is there twice")));
                    }
                    let Value { value, sensitive } = map.next_value()?;
                    harmless::output_value(&value).map_err(A::Error::custom)?;
                    outputs.push(Output {
                        name,
                        value,
                        sensitive,
                    });
                }
                Ok(Outputs(outputs))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextOrObject;
        impl<'de> Visitor<'de> for TextOrObject {
            type Value = Value;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a string, or an object with `value` and `sensitive`")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Value, E> {
                Ok(Value {
                    value: text.to_owned(),
                    sensitive: false,
                })
            }

            // The usual sentence would quote the number, and numbers can be secrets.
            fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<Value, E> {
                Err(E::custom("a number is not a value; write it as a string"))
            }

            fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<Value, E> {
                self.visit_u64(0)
            }

            fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<Value, E> {
                self.visit_u64(0)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
                let (mut value, mut sensitive) = (None, false);
                while let Some(key) = map.next_key::<String>()? {
                    match key.as_str() {
                        "value" => {
                            let Value { value: text, .. } = map.next_value()?;
                            value = Some(text);
                        }
                        "sensitive" => sensitive = map.next_value()?,
                        other => {
                            return Err(A::Error::unknown_field(other, &["value", "sensitive"]));
                        }
                    }
                }
                let value = value.ok_or_else(|| A::Error::missing_field("value"))?;
                Ok(Value { value, sensitive })
            }
        }
        deserializer.deserialize_any(TextOrObject)
    }
}

#[cfg(test)]
mod tests;
