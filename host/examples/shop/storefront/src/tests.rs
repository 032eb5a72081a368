//! The pages as a visitor gets them, with one fake in place of all other services.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;

use kit::http::{Client, Request, Response, Server};
use kit::json;
use kit::product::Product;

use crate::shop::Shop;

const CART: &str = "0123456789abcdef0123456789abcdef";

fn product() -> Product {
    Product {
        sku: "mug".into(),
        name: "Mug & more".into(),
        category: "Cups".into(),
        price_cents: 1850,
        about: "Holds tea.".into(),
        picture: "A mug".into(),
    }
}

/// What catalogue, search, stock, reviews, cart and assets would answer.
fn others(request: &Request) -> Response {
    let found = |text: &str| Response::json(200, &json::parse(text).unwrap());
    let (method, path) = request.route();
    match (method, path.as_slice()) {
        ("GET", ["products"]) if request.query("q") == Some("nothing") => {
            Response::json(200, &Product::list_to_json([]))
        }
        ("GET", ["products"]) => Response::json(200, &Product::list_to_json([&product()])),
        ("GET", ["levels"]) => found(r#"{"mug": 2}"#),
        ("GET", ["summaries"]) => found(r#"{"mug": {"count": 1, "tenths": 50}}"#),
        ("GET", ["carts", CART]) => found(r#"{"lines": [], "pieces": 1, "total_cents": 1850}"#),
        ("POST", ["lines"]) => match request.json().unwrap().text("sku").unwrap() {
            "mug" => found(&format!(r#"{{"cart": "{CART}"}}"#)),
            "jug" => Response::error(409, "sold out"),
            _ => Response::error(404, "no such product"),
        },
        ("GET", ["shop.css"]) => Response::new(200, "text/css", "/**/"),
        _ => Response::error(404, "nothing here"),
    }
}

/// A form as a browser sends it; the head and the body of the answer.
fn post(shop: &SocketAddr, target: &str, form: &str) -> (String, String) {
    let mut stream = TcpStream::connect(shop).unwrap();
    write!(
        stream,
        "POST {target} HTTP/1.1\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (format!("{head}\r\n"), body.to_owned())
}

fn start(handler: impl Fn(&Request) -> Response + Send + Sync + 'static) -> SocketAddr {
    let server = Server::bind("test", 0).unwrap();
    let address = server.address();
    thread::spawn(move || server.run(handler));
    address
}

fn client(address: SocketAddr) -> Client {
    Client::new(address.to_string())
}

/// A storefront; its catalogue and search are there, and the rest when `complete`.
fn storefront(complete: bool) -> SocketAddr {
    let here = client(start(others));
    let rest = if complete { here.clone() } else { gone() };
    let shop = Shop {
        catalog: here.clone(),
        search: here,
        stock: rest.clone(),
        cart: rest.clone(),
        reviews: rest.clone(),
        assets: rest,
        schema_version: "3".into(),
        seeded: "12".into(),
    };
    start(move |request| crate::answer(&shop, request))
}

/// A service that is not there.
fn gone() -> Client {
    Client::new(Server::bind("gone", 0).unwrap().address().to_string())
}

fn page(shop: &Client, target: &str, cookie: &str) -> String {
    let answer = shop
        .send("GET", target, &[("Cookie", cookie)], None)
        .unwrap();
    assert_eq!(answer.status, 200, "{target}");
    String::from_utf8(answer.body).unwrap()
}

#[test]
fn the_first_page_has_what_all_services_know() {
    let shop = client(storefront(true));
    let page = page(&shop, "/?note=added", &format!("a=b; cart={CART}"));
    for part in [
        "<h1>Everything we make</h1>",
        "1 product in the database",
        "Mug &amp; more",
        "€18.50",
        "Only 2 left",
        "5.0 of 5 stars, 1 review",
        "Your cart: 1 piece, €18.50",
        "alt=\"A mug\"",
        "schema version 3",
        "seeded 12 products",
        "One piece was put into your cart.",
    ] {
        assert!(page.contains(part), "{part} is missing in {page}");
    }
}

#[test]
fn a_search_shows_what_was_found_and_repeats_the_words_safely() {
    let shop = client(storefront(true));
    assert!(page(&shop, "/?q=%3Cb%3E", "").contains("1 product for “&lt;b&gt;”"));
    assert!(page(&shop, "/?q=nothing", "").contains("No product has the words “nothing”"));
}

#[test]
fn the_page_does_without_services_that_are_away() {
    let shop = client(storefront(false));
    let page = page(&shop, "/", &format!("cart={CART}"));
    for part in [
        "Mug &amp; more",
        "Stock is not known right now",
        "Reviews are not available right now",
        "Your cart is not available right now",
    ] {
        assert!(page.contains(part), "{part} is missing in {page}");
    }
    let asset = shop.send("GET", "/assets/shop.css", &[], None).unwrap();
    assert_eq!(asset.status, 503);
}

#[test]
fn without_products_there_is_no_page_and_no_inner_address_on_it() {
    let gone = gone();
    let shop = Shop {
        catalog: gone.clone(),
        search: gone.clone(),
        stock: gone.clone(),
        cart: gone.clone(),
        reviews: gone.clone(),
        assets: gone,
        schema_version: "3".into(),
        seeded: "12".into(),
    };
    let shop = client(start(move |request| crate::answer(&shop, request)));
    let answer = shop.send("GET", "/", &[], None).unwrap();
    assert_eq!(answer.status, 503);
    assert!(
        !String::from_utf8(answer.body)
            .unwrap()
            .contains("127.0.0.1")
    );
    let health = shop.send("GET", "/healthz", &[], None).unwrap();
    assert_eq!(health.status, 503);
}

#[test]
fn a_form_puts_one_piece_into_a_cart_that_the_browser_then_keeps() {
    let shop = storefront(true);
    let (head, _) = post(&shop, "/cart", "sku=mug");
    assert!(head.starts_with("HTTP/1.1 303 "), "{head}");
    assert!(head.contains("Location: /?note=added\r\n"), "{head}");
    let cookie =
        format!("Set-Cookie: cart={CART}; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax");
    assert!(head.contains(&cookie), "{head}");
    let (head, _) = post(&shop, "/cart", "sku=jug");
    assert!(head.contains("Location: /?note=sold-out\r\n"), "{head}");
    let (head, page) = post(&shop, "/cart", "sku=other");
    assert!(head.starts_with("HTTP/1.1 404 "), "{head}");
    assert!(page.contains("There is no such product."), "{page}");
}

#[test]
fn files_are_handed_through() {
    let shop = client(storefront(true));
    let answer = shop.send("GET", "/assets/shop.css", &[], None).unwrap();
    assert_eq!(answer.header("content-type"), Some("text/css"));
    assert_eq!(answer.body, b"/**/");
    assert_eq!(shop.send("GET", "/none", &[], None).unwrap().status, 404);
}
