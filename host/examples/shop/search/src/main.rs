//! The search of the shop: products by words.
//!
//! It exists so that how products are ranked is decided in one place. It keeps nothing: it asks
//! the catalogue each time, so what it finds is what there is. `search check` asks a running
//! search whether it works, and ends with exit code 0 or 1.
//!
//! | request | answer |
//! | --- | --- |
//! | `GET /healthz` | 200 when the catalogue answers |
//! | `GET /products?q=WORDS` | the products that have all the words, best first |

mod rank;

use std::env;
use std::process::ExitCode;

use kit::http::{Client, Request, Response, Server};
use kit::json::object;
use kit::product::Product;
use kit::program::{self, Failure};
use kit::setting;

fn main() -> ExitCode {
    program::run("search", || match env::args().nth(1).as_deref() {
        None => serve(),
        Some("check") => check(),
        Some(other) => Err(format!("there is no `{other}`; only `check`").into()),
    })
}

fn serve() -> Result<(), Failure> {
    let catalog = Client::new(setting::address("CATALOG")?);
    let server = Server::bind("search", setting::port()?)?;
    Err(server.run(move |request| answer(&catalog, request)).into())
}

/// Asks the search that runs with the same settings.
fn check() -> Result<(), Failure> {
    let running = Client::new(format!("127.0.0.1:{}", setting::port()?));
    running.json("GET", "/healthz", None)?;
    Ok(())
}

fn answer(catalog: &Client, request: &Request) -> Response {
    let (method, path) = request.route();
    let answer = match (method, path.as_slice()) {
        ("GET", ["healthz"]) => products(catalog).map(|_| Response::json(200, &object([]))),
        ("GET", ["products"]) => products(catalog).map(|products| {
            let words = request.query("q").unwrap_or_default();
            let found = rank::best(&products, words);
            Response::json(200, &Product::list_to_json(found))
        }),
        (_, ["products"]) => Ok(Response::error(405, "the search can only be asked")),
        _ => Ok(Response::error(404, "products are at /products?q=WORDS")),
    };
    answer.unwrap_or_else(|error| Response::error(503, error.to_string()))
}

fn products(catalog: &Client) -> Result<Vec<Product>, Failure> {
    let list = catalog.json("GET", "/products", None)?;
    Ok(Product::list_from_json(&list)?)
}
