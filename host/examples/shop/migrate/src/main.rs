//! The migration job of the shop: makes the tables and fills them, then ends.
//!
//! It may run any number of times: what was done stays as it is, what the shop has changed
//! since (stock, carts, new reviews) is left alone, and products follow `seed/products.json`.
//! `DB` is the address of the database. What later services may know goes to the file that
//! `STAGEWRIGHT_OUTPUT` names.

mod schema;
mod seed;
#[cfg(test)]
mod tests;

use std::fs;
use std::io;
use std::process::ExitCode;

use kit::json::{self, Value};
use kit::program::{self, Failure};
use kit::setting;
use kit::store::Store;

fn main() -> ExitCode {
    program::run("migrate", || {
        let store = Store::at(setting::address("DB")?);
        let output = setting::text("STAGEWRIGHT_OUTPUT")?;
        let outputs = migrate(&store)?;
        fs::write(&output, outputs.to_string())
            .map_err(|cause| io::Error::new(cause.kind(), format!("{output}: {cause}")))?;
        Ok(())
    })
}

/// Brings the database to the newest schema and fills it. The answer is the job's outputs.
fn migrate(store: &Store) -> Result<Value, Failure> {
    let version = schema::migrate(store)?;
    let products = seed::products(store)?;
    seed::reviews(store)?;
    Ok(json::object([
        ("schema_version", version.to_string().into()),
        ("products", products.to_string().into()),
    ]))
}
