//! A walk over rows by a number that orders them, around those that cannot be read.

use std::fmt;

use rusqlite::{Connection, Row, params_from_iter};

/// Rows, ordered by their first column, which is between `?1` and `?2` of the query.
pub(super) struct Range<'a> {
    query: &'a str,
}

/// Where rows and errors go. An error of theirs ends the walk.
pub(super) type Take<'a, E> = &'a mut dyn FnMut(Key, rusqlite::Result<&Row<'_>>) -> Result<(), E>;

/// Which rows: one that was read, or some in a row that cannot be.
pub(super) struct Key {
    pub(super) first: i64,
    pub(super) last: i64,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.first, self.last) {
            (first, last) if first == last => write!(f, "{first}"),
            (first, i64::MAX) => write!(f, "from {first} on"),
            (first, last) => write!(f, "{first} to {last}"),
        }
    }
}

impl<'a> Range<'a> {
    /// All rows from number 0 on.
    pub(super) fn all(query: &'a str) -> Self {
        Self { query }
    }

    /// Hands out the rows with their keys, and errors with the keys that they stand for.
    /// `more` are the parameters from `?3` on.
    pub(super) fn walk<E>(
        &self,
        connection: &Connection,
        more: &[i64],
        take: Take<'_, E>,
    ) -> Result<(), E> {
        let mut from = 0;
        loop {
            match self.read_on(connection, more, &mut from, take)? {
                Ok(()) => return Ok(()),
                Err(error) => {
                    let next = self.readable_after(connection, more, from);
                    let key = Key {
                        first: from,
                        last: next.map_or(i64::MAX, |next| next - 1),
                    };
                    take(key, Err(error))?;
                    match next {
                        Some(next) => from = next,
                        None => return Ok(()),
                    }
                }
            }
        }
    }

    /// Reads up to the end, or to the first row that cannot be; `from` is moved along.
    fn read_on<E>(
        &self,
        connection: &Connection,
        more: &[i64],
        from: &mut i64,
        take: Take<'_, E>,
    ) -> Result<rusqlite::Result<()>, E> {
        let mut statement = match connection.prepare_cached(self.query) {
            Ok(statement) => statement,
            Err(error) => return Ok(Err(error)),
        };
        let parameters = [*from, i64::MAX].into_iter().chain(more.iter().copied());
        let mut rows = match statement.query(params_from_iter(parameters)) {
            Ok(rows) => rows,
            Err(error) => return Ok(Err(error)),
        };
        loop {
            let row = match rows.next() {
                Ok(Some(row)) => row,
                Ok(None) => return Ok(Ok(())),
                Err(error) => return Ok(Err(error)),
            };
            let key: i64 = match row.get(0) {
                Ok(key) => key,
                Err(error) => return Ok(Err(error)),
            };
            // A tree that is out of order must not send the walk round and round.
            if key < *from {
                return Ok(Ok(()));
            }
            let only = Key {
                first: key,
                last: key,
            };
            take(only, Ok(row))?;
            let Some(next) = key.checked_add(1) else {
                return Ok(Ok(()));
            };
            *from = next;
        }
    }

    /// The first number after `bad` from which rows can be read again: strides that double find
    /// one, halving them finds the first.
    fn readable_after(&self, connection: &Connection, more: &[i64], bad: i64) -> Option<i64> {
        let is_readable = |from: i64| self.first_row(connection, more, from);
        let (mut bad, mut stride) = (bad, 1_i64);
        let mut good = loop {
            let probe = bad.checked_add(stride)?;
            match is_readable(probe) {
                Ok(true) => break probe,
                // Nothing comes any more, so that nothing readable does.
                Ok(false) => return None,
                Err(_) => bad = probe,
            }
            stride = stride.checked_mul(2)?;
        };
        while good - bad > 1 {
            let middle = bad + (good - bad) / 2;
            match is_readable(middle) {
                Ok(true) => good = middle,
                _ => bad = middle,
            }
        }
        Some(good)
    }

    /// Whether a row is there from this number on, and can be read to its last column.
    fn first_row(
        &self,
        connection: &Connection,
        more: &[i64],
        from: i64,
    ) -> rusqlite::Result<bool> {
        let mut statement = connection.prepare_cached(self.query)?;
        let parameters = [from, i64::MAX].into_iter().chain(more.iter().copied());
        let mut rows = statement.query(params_from_iter(parameters))?;
        Ok(rows.next()?.is_some())
    }
}
