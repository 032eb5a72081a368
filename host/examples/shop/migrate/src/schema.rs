//! The versions of the schema, in order. A version that was released is never changed: what
//! comes later is a version of its own.

use kit::json;
use kit::log;
use kit::program::Failure;
use kit::store::Store;

/// What a version adds to the one before it.
struct Version {
    number: i64,
    tables: &'static [&'static str],
}

const VERSIONS: [Version; 3] = [
    Version {
        number: 1,
        tables: &["products"],
    },
    Version {
        number: 2,
        tables: &["stock", "carts"],
    },
    Version {
        number: 3,
        tables: &["reviews"],
    },
];

/// The table and the key that hold the number of the newest version.
const PLACE: (&str, &str) = ("schema", "version");

/// Applies what is missing and answers with the version that the database has then.
///
/// # Errors
/// When the database does not answer, or comes from a newer shop.
pub(crate) fn migrate(store: &Store) -> Result<i64, Failure> {
    let (table, key) = PLACE;
    store.create(table)?;
    let current = match store.get(table, key)? {
        Some(row) => row.integer("number")?,
        None => 0,
    };
    let newest = VERSIONS.last().map_or(0, |version| version.number);
    if current > newest {
        return Err(format!(
            "the database has schema version {current}, this job knows {newest}; deploy a newer shop"
        )
        .into());
    }
    for version in VERSIONS.iter().filter(|version| version.number > current) {
        for table in version.tables {
            store.create(table)?;
        }
        // Written after its tables: a job that is interrupted in between does them again.
        store.put(
            table,
            key,
            &json::object([("number", version.number.into())]),
        )?;
        log::line(
            "migrate",
            format_args!("schema version {} applied", version.number),
        );
    }
    Ok(newest)
}
