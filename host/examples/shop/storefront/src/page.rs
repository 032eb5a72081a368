//! What all pages have around them: the head with search and cart, and the foot.

use kit::http::{Request, Response};

use crate::html::{count, escape, euros};
use crate::shop::{Cart, Shop};

/// What a visitor is told after a form, by the name that stands in the address.
const NOTES: [(&str, &str); 6] = [
    ("added", "One piece was put into your cart."),
    ("sold-out", "There are no more of these."),
    ("full", "No more different things fit into your cart."),
    ("emptied", "Your cart is empty."),
    ("thanks", "Thank you for your review."),
    (
        "review-incomplete",
        "A review needs a name of at most 40 and a text of at most 1,000 characters.",
    ),
];

/// A whole page of the shop.
pub(crate) fn show(
    shop: &Shop,
    request: &Request,
    cart: &Cart,
    title: &str,
    main: &str,
) -> Response {
    let words = escape(request.query("q").unwrap_or_default());
    let note = request
        .query("note")
        .and_then(|name| NOTES.iter().find(|(known, _)| *known == name))
        .map(|(_, text)| format!("<p class=\"note\" role=\"status\">{text}</p>\n"))
        .unwrap_or_default();
    let header = format!(
        "<header>\n\
         <a class=\"name\" href=\"/\">Kettle &amp; Clay <small>Pots, cups and something to fill them</small></a>\n\
         <form class=\"search\" action=\"/\" role=\"search\">\
         <input type=\"search\" name=\"q\" value=\"{words}\" maxlength=\"100\" aria-label=\"Search the shop\">\
         <button>Search</button></form>\n{}</header>\n",
        cart_line(cart)
    );
    let footer = format!(
        "<footer>\n<p>The shop's database has schema version {}; the migration job seeded {} products.</p>\n</footer>\n",
        escape(&shop.schema_version),
        escape(&shop.seeded)
    );
    document(
        200,
        title,
        &format!("{header}<main id=\"main\">\n{note}{main}</main>\n{footer}"),
    )
}

/// A page that says what is wrong, without anything that would need the other services.
pub(crate) fn trouble(status: u16, text: &str) -> Response {
    let body = format!(
        "<main id=\"main\">\n<h1>Kettle &amp; Clay</h1>\n<p class=\"note\">{}</p>\n\
         <p><a href=\"/\">To the shop</a></p>\n</main>\n",
        escape(text)
    );
    document(status, "Something is wrong", &body)
}

fn document(status: u16, title: &str, body: &str) -> Response {
    let page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{} – Kettle &amp; Clay</title>\n\
         <link rel=\"icon\" href=\"/assets/pictures/teapot-moss.svg\">\n\
         <link rel=\"stylesheet\" href=\"/assets/shop.css\">\n</head>\n<body>\n\
         <a class=\"skip\" href=\"#main\">Skip to the content</a>\n{body}</body>\n</html>\n",
        escape(title)
    );
    Response::html(status, page)
        .with_header("Cache-Control", "no-store")
        .with_header("X-Content-Type-Options", "nosniff")
        .with_header(
            "Content-Security-Policy",
            "default-src 'none'; img-src 'self'; style-src 'self'; form-action 'self'; \
             base-uri 'none'; frame-ancestors 'none'",
        )
}

fn cart_line(cart: &Cart) -> String {
    match cart {
        Cart::None | Cart::Bill { pieces: 0, .. } => {
            "<p class=\"cart\">Your cart is empty</p>\n".to_owned()
        }
        Cart::Bill {
            pieces,
            total_cents,
        } => format!(
            "<form class=\"cart\" method=\"post\" action=\"/cart/empty\">\
             <span>Your cart: {}, {}</span> <button class=\"quiet\">Empty it</button></form>\n",
            count(*pieces, "piece", "pieces"),
            euros(*total_cents)
        ),
        Cart::Away => "<p class=\"cart\">Your cart is not available right now</p>\n".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_is_told_without_markup_from_outside() {
        let page = trouble(503, "no <db>");
        assert_eq!(page.status, 503);
        let text = String::from_utf8(page.body).unwrap();
        assert!(text.contains("no &lt;db&gt;"), "{text}");
    }

    #[test]
    fn the_cart_is_told_in_words() {
        let bill = Cart::Bill {
            pieces: 2,
            total_cents: 3700,
        };
        assert!(cart_line(&bill).contains("Your cart: 2 pieces, €37.00"));
        assert!(cart_line(&Cart::None).contains("empty"));
        assert!(cart_line(&Cart::Away).contains("not available"));
    }
}
