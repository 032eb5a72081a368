//! Changes that fit a JSON value: it stays one, but says something else.

use fastrand::Rng;
use serde_json::{Map, Value};

use super::{Mutator, NUMBERS, ODD, often, text};

/// Makes one change. What is not JSON is changed as text.
pub(super) fn change(input: &mut Vec<u8>, mutator: &Mutator<'_>, rng: &mut Rng) {
    let Ok(mut value) = serde_json::from_slice::<Value>(input) else {
        return text::change(input, mutator, rng);
    };
    // A large list has so many leaves that it would hardly ever be its own turn.
    let mut at = match rng.u8(..6) {
        0 => 0,
        _ => rng.usize(..count(&value)),
    };
    if let Some(place) = nth(&mut value, &mut at) {
        change_at(place, mutator, rng);
    }
    // A value that was read can be written.
    *input = serde_json::to_vec(&value).unwrap_or_default();
}

fn change_at(place: &mut Value, mutator: &Mutator<'_>, rng: &mut Rng) {
    match (rng.u8(..8), place) {
        (0..4, Value::Object(fields)) if !fields.is_empty() => object(fields, mutator, rng),
        (0..4, Value::Array(items)) if !items.is_empty() => array(items, rng),
        (0..2, Value::String(string)) => {
            let mut bytes = std::mem::take(string).into_bytes();
            text::change(&mut bytes, mutator, rng);
            *string = String::from_utf8_lossy(&bytes).into_owned();
        }
        (0..2, Value::Number(number)) => {
            let by = rng.choice([-1, 1, -1000, 1000]).unwrap_or(1);
            *number = number.as_i64().unwrap_or_default().wrapping_add(by).into();
        }
        (2 | 3, Value::Bool(truth)) => *truth = !*truth,
        (4, place) => {
            let deep = often(3, 8, 16, rng);
            for _ in 0..deep {
                *place = Value::Array(vec![place.take()]);
            }
        }
        (5, place) => {
            if let Ok(mut other) = serde_json::from_slice::<Value>(mutator.any_seed(rng)) {
                let mut at = rng.usize(..count(&other));
                *place = nth(&mut other, &mut at).map_or(Value::Null, Value::take);
            }
        }
        (_, place) => *place = any(mutator, rng),
    }
}

/// Removes, renames, adds or repeats a field.
fn object(fields: &mut Map<String, Value>, mutator: &Mutator<'_>, rng: &mut Rng) {
    let names: Vec<String> = fields.keys().cloned().collect();
    let name = rng.choice(names).unwrap_or_default();
    match rng.u8(..4) {
        0 => drop(fields.shift_remove(&name)),
        1 => {
            let value = fields.shift_remove(&name).unwrap_or_default();
            fields.insert(any_text(mutator, rng), value);
        }
        2 => drop(fields.insert(any_text(mutator, rng), any(mutator, rng))),
        _ => {
            let copy = fields.get(&name).cloned().unwrap_or_default();
            fields.insert(any_text(mutator, rng), copy);
        }
    }
}

/// Removes, swaps or repeats items.
fn array(items: &mut Vec<Value>, rng: &mut Rng) {
    let (at, other) = (rng.usize(..items.len()), rng.usize(..items.len()));
    match rng.u8(..3) {
        0 => drop(items.remove(at)),
        1 => items.swap(at, other),
        _ => {
            let copy = items.get(at).cloned().unwrap_or_default();
            let times = often(3, 12, 32, rng);
            items.extend(std::iter::repeat_n(copy, times));
        }
    }
}

fn any(mutator: &Mutator<'_>, rng: &mut Rng) -> Value {
    match rng.u8(..8) {
        0 => Value::Null,
        1 => Value::Bool(rng.bool()),
        2 | 3 => rng
            .choice(NUMBERS)
            .and_then(|number| serde_json::from_str(number).ok())
            .unwrap_or_default(),
        4 => Value::Array(Vec::new()),
        5 => Value::Object(Map::new()),
        _ => Value::String(any_text(mutator, rng)),
    }
}

/// A word that means something, something odd, or now and then something long.
fn any_text(mutator: &Mutator<'_>, rng: &mut Rng) -> String {
    let odd = rng.choice(ODD).copied().unwrap_or_default();
    match rng.u8(..16) {
        0 => odd.repeat(1 << rng.u32(..16)),
        1..8 => odd.to_owned(),
        8 => format!("{}{odd}", mutator.any_word(rng)),
        _ => mutator.any_word(rng).to_owned(),
    }
}

/// How many values there are in a value, itself counted.
fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(fields) => fields.values().map(count).sum(),
        _ => 0_usize,
    }
}

/// The value with a number, counted as [`count`] does.
fn nth<'a>(value: &'a mut Value, left: &mut usize) -> Option<&'a mut Value> {
    if *left == 0 {
        return Some(value);
    }
    *left -= 1;
    match value {
        Value::Array(items) => items.iter_mut().find_map(|item| nth(item, left)),
        Value::Object(fields) => fields.values_mut().find_map(|field| nth(field, left)),
        _ => None,
    }
}
