//! The other services, as the pages need them.

use std::thread;

use kit::http::{CallError, Client, Request, target};
use kit::json::Value;
use kit::product::Product;
use kit::program::Failure;

/// Whom the pages ask, and what the migration job reported.
pub(crate) struct Shop {
    pub(crate) catalog: Client,
    pub(crate) stock: Client,
    pub(crate) cart: Client,
    pub(crate) reviews: Client,
    pub(crate) search: Client,
    pub(crate) assets: Client,
    pub(crate) schema_version: String,
    pub(crate) seeded: String,
}

/// What stands beside the products of a page. What could not be had is nothing.
#[derive(Debug, Default)]
pub(crate) struct Surroundings {
    /// Pieces by product.
    pub(crate) levels: Option<Value>,
    /// Number and average of the reviews by product.
    pub(crate) summaries: Option<Value>,
    /// What the visitor has put aside.
    pub(crate) cart: Cart,
}

/// The visitor's cart.
#[derive(Debug, Default)]
pub(crate) enum Cart {
    /// Nothing was ever put into one.
    #[default]
    None,
    /// What it comes to.
    Bill { pieces: i64, total_cents: i64 },
    /// It could not be asked for.
    Away,
}

impl Shop {
    /// All products, or those that have the words.
    pub(crate) fn products(&self, words: &str) -> Result<Vec<Product>, Failure> {
        let list = if words.is_empty() {
            self.catalog.json("GET", "/products", None)?
        } else {
            let target = target(&["products"], &[("q", words)]);
            self.search.json("GET", &target, None)?
        };
        Ok(Product::list_from_json(&list)?)
    }

    /// One product; nothing when there is none of that name.
    pub(crate) fn product(&self, sku: &str) -> Result<Option<Product>, Failure> {
        let target = target(&["products", sku], &[]);
        let response = self.catalog.send("GET", &target, &[], None)?;
        if response.status == 404 {
            return Ok(None);
        }
        let product = self.catalog.accept("GET", &target, &response)?;
        Ok(Some(Product::from_json(&product)?))
    }

    /// Asks stock, reviews and cart at the same time.
    pub(crate) fn surroundings(&self, request: &Request) -> Surroundings {
        thread::scope(|scope| {
            let levels = scope.spawn(|| self.stock.json("GET", "/levels", None));
            let summaries = scope.spawn(|| self.reviews.json("GET", "/summaries", None));
            let cart = match cart_id(request) {
                Some(id) => self.bill(id),
                None => Cart::None,
            };
            Surroundings {
                levels: note(levels.join()),
                summaries: note(summaries.join()),
                cart,
            }
        })
    }

    fn bill(&self, id: &str) -> Cart {
        let target = target(&["carts", id], &[]);
        let answer = self.cart.send("GET", &target, &[], None);
        if answer.as_ref().is_ok_and(|answer| answer.status == 404) {
            return Cart::None;
        }
        let answer = answer.and_then(|answer| self.cart.accept("GET", &target, &answer));
        let Some(bill) = note(Ok(answer)) else {
            return Cart::Away;
        };
        match (bill.integer("pieces"), bill.integer("total_cents")) {
            (Ok(pieces), Ok(total_cents)) => Cart::Bill {
                pieces,
                total_cents,
            },
            _ => Cart::Away,
        }
    }
}

/// An answer, or nothing and a line in the log: the page does without it.
fn note(answer: thread::Result<Result<Value, CallError>>) -> Option<Value> {
    match answer {
        Ok(Ok(value)) => Some(value),
        Ok(Err(error)) => {
            kit::log::line("storefront", format_args!("the page does without: {error}"));
            None
        }
        Err(_) => None,
    }
}

/// The visitor's cart, from the cookie.
pub(crate) fn cart_id(request: &Request) -> Option<&str> {
    request
        .header("cookie")?
        .split(';')
        .filter_map(|cookie| cookie.trim().strip_prefix("cart="))
        .find(|id| id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()))
}
