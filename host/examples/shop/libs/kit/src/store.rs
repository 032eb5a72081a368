//! The client of the database, `db/`.

use std::fmt;

use crate::http::{CallError, Client, Response, target};
use crate::json::{Mismatch, Object, Value};

/// Why the database did not do what it was asked.
#[derive(Debug)]
pub enum StoreError {
    /// It gave no usable answer.
    Call(CallError),
    /// It answered with something that a database of this shop does not say.
    Answer(Mismatch),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call(error) => write!(f, "database: {error}"),
            Self::Answer(error) => write!(f, "database: in its answer, {error}"),
        }
    }
}

impl std::error::Error for StoreError {}

impl From<CallError> for StoreError {
    fn from(error: CallError) -> Self {
        Self::Call(error)
    }
}

impl From<Mismatch> for StoreError {
    fn from(error: Mismatch) -> Self {
        Self::Answer(error)
    }
}

/// The database, seen from another program.
#[derive(Clone, Debug)]
pub struct Store {
    client: Client,
}

impl Store {
    /// The database at `host:port`.
    pub fn at(address: impl Into<String>) -> Self {
        Self {
            client: Client::new(address),
        }
    }

    /// Makes a table, unless it is there.
    ///
    /// # Errors
    /// When the database does not answer or refuses.
    pub fn create(&self, table: &str) -> Result<(), StoreError> {
        let target = target(&["tables", table], &[]);
        self.client.json("PUT", &target, None)?;
        Ok(())
    }

    /// The row with that key; nothing when there is none, or no such table.
    ///
    /// # Errors
    /// When the database does not answer or refuses.
    pub fn get(&self, table: &str, key: &str) -> Result<Option<Value>, StoreError> {
        let target = target(&["tables", table, key], &[]);
        let response = self.client.send("GET", &target, &[], None)?;
        self.found(&target, &response)
    }

    /// Writes a row; durable when this returns.
    ///
    /// # Errors
    /// When the database does not answer or refuses.
    pub fn put(&self, table: &str, key: &str, row: &Value) -> Result<(), StoreError> {
        let target = target(&["tables", table, key], &[]);
        self.client.json("PUT", &target, Some(row))?;
        Ok(())
    }

    /// Writes a row unless the key is taken. Answers whether it was written.
    ///
    /// # Errors
    /// When the database does not answer or refuses.
    pub fn put_new(&self, table: &str, key: &str, row: &Value) -> Result<bool, StoreError> {
        let target = target(&["tables", table, key], &[]);
        let unless_there = [("If-None-Match", "*")];
        let response = self.client.send("PUT", &target, &unless_there, Some(row))?;
        if response.status == 412 {
            return Ok(false);
        }
        self.client.accept("PUT", &target, &response)?;
        Ok(true)
    }

    /// Removes a row, if it is there.
    ///
    /// # Errors
    /// When the database does not answer or refuses.
    pub fn delete(&self, table: &str, key: &str) -> Result<(), StoreError> {
        let target = target(&["tables", table, key], &[]);
        self.client.json("DELETE", &target, None)?;
        Ok(())
    }

    /// All rows of a table by key, or those in which `field` equals `value`.
    ///
    /// # Errors
    /// When the database does not answer or refuses.
    pub fn rows(&self, table: &str, filter: Option<(&str, &str)>) -> Result<Object, StoreError> {
        let mut rows = Object::new();
        let mut after = String::new();
        loop {
            let mut query = vec![("after", after.as_str())];
            if let Some((field, value)) = filter {
                query.extend([("field", field), ("equals", value)]);
            }
            let page = self
                .client
                .json("GET", &target(&["tables", table], &query), None)?;
            rows.extend(page.members("rows")?.clone());
            match page.get("next") {
                // A page that does not move on would have us ask for ever.
                Some(Value::Text(next)) if *next > after => after.clone_from(next),
                _ => return Ok(rows),
            }
        }
    }

    fn found(&self, target: &str, response: &Response) -> Result<Option<Value>, StoreError> {
        if response.status == 404 {
            return Ok(None);
        }
        Ok(Some(self.client.accept("GET", target, response)?))
    }
}
