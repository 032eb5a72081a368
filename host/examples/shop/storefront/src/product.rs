//! One product: its page, and the parts of it that the first page shows as well.

use kit::http::{Request, Response, target};
use kit::json::Value;
use kit::product::Product;
use kit::program::Failure;

use crate::html::{count, escape, euros};
use crate::page;
use crate::shop::{Shop, Surroundings};

/// From this many pieces on, the shop does not say how few are left.
const PLENTY: i64 = 4;

/// The page of a product.
pub(crate) fn show(shop: &Shop, request: &Request, sku: &str) -> Result<Response, Failure> {
    let Some(product) = shop.product(sku)? else {
        return Ok(page::trouble(404, "There is no such product."));
    };
    let around = shop.surroundings(request);
    let reviews = shop
        .reviews
        .json("GET", &target(&["products", sku], &[]), None);
    let reviews = match &reviews {
        Ok(Value::List(list)) => list.iter().map(review).collect(),
        _ => "<li>Reviews are not available right now.</li>\n".to_owned(),
    };
    let main = format!(
        "<div class=\"product\">{}<div class=\"facts\">\n<h1>{}</h1>\n<p>{}</p>\n<p>{}</p>\n{}\n\
         <p class=\"price\">{}</p>\n{}</div></div>\n\
         <h2>What customers say</h2>\n<ul class=\"reviews\">\n{reviews}</ul>\n{}",
        picture(&product),
        escape(&product.name),
        escape(&product.about),
        rating(&product, &around),
        level(&product, &around),
        euros(product.price_cents),
        add_form(&product, &around),
        review_form(&product),
    );
    Ok(page::show(
        shop,
        request,
        &around.cart,
        &product.name,
        &main,
    ))
}

/// The picture of a product, in words for those who do not see it.
pub(crate) fn picture(product: &Product) -> String {
    format!(
        "<img src=\"/assets/pictures/{}.svg\" alt=\"{}\" width=\"320\" height=\"240\">",
        escape(&product.sku),
        escape(&product.picture)
    )
}

/// What customers think of it, in one line.
pub(crate) fn rating(product: &Product, around: &Surroundings) -> String {
    let Some(summaries) = &around.summaries else {
        return "Reviews are not available right now".to_owned();
    };
    let summary = summaries.get(&product.sku);
    let member = |name| summary.and_then(|summary| summary.integer(name).ok());
    match (member("count"), member("tenths")) {
        (Some(number), Some(tenths)) => format!(
            "{}.{} of 5 stars, {}",
            tenths / 10,
            tenths % 10,
            count(number, "review", "reviews")
        ),
        _ => "No reviews yet".to_owned(),
    }
}

/// Whether it is there, in words.
pub(crate) fn level(product: &Product, around: &Surroundings) -> String {
    match pieces(product, around) {
        None => "<p>Stock is not known right now</p>".to_owned(),
        Some(..=0) => "<p class=\"gone\">Sold out</p>".to_owned(),
        Some(few @ ..PLENTY) => format!("<p class=\"low\">Only {few} left</p>"),
        Some(many) => format!("<p>In stock: {many}</p>"),
    }
}

/// The button that puts one into the cart, unless there is none.
pub(crate) fn add_form(product: &Product, around: &Surroundings) -> String {
    if pieces(product, around).is_some_and(|pieces| pieces <= 0) {
        return String::new();
    }
    format!(
        "<form method=\"post\" action=\"/cart\"><input type=\"hidden\" name=\"sku\" value=\"{}\">\
         <button aria-label=\"Add to cart: {}\">Add to cart</button></form>\n",
        escape(&product.sku),
        escape(&product.name)
    )
}

fn pieces(product: &Product, around: &Surroundings) -> Option<i64> {
    around.levels.as_ref()?.integer(&product.sku).ok()
}

fn review(row: &Value) -> String {
    let text = |name| escape(row.text(name).unwrap_or_default());
    format!(
        "<li><strong>{}</strong>, {} of 5 stars<p>{}</p></li>\n",
        text("author"),
        row.integer("stars").unwrap_or_default(),
        text("text")
    )
}

fn review_form(product: &Product) -> String {
    format!(
        "<h2>Write a review</h2>\n\
         <form class=\"write\" method=\"post\" action=\"/products/{}/reviews\">\n\
         <label>Your name <input name=\"author\" maxlength=\"40\" required></label>\n\
         <label>Stars <select name=\"stars\"><option>5</option><option>4</option>\
         <option>3</option><option>2</option><option>1</option></select></label>\n\
         <label>Review <textarea name=\"text\" rows=\"4\" maxlength=\"1000\" required></textarea></label>\n\
         <button>Send the review</button></form>\n",
        escape(&product.sku)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use kit::json::object;

    fn product() -> Product {
        Product {
            sku: "mug".into(),
            name: "Mug \"<1>\"".into(),
            category: "Cups".into(),
            price_cents: 1850,
            about: String::new(),
            picture: "A mug".into(),
        }
    }

    fn stocked(pieces: i64) -> Surroundings {
        Surroundings {
            levels: Some(object([("mug", pieces.into())])),
            ..Surroundings::default()
        }
    }

    #[test]
    fn levels_are_told_in_words_and_nothing_sold_out_is_offered() {
        for (around, expected, offered) in [
            (stocked(0), "Sold out", false),
            (stocked(3), "Only 3 left", true),
            (stocked(4), "In stock: 4", true),
            (Surroundings::default(), "not known right now", true),
        ] {
            let text = level(&product(), &around);
            assert!(text.contains(expected), "{text}");
            assert_eq!(!add_form(&product(), &around).is_empty(), offered);
        }
        assert!(add_form(&product(), &stocked(1)).contains("Mug &quot;&lt;1&gt;&quot;"));
    }

    #[test]
    fn ratings_are_told_in_words() {
        let mut around = Surroundings::default();
        assert!(rating(&product(), &around).contains("not available"));
        around.summaries = Some(object([]));
        assert_eq!(rating(&product(), &around), "No reviews yet");
        let summary = object([("count", 2.into()), ("tenths", 45.into())]);
        around.summaries = Some(object([("mug", summary)]));
        assert_eq!(rating(&product(), &around), "4.5 of 5 stars, 2 reviews");
    }
}
