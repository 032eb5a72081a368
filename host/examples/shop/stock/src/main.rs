//! The stock of the shop: how many pieces of each product are there.
//!
//! It exists so that nobody sells what is not there. Only a correction by the people in the
//! storeroom changes a level; carts do not reserve anything.
//!
//! | request | answer |
//! | --- | --- |
//! | `GET /healthz` | 200 when levels can be read |
//! | `GET /levels` | an object of pieces by product |
//! | `GET /levels/SKU` | `{"pieces": 3}` |
//! | `PUT /levels/SKU` | sets it, from 0 to 9,999, for a product that has a level |

use std::process::ExitCode;

use kit::http::{Request, Response, Server};
use kit::json::{Object, Value, object};
use kit::store::{Store, StoreError};
use kit::{program, setting};

fn main() -> ExitCode {
    program::run("stock", || {
        let store = Store::at(setting::address("DB")?);
        let server = Server::bind("stock", setting::port()?)?;
        Err(server.run(move |request| answer(&store, request)).into())
    })
}

fn answer(store: &Store, request: &Request) -> Response {
    let (method, path) = request.route();
    let answer = match (method, path.as_slice()) {
        ("GET", ["healthz"]) => levels(store).map(|_| Response::text(200, "ok\n")),
        ("GET", ["levels"]) => levels(store).map(|levels| Response::json(200, &levels)),
        ("GET", ["levels", sku]) => one(store, sku),
        ("PUT", ["levels", sku]) => correct(store, sku, request),
        (_, ["levels", ..]) => Ok(Response::error(405, "not with this method")),
        _ => Ok(Response::error(404, "levels are at /levels")),
    };
    answer.unwrap_or_else(|error| Response::error(503, error.to_string()))
}

fn levels(store: &Store) -> Result<Value, StoreError> {
    let mut levels = Object::new();
    for (sku, row) in store.rows("stock", None)? {
        levels.insert(sku, row.integer("pieces")?.into());
    }
    Ok(levels.into())
}

fn one(store: &Store, sku: &str) -> Result<Response, StoreError> {
    match store.get("stock", sku)? {
        Some(row) => Ok(Response::json(200, &row)),
        None => Ok(Response::error(404, "there is no such product")),
    }
}

fn correct(store: &Store, sku: &str, request: &Request) -> Result<Response, StoreError> {
    let pieces = match request.json().and_then(|body| pieces(&body)) {
        Ok(pieces) => pieces,
        Err(problem) => return Ok(Response::error(422, problem)),
    };
    if store.get("stock", sku)?.is_none() {
        return Ok(Response::error(404, "there is no such product"));
    }
    let row = object([("pieces", pieces.into())]);
    store.put("stock", sku, &row)?;
    Ok(Response::json(200, &row))
}

fn pieces(body: &Value) -> Result<i64, String> {
    let pieces = body.integer("pieces").map_err(|error| error.to_string())?;
    if (0..=9_999).contains(&pieces) {
        Ok(pieces)
    } else {
        Err("`pieces` is not from 0 to 9999".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_stay_within_their_bounds() {
        let level = |number: i64| pieces(&object([("pieces", number.into())]));
        assert_eq!(level(0), Ok(0));
        assert_eq!(level(9_999), Ok(9_999));
        let outside = Err("`pieces` is not from 0 to 9999".to_owned());
        assert_eq!(level(-1), outside);
        assert_eq!(level(10_000), outside);
        assert!(pieces(&object([("pieces", "3".into())])).is_err());
    }
}
