//! One change, as a line of the file: a checksum, a space, and JSON.
//!
//! JSON text holds no line break, so a record ends where its line ends, and a line that was
//! written only in part is told by its checksum.

use kit::json::{self, Value};

/// A change of the tables.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Record {
    /// Makes an empty table.
    Create { table: String },
    /// Writes a row.
    Put {
        table: String,
        key: String,
        row: Value,
    },
    /// Removes a row.
    Delete { table: String, key: String },
}

impl Record {
    /// The line of this record, with its line break.
    pub(crate) fn encode(&self) -> String {
        let value = match self {
            Self::Create { table } => json::object([("create", table.as_str().into())]),
            Self::Put { table, key, row } => json::object([
                ("put", table.as_str().into()),
                ("key", key.as_str().into()),
                ("row", row.clone()),
            ]),
            Self::Delete { table, key } => json::object([
                ("delete", table.as_str().into()),
                ("key", key.as_str().into()),
            ]),
        };
        let text = value.to_string();
        format!("{:08x} {text}\n", checksum(text.as_bytes()))
    }

    /// The record of a line without its line break; nothing when the line is damaged.
    pub(crate) fn decode(line: &[u8]) -> Option<Self> {
        let (sum, text) = str::from_utf8(line).ok()?.split_once(' ')?;
        if sum != format!("{:08x}", checksum(text.as_bytes())) {
            return None;
        }
        let value = json::parse(text).ok()?;
        let member = |name| value.text(name).ok().map(str::to_owned);
        if let Some(table) = member("create") {
            return Some(Self::Create { table });
        }
        let key = member("key")?;
        if let Some(table) = member("delete") {
            return Some(Self::Delete { table, key });
        }
        Some(Self::Put {
            table: member("put")?,
            key,
            row: value.get("row")?.clone(),
        })
    }
}

/// CRC-32 as in ISO 3309 and gzip.
fn checksum(bytes: &[u8]) -> u32 {
    let mut sum = u32::MAX;
    for byte in bytes {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            let carry = sum & 1;
            sum >>= 1;
            if carry == 1 {
                sum ^= 0xEDB8_8320;
            }
        }
    }
    !sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_known_one() {
        assert_eq!(checksum(b"123456789"), 0xCBF4_3926);
    }

    #[test]
    fn records_survive_their_line_and_damage_is_seen() {
        let (table, key) = ("t".to_owned(), "k".to_owned());
        for record in [
            Record::Create {
                table: table.clone(),
            },
            Record::Put {
                table: table.clone(),
                key: key.clone(),
                row: json::object([("text", "two\nlines".into())]),
            },
            Record::Delete { table, key },
        ] {
            let line = record.encode();
            let bytes = line.strip_suffix('\n').unwrap().as_bytes();
            assert!(!bytes.contains(&b'\n'));
            assert_eq!(Record::decode(bytes), Some(record));
            for cut in 0..bytes.len() {
                assert_eq!(Record::decode(&bytes[..cut]), None);
            }
            let mut flipped = bytes.to_vec();
            *flipped.last_mut().unwrap() ^= 1;
            assert_eq!(Record::decode(&flipped), None);
        }
    }
}
