//! The catalogue of the shop: which products there are, as the database has them.
//!
//! It exists so that no other program needs to know how products are kept. It changes nothing.
//!
//! | request | answer |
//! | --- | --- |
//! | `GET /healthz` | 200 when products can be read |
//! | `GET /products?category=C` | all products, or those of a category, by category and name |
//! | `GET /products/SKU` | one product |

use std::process::ExitCode;

use kit::http::{Request, Response, Server};
use kit::product::Product;
use kit::store::{Store, StoreError};
use kit::{program, setting};

fn main() -> ExitCode {
    program::run("catalog", || {
        let store = Store::at(setting::address("DB")?);
        let server = Server::bind("catalog", setting::port()?)?;
        Err(server.run(move |request| answer(&store, request)).into())
    })
}

fn answer(store: &Store, request: &Request) -> Response {
    let answer = match request.route() {
        ("GET", path) => match path.as_slice() {
            ["healthz"] => health(store),
            ["products"] => list(store, request.query("category")),
            ["products", sku] => one(store, sku),
            _ => Ok(Response::error(404, "products are at /products")),
        },
        _ => Ok(Response::error(405, "the catalogue can only be read")),
    };
    answer.unwrap_or_else(|error| Response::error(503, error.to_string()))
}

fn health(store: &Store) -> Result<Response, StoreError> {
    let products = store.rows("products", None)?.len();
    Ok(Response::text(200, format!("ok, {products} products\n")))
}

fn list(store: &Store, category: Option<&str>) -> Result<Response, StoreError> {
    let filter = category.map(|category| ("category", category));
    let rows = store.rows("products", filter)?;
    let products = rows.values().map(Product::from_json);
    let mut products = products.collect::<Result<Vec<_>, _>>()?;
    products.sort_by(|a, b| (&a.category, &a.name).cmp(&(&b.category, &b.name)));
    Ok(Response::json(200, &Product::list_to_json(&products)))
}

fn one(store: &Store, sku: &str) -> Result<Response, StoreError> {
    match store.get("products", sku)? {
        Some(row) => Ok(Response::json(200, &row)),
        None => Ok(Response::error(404, "there is no such product")),
    }
}
