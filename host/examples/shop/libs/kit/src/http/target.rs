//! Percent-encoding, both ways: the path and query of a target, and the fields of a form.

use std::fmt::Write;

/// A target from the segments of its path and the fields of its query, encoded.
///
/// ```
/// let target = kit::http::target(&["tables", "a b"], &[("field", "näme")]);
/// assert_eq!(target, "/tables/a%20b?field=n%C3%A4me");
/// ```
pub fn target(segments: &[&str], query: &[(&str, &str)]) -> String {
    let mut target = String::new();
    for segment in segments {
        target.push('/');
        encode(segment, &mut target);
    }
    if segments.is_empty() {
        target.push('/');
    }
    for (index, (name, value)) in query.iter().enumerate() {
        target.push(if index == 0 { '?' } else { '&' });
        encode(name, &mut target);
        target.push('=');
        encode(value, &mut target);
    }
    target
}

/// The fields of a query, or of a body of the type `application/x-www-form-urlencoded`.
///
/// Nothing when an escape is broken or the text is not UTF-8.
pub fn form(text: &str) -> Option<Vec<(String, String)>> {
    text.split('&')
        .filter(|field| !field.is_empty())
        .map(|field| {
            let (name, value) = field.split_once('=').unwrap_or((field, ""));
            let plain = |part: &str| decode(&part.replace('+', " "));
            Some((plain(name)?, plain(value)?))
        })
        .collect()
}

/// The decoded segments of a path. Empty ones do not count.
pub(super) fn segments(path: &str) -> Option<Vec<String>> {
    path.split('/')
        .filter(|segment| !segment.is_empty())
        .map(decode)
        .collect()
}

fn encode(text: &str, into: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            into.push(char::from(byte));
        } else {
            // Writing into a string cannot fail.
            let _ = write!(into, "%{byte:02X}");
        }
    }
}

fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut parts = text.split('%');
    bytes.extend_from_slice(parts.next()?.as_bytes());
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).ok()
}
