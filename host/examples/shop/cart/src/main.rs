//! The carts of the shop: what each visitor has put aside, and what it costs.
//!
//! It exists so that prices and amounts are checked where they are added up: prices come from
//! the catalogue at every look, and nobody puts more into a cart than the stock has.
//!
//! | request | answer |
//! | --- | --- |
//! | `GET /healthz` | 200 when catalogue and stock answer |
//! | `GET /carts/ID` | `lines`, `pieces` and `total_cents` |
//! | `POST /lines` | adds one piece of `sku` to `cart`, or to a new one: `{"cart": ID}`; 409 when there are no more, 422 when the cart is full |
//! | `DELETE /carts/ID` | forgets the cart |

mod cart;
mod routes;

use std::process::ExitCode;
use std::sync::Mutex;

use kit::http::{Client, Server};
use kit::store::Store;
use kit::{program, setting};

use crate::routes::Carts;

fn main() -> ExitCode {
    program::run("cart", || {
        let carts = Carts {
            store: Store::at(setting::address("DB")?),
            catalog: Client::new(setting::address("CATALOG")?),
            stock: Client::new(setting::address("STOCK")?),
            changing: Mutex::new(()),
        };
        let server = Server::bind("cart", setting::port()?)?;
        Err(server.run(move |request| carts.answer(request)).into())
    })
}
