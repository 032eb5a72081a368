//! The first page: the products, all of them or those that were searched for.

use kit::http::{Request, Response};
use kit::product::Product;
use kit::program::Failure;

use crate::html::{count, escape, euros};
use crate::page;
use crate::product::{add_form, level, picture, rating};
use crate::shop::{Shop, Surroundings};

/// How many characters of a search count.
const WORDS: usize = 100;

/// The page with the products.
pub(crate) fn show(shop: &Shop, request: &Request) -> Result<Response, Failure> {
    let words: String = request
        .query("q")
        .unwrap_or_default()
        .trim()
        .chars()
        .take(WORDS)
        .collect();
    let products = shop.products(&words)?;
    let around = shop.surroundings(request);
    let number = i64::try_from(products.len())?;
    let heading = match (words.is_empty(), number) {
        (true, _) => format!(
            "<h1>Everything we make</h1>\n<p>{} in the database.</p>\n",
            count(number, "product", "products")
        ),
        (false, 0) => format!(
            "<h1>Nothing found</h1>\n<p>No product has the words “{}”. <a href=\"/\">Show everything</a></p>\n",
            escape(&words)
        ),
        (false, _) => format!(
            "<h1>{} for “{}”</h1>\n<p><a href=\"/\">Show everything</a></p>\n",
            count(number, "product", "products"),
            escape(&words)
        ),
    };
    let cards: String = products
        .iter()
        .map(|product| card(product, &around))
        .collect();
    let main = format!("{heading}<ul class=\"grid\">\n{cards}</ul>\n");
    Ok(page::show(
        shop,
        request,
        &around.cart,
        "Everything we make",
        &main,
    ))
}

fn card(product: &Product, around: &Surroundings) -> String {
    format!(
        "<li class=\"card\">{}<div>\n<p class=\"category\">{}</p>\n\
         <h2><a href=\"/products/{}\">{}</a></h2>\n<p class=\"about\">{}</p>\n<p>{}</p>\n{}\n<p class=\"price\">{}</p>\n{}</div></li>\n",
        picture(product),
        escape(&product.category),
        escape(&product.sku),
        escape(&product.name),
        escape(&product.about),
        rating(product, around),
        level(product, around),
        euros(product.price_cents),
        add_form(product, around),
    )
}
