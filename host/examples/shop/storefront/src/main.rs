//! The pages of the shop, and the only program that visitors talk to.
//!
//! It exists to put together what the others know: products from the catalogue or the search,
//! levels from the stock, stars from the reviews, the cart, and pictures from the assets. When
//! one of them is away the page says so and shows the rest; only without products there is no
//! page. It keeps nothing itself.
//!
//! | request | answer |
//! | --- | --- |
//! | `GET /?q=WORDS` | all products, or those that have the words |
//! | `GET /products/SKU` | one product with its reviews |
//! | `POST /cart`, `POST /cart/empty`, `POST /products/SKU/reviews` | forms |
//! | `GET /assets/…` | files of the assets |
//! | `GET /healthz` | 200 when there are products |

mod actions;
mod home;
mod html;
mod page;
mod product;
mod shop;
#[cfg(test)]
mod tests;

use std::process::ExitCode;

use kit::http::{Client, Request, Response, Server, target};
use kit::program::{self, Failure};
use kit::{log, setting};

use crate::shop::Shop;

fn main() -> ExitCode {
    program::run("storefront", || {
        let shop = shop()?;
        let server = Server::bind("storefront", setting::port()?)?;
        Err(server.run(move |request| answer(&shop, request)).into())
    })
}

fn shop() -> Result<Shop, Failure> {
    let client = |name| setting::address(name).map(Client::new);
    Ok(Shop {
        catalog: client("CATALOG")?,
        stock: client("STOCK")?,
        cart: client("CART")?,
        reviews: client("REVIEWS")?,
        search: client("SEARCH")?,
        assets: client("ASSETS")?,
        schema_version: setting::text("SCHEMA_VERSION")?,
        seeded: setting::text("SEEDED_PRODUCTS")?,
    })
}

fn answer(shop: &Shop, request: &Request) -> Response {
    let (method, path) = request.route();
    let answer = match (method, path.as_slice()) {
        ("GET", []) => home::show(shop, request),
        ("GET", ["products", sku]) => product::show(shop, request, sku),
        ("POST", ["cart"]) => actions::add(shop, request),
        ("POST", ["cart", "empty"]) => actions::empty(shop, request),
        ("POST", ["products", sku, "reviews"]) => actions::review(shop, request, sku),
        ("GET", ["assets", file @ ..]) => asset(shop, file),
        ("GET", ["healthz"]) => shop
            .products("")
            .map(|products| Response::text(200, format!("ok, {} products\n", products.len()))),
        _ => Ok(page::trouble(404, "There is no such page.")),
    };
    answer.unwrap_or_else(|error| {
        log::line("storefront", format_args!("no page: {error}"));
        page::trouble(
            503,
            "The shop cannot serve you right now. Please try again soon.",
        )
    })
}

/// Hands a file through, so that visitors need to reach this program only.
fn asset(shop: &Shop, file: &[&str]) -> Result<Response, Failure> {
    let answer = shop.assets.send("GET", &target(file, &[]), &[], None)?;
    let media_type = answer.header("content-type").unwrap_or("text/plain");
    let caching = answer.header("cache-control").unwrap_or("no-store");
    Ok(
        Response::new(answer.status, media_type, answer.body.as_slice())
            .with_header("Cache-Control", caching)
            .with_header("X-Content-Type-Options", "nosniff"),
    )
}
