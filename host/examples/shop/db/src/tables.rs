//! The tables in memory, and how much they may hold.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Bound;

use kit::json::Value;

use crate::record::Record;

/// How many tables there may be.
pub(crate) const TABLES: usize = 64;
/// How many rows a table may have.
pub(crate) const ROWS: usize = 10_000;
/// How many bytes the JSON text of a row may have.
pub(crate) const ROW_BYTES: usize = 16 * 1024;
/// How many bytes the name of a table or the key of a row may have.
pub(crate) const NAME_BYTES: usize = 100;
/// How many rows one query answers at most.
pub(crate) const PAGE: usize = 500;

/// Why a change or a query is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    NoTable,
    NoRow,
    BadName,
    NotAnObject,
    RowTooLarge,
    TooManyTables,
    TooManyRows,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoTable => f.write_str("there is no such table"),
            Self::NoRow => f.write_str("there is no such row"),
            Self::BadName => write!(
                f,
                "a table or key has 1 to {NAME_BYTES} characters of a-z, 0-9, `-`, `_` and `.`"
            ),
            Self::NotAnObject => f.write_str("a row is a JSON object"),
            Self::RowTooLarge => write!(f, "a row has at most {ROW_BYTES} bytes"),
            Self::TooManyTables => write!(f, "there may be {TABLES} tables"),
            Self::TooManyRows => write!(f, "a table may have {ROWS} rows"),
        }
    }
}

/// Rows by key.
type Table = BTreeMap<String, Value>;

/// Some rows of a table, and the key after which the next ones come.
pub(crate) struct Page<'a> {
    pub(crate) rows: Vec<(&'a str, &'a Value)>,
    pub(crate) next: Option<&'a str>,
}

/// All tables.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Tables {
    tables: BTreeMap<String, Table>,
}

impl Tables {
    /// Would this change fit? Asked before it is written.
    pub(crate) fn check(&self, record: &Record) -> Result<(), Refusal> {
        match record {
            Record::Create { table } => {
                check_name(table)?;
                let fits = self.has(table) || self.tables.len() < TABLES;
                fits.then_some(()).ok_or(Refusal::TooManyTables)
            }
            Record::Put { table, key, row } => {
                let rows = self.tables.get(table).ok_or(Refusal::NoTable)?;
                check_name(key)?;
                if !matches!(row, Value::Object(_)) {
                    return Err(Refusal::NotAnObject);
                }
                if row.to_string().len() > ROW_BYTES {
                    return Err(Refusal::RowTooLarge);
                }
                let fits = rows.contains_key(key) || rows.len() < ROWS;
                fits.then_some(()).ok_or(Refusal::TooManyRows)
            }
            Record::Delete { table, key } => self.row(table, key).map(|_| ()),
        }
    }

    /// Makes a change that was checked when it was new.
    pub(crate) fn apply(&mut self, record: Record) {
        match record {
            Record::Create { table } => {
                self.tables.entry(table).or_default();
            }
            Record::Put { table, key, row } => {
                self.tables.entry(table).or_default().insert(key, row);
            }
            Record::Delete { table, key } => {
                if let Some(rows) = self.tables.get_mut(&table) {
                    rows.remove(&key);
                }
            }
        }
    }

    pub(crate) fn has(&self, table: &str) -> bool {
        self.tables.contains_key(table)
    }

    pub(crate) fn row(&self, table: &str, key: &str) -> Result<&Value, Refusal> {
        let rows = self.tables.get(table).ok_or(Refusal::NoTable)?;
        rows.get(key).ok_or(Refusal::NoRow)
    }

    /// The rows whose key sorts after `after`, all or those in which the text of a field equals
    /// a value; at most a page of them.
    pub(crate) fn page(
        &self,
        table: &str,
        after: &str,
        filter: Option<(&str, &str)>,
    ) -> Result<Page<'_>, Refusal> {
        let rows = self.tables.get(table).ok_or(Refusal::NoTable)?;
        let matches = |row: &Value| {
            filter.is_none_or(|(field, wanted)| row.text(field).is_ok_and(|text| text == wanted))
        };
        let mut found = rows
            .range::<str, _>((Bound::Excluded(after), Bound::Unbounded))
            .filter(|(_, row)| matches(row))
            .map(|(key, row)| (key.as_str(), row));
        let rows: Vec<_> = found.by_ref().take(PAGE).collect();
        let next = match (found.next(), rows.last()) {
            (Some(_), Some((key, _))) => Some(*key),
            _ => None,
        };
        Ok(Page { rows, next })
    }

    /// The number of rows of each table.
    pub(crate) fn sizes(&self) -> impl Iterator<Item = (&str, usize)> {
        self.tables
            .iter()
            .map(|(name, rows)| (name.as_str(), rows.len()))
    }

    /// The fewest records that make these tables.
    pub(crate) fn records(&self) -> impl Iterator<Item = Record> + '_ {
        self.tables.iter().flat_map(|(table, rows)| {
            let create = Record::Create {
                table: table.clone(),
            };
            let puts = rows.iter().map(move |(key, row)| Record::Put {
                table: table.clone(),
                key: key.clone(),
                row: row.clone(),
            });
            std::iter::once(create).chain(puts)
        })
    }
}

fn check_name(name: &str) -> Result<(), Refusal> {
    let allowed =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
    let fits = (1..=NAME_BYTES).contains(&name.len()) && name.bytes().all(allowed);
    fits.then_some(()).ok_or(Refusal::BadName)
}

#[cfg(test)]
mod tests {
    use super::*;
    use kit::json::object;

    fn put(key: &str, row: Value) -> Record {
        Record::Put {
            table: "t".into(),
            key: key.into(),
            row,
        }
    }

    fn with_table() -> Tables {
        let mut tables = Tables::default();
        tables.apply(Record::Create { table: "t".into() });
        tables
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let tables = with_table();
        let row = object([]);
        let large = object([("x", "x".repeat(ROW_BYTES).into())]);
        assert_eq!(tables.check(&put("k", row.clone())), Ok(()));
        assert_eq!(tables.check(&put("K", row.clone())), Err(Refusal::BadName));
        assert_eq!(tables.check(&put("", row.clone())), Err(Refusal::BadName));
        assert_eq!(tables.check(&put("k", 1.into())), Err(Refusal::NotAnObject));
        assert_eq!(tables.check(&put("k", large)), Err(Refusal::RowTooLarge));
        assert_eq!(
            Tables::default().check(&put("k", row)),
            Err(Refusal::NoTable)
        );
        assert_eq!(tables.row("t", "k"), Err(Refusal::NoRow));
    }

    #[test]
    fn tables_and_rows_are_bounded() {
        let mut tables = with_table();
        for number in 0..ROWS {
            tables.apply(put(&format!("k{number}"), object([])));
        }
        assert_eq!(
            tables.check(&put("one-more", object([]))),
            Err(Refusal::TooManyRows)
        );
        assert_eq!(tables.check(&put("k0", object([]))), Ok(()));
        for number in 1..TABLES {
            tables.apply(Record::Create {
                table: format!("t{number}"),
            });
        }
        let create = |table: &str| Record::Create {
            table: table.into(),
        };
        assert_eq!(
            tables.check(&create("one-more")),
            Err(Refusal::TooManyTables)
        );
        assert_eq!(tables.check(&create("t")), Ok(()));
    }

    #[test]
    fn pages_go_on_where_the_last_one_ended() {
        let mut tables = with_table();
        for number in 0..=PAGE {
            let kind = if number % 2 == 0 { "even" } else { "odd" };
            tables.apply(put(
                &format!("k{number:04}"),
                object([("kind", kind.into())]),
            ));
        }
        let first = tables.page("t", "", None).unwrap();
        assert_eq!((first.rows.len(), first.next), (PAGE, Some("k0499")));
        let second = tables.page("t", "k0499", None).unwrap();
        assert_eq!((second.rows.len(), second.next), (1, None));
        let odd = tables.page("t", "k0001", Some(("kind", "odd"))).unwrap();
        assert_eq!((odd.rows.len(), odd.next), (PAGE / 2 - 1, None));
    }

    #[test]
    fn the_fewest_records_make_the_same_tables() {
        let mut tables = with_table();
        tables.apply(put("a", object([("n", 1.into())])));
        tables.apply(put("a", object([("n", 2.into())])));
        tables.apply(put("b", object([])));
        tables.apply(Record::Delete {
            table: "t".into(),
            key: "b".into(),
        });
        let mut again = Tables::default();
        let records: Vec<_> = tables.records().collect();
        assert_eq!(records.len(), 2);
        records.into_iter().for_each(|record| again.apply(record));
        assert_eq!(again, tables);
    }
}
