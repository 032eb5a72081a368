//! What a plain scalar means: the core schema of YAML 1.2.2, section 10.3.2.

use serde_json::{Number, Value};

/// Why a plain scalar has no value here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// Infinite or not a number; JSON has neither.
    NotFinite,
    /// Does not fit 64 bits.
    TooLarge,
}

/// Resolves an unquoted scalar.
pub(super) fn resolve(text: &str) -> Result<Value, Unreadable> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(Value::Null),
        "true" | "True" | "TRUE" => return Ok(Value::Bool(true)),
        "false" | "False" | "FALSE" => return Ok(Value::Bool(false)),
        _ => {}
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return Err(Unreadable::NotFinite);
    }
    if let Some(number) = based(text) {
        return number;
    }
    if is_integer(unsigned) {
        return integer(text);
    }
    if is_float(unsigned) {
        return float(text);
    }
    Ok(Value::String(text.to_owned()))
}

/// `0o17` and `0x1F`; they have no sign.
fn based(text: &str) -> Option<Result<Value, Unreadable>> {
    let (digits, radix) = match text.strip_prefix("0o") {
        Some(digits) => (digits, 8),
        None => (text.strip_prefix("0x")?, 16),
    };
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    let number = u64::from_str_radix(digits, radix);
    Some(number.map(Value::from).map_err(|_| Unreadable::TooLarge))
}

fn is_integer(unsigned: &str) -> bool {
    !unsigned.is_empty() && unsigned.bytes().all(|b| b.is_ascii_digit())
}

fn integer(text: &str) -> Result<Value, Unreadable> {
    let digits = text.strip_prefix('+').unwrap_or(text);
    if let Ok(number) = digits.parse::<i64>() {
        return Ok(Value::from(number));
    }
    let number = digits.parse::<u64>();
    number.map(Value::from).map_err(|_| Unreadable::TooLarge)
}

/// `( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?`
fn is_float(unsigned: &str) -> bool {
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let exponent =
        exponent.is_none_or(|text| is_integer(text.strip_prefix(['-', '+']).unwrap_or(text)));
    exponent && digits(whole) && digits(fraction) && !(whole.is_empty() && fraction.is_empty())
}

/// A whole number is one however it is written: `1e3` fits where `1000` does.
fn float(text: &str) -> Result<Value, Unreadable> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if let Ok(number) = text.parse::<f64>()
        && number.fract() == 0.0
        && number.abs() < EXACT
    {
        #[expect(clippy::cast_possible_truncation, reason = "whole, and below 2^53")]
        return Ok(Value::from(number as i64));
    }
    let number = text.parse::<f64>().ok().and_then(Number::from_f64);
    number.map(Value::Number).ok_or(Unreadable::TooLarge)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn plain_scalars_follow_the_core_schema() {
        for (text, value) in [
            ("", json!(null)),
            ("~", json!(null)),
            ("True", json!(true)),
            ("FALSE", json!(false)),
            ("yes", json!("yes")),
            ("0", json!(0)),
            ("-12", json!(-12)),
            ("+12", json!(12)),
            ("0o17", json!(15)),
            ("0x1F", json!(31)),
            ("0xZZ", json!("0xZZ")),
            ("18446744073709551615", json!(u64::MAX)),
            ("1.5", json!(1.5)),
            (".5", json!(0.5)),
            ("1e3", json!(1000)),
            ("1.", json!(1)),
            (".", json!(".")),
            ("e3", json!("e3")),
            ("1.2.3", json!("1.2.3")),
            ("-", json!("-")),
            ("12:30", json!("12:30")),
        ] {
            assert_eq!(resolve(text), Ok(value), "{text}");
        }
    }

    #[test]
    fn what_json_cannot_hold_is_refused() {
        assert_eq!(resolve("-.inf"), Err(Unreadable::NotFinite));
        assert_eq!(resolve(".nan"), Err(Unreadable::NotFinite));
        assert_eq!(resolve("18446744073709551616"), Err(Unreadable::TooLarge));
        assert_eq!(resolve("1e999"), Err(Unreadable::TooLarge));
    }
}
