//! What can still be checked of a file that does not fit its schema.
//!
//! Whoever has ten mistakes wants to hear of ten, so what does not fit is cut out and the rest
//! is checked as if it were the file. The cuts are remembered: nothing is said about the
//! absence of what was cut.

use serde_json::{Map, Value};

use super::file::EnvironmentFile;
use super::shape::Misfit;

/// The rest of a file, and where it was cut.
#[derive(Debug)]
pub(super) struct Salvage {
    pub(super) file: EnvironmentFile,
    pub(super) cuts: Vec<String>,
}

impl Salvage {
    /// Cuts until the rest fits. Nothing remains of what is no mapping, or has more mistakes
    /// than anyone reads.
    ///
    /// # Errors
    /// The file fits the schema but not the types, which a test rules out.
    pub(super) fn cut(
        mut value: Value,
        mut misfits: Vec<Misfit>,
        shape: impl Fn(&Value) -> Vec<Misfit>,
    ) -> Result<Option<Self>, serde_json::Error> {
        let mut cuts = Vec::new();
        // Each round cuts at least one level higher where a cut left something incomplete.
        const ROUNDS: usize = 16;
        const MOST_CUTS: usize = 2_000;
        for _ in 0..ROUNDS {
            if misfits.is_empty() {
                let file = serde_json::from_value(value)?;
                return Ok(Some(Self { file, cuts }));
            }
            if cuts.len() + misfits.len() > MOST_CUTS {
                return Ok(None);
            }
            for misfit in misfits {
                match remove(&mut value, &misfit.pointer) {
                    Some(pointer) => cuts.push(pointer),
                    None => return Ok(None),
                }
            }
            misfits = shape(&value);
        }
        Ok(None)
    }
}

/// Removes the value at a pointer, or the list that it is an item of, for the places of the
/// other items must stay what they are. Tells what was removed.
fn remove(value: &mut Value, pointer: &str) -> Option<String> {
    if matches!(pointer, "" | "/name" | "/services") {
        return refill(value, pointer);
    }
    let (parent, token) = pointer.rsplit_once('/')?;
    match value.pointer_mut(parent) {
        Some(Value::Object(entries)) => {
            let token = token.replace("~1", "/").replace("~0", "~");
            entries.shift_remove(&token);
            Some(pointer.to_owned())
        }
        Some(Value::Array(_)) => remove(value, parent),
        // It went with something larger before.
        _ => Some(pointer.to_owned()),
    }
}

/// Puts in what every file must have and no check looks at.
fn refill(value: &mut Value, pointer: &str) -> Option<String> {
    let file = value.as_object_mut()?;
    if let Some(field) = pointer.strip_prefix('/') {
        file.shift_remove(field);
    }
    file.entry("name").or_insert_with(|| "unnamed".into());
    file.entry("services").or_insert_with(|| Map::new().into());
    Some(pointer.to_owned())
}
