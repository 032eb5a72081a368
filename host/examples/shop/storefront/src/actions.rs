//! What the forms do. Each one ends by sending the browser to a page that says what happened.

use kit::http::{Request, Response, target};
use kit::json::{Value, object};
use kit::program::Failure;

use crate::page;
use crate::shop::{Shop, cart_id};

/// How long a browser keeps its cart, in seconds: 30 days.
const KEEP: u32 = 30 * 24 * 60 * 60;

/// Puts one piece into the visitor's cart, which is made when there is none.
pub(crate) fn add(shop: &Shop, request: &Request) -> Result<Response, Failure> {
    let Some(sku) = field(request, "sku") else {
        return Ok(page::trouble(400, "The form does not name a product."));
    };
    let cart = cart_id(request).map_or(Value::Null, Value::from);
    let wish = object([("sku", sku.into()), ("cart", cart)]);
    let answer = shop.cart.send("POST", "/lines", &[], Some(&wish))?;
    match answer.status {
        404 => return Ok(page::trouble(404, "There is no such product.")),
        409 => return Ok(Response::see_other("/?note=sold-out")),
        422 => return Ok(Response::see_other("/?note=full")),
        _ => {}
    }
    let cart = shop.cart.accept("POST", "/lines", &answer)?;
    let id = cart.text("cart")?;
    let cookie = format!("cart={id}; Path=/; Max-Age={KEEP}; HttpOnly; SameSite=Lax");
    Ok(Response::see_other("/?note=added").with_header("Set-Cookie", &cookie))
}

/// Forgets the visitor's cart.
pub(crate) fn empty(shop: &Shop, request: &Request) -> Result<Response, Failure> {
    if let Some(id) = cart_id(request) {
        shop.cart
            .json("DELETE", &target(&["carts", id], &[]), None)?;
    }
    Ok(Response::see_other("/?note=emptied").with_header(
        "Set-Cookie",
        "cart=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax",
    ))
}

/// Adds a review of a product.
pub(crate) fn review(shop: &Shop, request: &Request, sku: &str) -> Result<Response, Failure> {
    let text = |name| field(request, name).unwrap_or_default();
    let stars = text("stars").parse().unwrap_or(0);
    let review = object([
        ("author", text("author").into()),
        ("stars", Value::Integer(stars)),
        ("text", text("text").into()),
    ]);
    let place = target(&["products", sku], &[]);
    let answer = shop.reviews.send("POST", &place, &[], Some(&review))?;
    let note = match answer.status {
        201 => "thanks",
        422 => "review-incomplete",
        404 => return Ok(page::trouble(404, "There is no such product.")),
        _ => return Ok(page::trouble(503, "Reviews cannot be added right now.")),
    };
    let page = target(&["products", sku], &[("note", note)]);
    Ok(Response::see_other(&page))
}

fn field(request: &Request, name: &str) -> Option<String> {
    let fields = request.form()?;
    let (_, value) = fields.into_iter().find(|(field, _)| field == name)?;
    Some(value)
}
