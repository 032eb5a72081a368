//! What is done with carts, see the table in `main.rs`.

use std::sync::{Mutex, PoisonError};

use kit::http::{Client, Request, Response, target};
use kit::json::object;
use kit::product::Product;
use kit::program::Failure;
use kit::store::Store;

use crate::cart::{Cart, Refusal, new_id};

/// The table of the database that holds the carts.
const TABLE: &str = "carts";

/// The carts, and whom they ask.
pub(crate) struct Carts {
    pub(crate) store: Store,
    pub(crate) catalog: Client,
    pub(crate) stock: Client,
    /// Held while a cart is read, changed and written, so that no piece is lost in between.
    pub(crate) changing: Mutex<()>,
}

impl Carts {
    /// Answers one request.
    pub(crate) fn answer(&self, request: &Request) -> Response {
        let (method, path) = request.route();
        let answer = match (method, path.as_slice()) {
            ("GET", ["healthz"]) => self.health(),
            ("GET", ["carts", id]) => self.show(id),
            ("POST", ["lines"]) => self.add(request),
            ("DELETE", ["carts", id]) => self.forget(id),
            (_, ["carts" | "lines", ..]) => Ok(Response::error(405, "not with this method")),
            _ => Ok(Response::error(404, "carts are at /carts")),
        };
        answer.unwrap_or_else(|error| Response::error(503, error.to_string()))
    }

    fn health(&self) -> Result<Response, Failure> {
        self.products()?;
        self.stock.json("GET", "/levels", None)?;
        Ok(Response::text(200, "ok\n"))
    }

    fn show(&self, id: &str) -> Result<Response, Failure> {
        match self.find(id)? {
            Some(cart) => Ok(Response::json(200, &cart.bill(&self.products()?))),
            None => Ok(Response::error(404, "there is no such cart")),
        }
    }

    fn add(&self, request: &Request) -> Result<Response, Failure> {
        let wish = request.json().and_then(|body| {
            let sku = body.text("sku").map_err(|error| error.to_string())?;
            let cart = body.text("cart").ok().map(str::to_owned);
            Ok((sku.to_owned(), cart))
        });
        let (sku, id) = match wish {
            Ok(wish) => wish,
            Err(problem) => return Ok(Response::error(400, problem)),
        };
        let Some(available) = self.available(&sku)? else {
            return Ok(Response::error(404, "there is no such product"));
        };
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let (id, mut cart) = match id {
            Some(id) => match self.find(&id)? {
                Some(cart) => (id, cart),
                // It was forgotten, or belongs to a database of the past.
                None => (new_id(), Cart::default()),
            },
            None => (new_id(), Cart::default()),
        };
        match cart.add(&sku, available) {
            Ok(()) => {
                self.store.put(TABLE, &id, &cart.to_json())?;
                Ok(Response::json(200, &object([("cart", id.into())])))
            }
            Err(Refusal::SoldOut) => Ok(Response::error(409, "there are no more of these")),
            Err(Refusal::Full) => Ok(Response::error(422, "no more different things fit in")),
        }
    }

    fn find(&self, id: &str) -> Result<Option<Cart>, Failure> {
        match self.store.get(TABLE, id)? {
            Some(row) => Ok(Some(Cart::from_json(&row)?)),
            None => Ok(None),
        }
    }

    fn forget(&self, id: &str) -> Result<Response, Failure> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        self.store.delete(TABLE, id)?;
        Ok(Response::json(200, &object([])))
    }

    /// How many pieces the stock has; nothing for what it does not know.
    fn available(&self, sku: &str) -> Result<Option<i64>, Failure> {
        let target = target(&["levels", sku], &[]);
        let response = self.stock.send("GET", &target, &[], None)?;
        if response.status == 404 {
            return Ok(None);
        }
        let level = self.stock.accept("GET", &target, &response)?;
        Ok(Some(level.integer("pieces")?))
    }

    fn products(&self) -> Result<Vec<Product>, Failure> {
        let list = self.catalog.json("GET", "/products", None)?;
        Ok(Product::list_from_json(&list)?)
    }
}
