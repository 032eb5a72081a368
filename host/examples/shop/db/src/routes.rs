//! What the database answers:
//!
//! | request | answer |
//! | --- | --- |
//! | `GET /healthz` | `ok` |
//! | `GET /tables` | the number of rows of each table |
//! | `PUT /tables/T` | makes the table, unless it is there |
//! | `GET /tables/T?after=K&field=F&equals=V` | a page of rows after a key, and the `next` key |
//! | `GET /tables/T/K` | the row |
//! | `PUT /tables/T/K` | writes the row; with `If-None-Match: *` only a new one, else 412 |
//! | `DELETE /tables/T/K` | removes the row, if it is there |

use std::sync::{Mutex, MutexGuard, PoisonError};

use kit::http::{Request, Response};
use kit::json::{Object, Value, object};

use crate::log::LogError;
use crate::record::Record;
use crate::store::{ChangeError, Store};
use crate::tables::{Refusal, Tables};

/// Answers one request.
pub(crate) fn answer(store: &Mutex<Store>, request: &Request) -> Response {
    // A store is whole between any two statements of a change, so one that a panic left is too.
    let mut store: MutexGuard<'_, Store> = store.lock().unwrap_or_else(PoisonError::into_inner);
    let (method, path) = request.route();
    match (method, path.as_slice()) {
        ("GET", ["healthz"]) => Response::text(200, "ok\n"),
        ("GET", ["tables"]) => Response::json(200, &sizes(store.tables())),
        ("PUT", ["tables", table]) => create(&mut store, table),
        ("GET", ["tables", table]) => page(store.tables(), table, request),
        ("GET", ["tables", table, key]) => match store.tables().row(table, key) {
            Ok(row) => Response::json(200, row),
            Err(refusal) => refuse(refusal),
        },
        ("PUT", ["tables", table, key]) => put(&mut store, table, key, request),
        ("DELETE", ["tables", table, key]) => delete(&mut store, table, key),
        (_, ["healthz" | "tables", ..]) => Response::error(405, "not with this method"),
        _ => Response::error(404, "there is nothing here; tables are at /tables"),
    }
}

fn sizes(tables: &Tables) -> Value {
    let size = |rows: usize| Value::Integer(i64::try_from(rows).unwrap_or(i64::MAX));
    let sizes: Object = tables
        .sizes()
        .map(|(name, rows)| (name.to_owned(), size(rows)))
        .collect();
    sizes.into()
}

fn create(store: &mut Store, table: &str) -> Response {
    if store.tables().has(table) {
        return Response::json(200, &object([("created", Value::Bool(false))]));
    }
    let record = Record::Create {
        table: table.to_owned(),
    };
    match store.change(record) {
        Ok(()) => Response::json(201, &object([("created", Value::Bool(true))])),
        Err(error) => fail(&error),
    }
}

fn page(tables: &Tables, table: &str, request: &Request) -> Response {
    let after = request.query("after").unwrap_or_default();
    let filter = request.query("field").zip(request.query("equals"));
    match tables.page(table, after, filter) {
        Ok(page) => {
            let rows: Object = page
                .rows
                .into_iter()
                .map(|(key, row)| (key.to_owned(), row.clone()))
                .collect();
            let next = page.next.map_or(Value::Null, Value::from);
            Response::json(200, &object([("rows", rows.into()), ("next", next)]))
        }
        Err(refusal) => refuse(refusal),
    }
}

fn put(store: &mut Store, table: &str, key: &str, request: &Request) -> Response {
    let there = store.tables().row(table, key).is_ok();
    if there && request.header("if-none-match") == Some("*") {
        return Response::error(412, "there is such a row already");
    }
    let row = match request.json() {
        Ok(row) => row,
        Err(problem) => return Response::error(400, problem),
    };
    let record = Record::Put {
        table: table.to_owned(),
        key: key.to_owned(),
        row,
    };
    match store.change(record) {
        Ok(()) => Response::json(if there { 200 } else { 201 }, &object([])),
        Err(error) => fail(&error),
    }
}

fn delete(store: &mut Store, table: &str, key: &str) -> Response {
    let record = Record::Delete {
        table: table.to_owned(),
        key: key.to_owned(),
    };
    match store.change(record) {
        Ok(()) | Err(ChangeError::Refused(Refusal::NoRow)) => Response::json(200, &object([])),
        Err(error) => fail(&error),
    }
}

fn fail(error: &ChangeError) -> Response {
    match error {
        ChangeError::Refused(refusal) => refuse(*refusal),
        ChangeError::Log(LogError::Full) => Response::error(507, error.to_string()),
        ChangeError::Log(_) => Response::error(503, error.to_string()),
    }
}

fn refuse(refusal: Refusal) -> Response {
    let status = match refusal {
        Refusal::NoTable | Refusal::NoRow => 404,
        Refusal::BadName | Refusal::NotAnObject => 422,
        Refusal::RowTooLarge => 413,
        Refusal::TooManyTables | Refusal::TooManyRows => 507,
    };
    Response::error(status, refusal.to_string())
}
