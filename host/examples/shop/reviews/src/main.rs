//! The reviews of the shop: what customers say, and how many stars they give.
//!
//! It exists so that opinions are checked once, before they are kept. It never changes or
//! removes one that is there.
//!
//! | request | answer |
//! | --- | --- |
//! | `GET /healthz` | 200 when reviews can be read |
//! | `GET /summaries` | by product: how many there are and the average, in tenths of a star |
//! | `GET /products/SKU` | the reviews of a product, oldest first |
//! | `POST /products/SKU` | adds one: `author`, `stars` from 1 to 5, `text` |

mod review;

use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

use kit::http::{CallError, Client, Request, Response, Server, target};
use kit::json::Value;
use kit::store::{Store, StoreError};
use kit::{program, setting};

use crate::review::{Review, Summaries};

/// How many reviews there may be of one product.
const LIMIT: usize = 200;

struct Reviews {
    store: Store,
    catalog: Client,
    /// Held while one is added, so that two never take the same id.
    adding: Mutex<()>,
}

fn main() -> ExitCode {
    program::run("reviews", || {
        let reviews = Reviews {
            store: Store::at(setting::address("DB")?),
            catalog: Client::new(setting::address("CATALOG")?),
            adding: Mutex::new(()),
        };
        let server = Server::bind("reviews", setting::port()?)?;
        Err(server.run(move |request| reviews.answer(request)).into())
    })
}

impl Reviews {
    fn answer(&self, request: &Request) -> Response {
        let (method, path) = request.route();
        let answer = match (method, path.as_slice()) {
            ("GET", ["healthz"]) => self.summaries().map(|_| Response::text(200, "ok\n")),
            ("GET", ["summaries"]) => self.summaries().map(|all| Response::json(200, &all)),
            ("GET", ["products", sku]) => self.list(sku),
            ("POST", ["products", sku]) => self.add(sku, request),
            (_, ["products" | "summaries", ..]) => Ok(Response::error(405, "not with this method")),
            _ => Ok(Response::error(404, "reviews are at /products/SKU")),
        };
        answer.unwrap_or_else(|error| Response::error(503, error.to_string()))
    }

    fn summaries(&self) -> Result<Value, StoreError> {
        let mut summaries = Summaries::default();
        for row in self.store.rows("reviews", None)?.values() {
            summaries.count(row.text("sku")?, row.integer("stars")?);
        }
        Ok(summaries.to_json())
    }

    fn list(&self, sku: &str) -> Result<Response, StoreError> {
        let rows = self.store.rows("reviews", Some(("sku", sku)))?;
        let list: Vec<Value> = rows.into_values().collect();
        Ok(Response::json(200, &list.into()))
    }

    fn add(&self, sku: &str, request: &Request) -> Result<Response, StoreError> {
        let review = match request.json().and_then(|body| Review::read(&body)) {
            Ok(review) => review,
            Err(problem) => return Ok(Response::error(422, problem)),
        };
        if !self.exists(sku)? {
            return Ok(Response::error(404, "there is no such product"));
        }
        let _adding = self.adding.lock().unwrap_or_else(PoisonError::into_inner);
        if self.store.rows("reviews", Some(("sku", sku)))?.len() >= LIMIT {
            return Ok(Response::error(409, "this product has enough reviews"));
        }
        let rows = self.store.rows("reviews", None)?;
        let id = review::next_id(rows.keys().next_back().map(String::as_str));
        let row = review.to_json(sku);
        if !self.store.put_new("reviews", &id, &row)? {
            return Ok(Response::error(503, "another program adds reviews, too"));
        }
        Ok(Response::json(201, &row))
    }

    fn exists(&self, sku: &str) -> Result<bool, CallError> {
        let target = target(&["products", sku], &[]);
        let response = self.catalog.send("GET", &target, &[], None)?;
        if response.status == 404 {
            return Ok(false);
        }
        self.catalog.accept("GET", &target, &response)?;
        Ok(true)
    }
}
