//! One cart: pieces by product.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};

use kit::json::{Mismatch, Object, Value, object};
use kit::product::Product;

/// How many different products fit into a cart.
const LINES: usize = 50;

/// Why a piece was not added.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The stock has no more of it.
    SoldOut,
    /// The cart holds enough different things.
    Full,
}

/// What somebody has put aside.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Cart {
    pieces: BTreeMap<String, i64>,
}

impl Cart {
    /// Reads a row.
    pub(crate) fn from_json(row: &Value) -> Result<Self, Mismatch> {
        let counts = row.members("pieces")?;
        let mut pieces = BTreeMap::new();
        for (sku, count) in counts {
            let Value::Integer(count) = count else {
                return Err(Mismatch {
                    member: sku.clone(),
                    wanted: "a whole number",
                });
            };
            pieces.insert(sku.clone(), *count);
        }
        Ok(Self { pieces })
    }

    /// The row of this cart.
    pub(crate) fn to_json(&self) -> Value {
        let pieces: Object = self
            .pieces
            .iter()
            .map(|(sku, pieces)| (sku.clone(), (*pieces).into()))
            .collect();
        object([("pieces", pieces.into())])
    }

    /// One piece more, of a product of which there are that many.
    pub(crate) fn add(&mut self, sku: &str, available: i64) -> Result<(), Refusal> {
        let there = self.pieces.get(sku).copied().unwrap_or(0);
        if there >= available {
            return Err(Refusal::SoldOut);
        }
        if there == 0 && self.pieces.len() >= LINES {
            return Err(Refusal::Full);
        }
        self.pieces.insert(sku.to_owned(), there + 1);
        Ok(())
    }

    /// What the cart comes to at today's prices. What is no longer sold is left out.
    pub(crate) fn bill(&self, products: &[Product]) -> Value {
        let (mut pieces, mut total) = (0_i64, 0_i64);
        let mut lines = Vec::new();
        for product in products {
            let Some(count) = self.pieces.get(&product.sku) else {
                continue;
            };
            pieces = pieces.saturating_add(*count);
            total = total.saturating_add(product.price_cents.saturating_mul(*count));
            lines.push(object([
                ("sku", product.sku.as_str().into()),
                ("name", product.name.as_str().into()),
                ("pieces", (*count).into()),
            ]));
        }
        object([
            ("lines", lines.into()),
            ("pieces", pieces.into()),
            ("total_cents", total.into()),
        ])
    }
}

/// An id that nobody guesses: 128 bits from the random keys of the standard library's hashing.
pub(crate) fn new_id() -> String {
    let random = || RandomState::new().hash_one("cart");
    format!("{:016x}{:016x}", random(), random())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn product(sku: &str, price_cents: i64) -> Product {
        Product {
            sku: sku.into(),
            name: sku.to_uppercase(),
            category: String::new(),
            price_cents,
            about: String::new(),
            picture: String::new(),
        }
    }

    #[test]
    fn a_cart_adds_up_and_survives_its_row() {
        let mut cart = Cart::default();
        for sku in ["mug", "mug", "jug", "gone"] {
            cart.add(sku, 9).unwrap();
        }
        assert_eq!(Cart::from_json(&cart.to_json()).unwrap(), cart);
        let bill = cart.bill(&[product("jug", 300), product("mug", 1850), product("cup", 1)]);
        assert_eq!(bill.integer("pieces"), Ok(3));
        assert_eq!(bill.integer("total_cents"), Ok(4000));
        assert_eq!(bill.list("lines").unwrap().len(), 2);
    }

    #[test]
    fn nobody_takes_more_than_there_is() {
        let mut cart = Cart::default();
        assert_eq!(cart.add("mug", 0), Err(Refusal::SoldOut));
        assert_eq!(cart.add("mug", 1), Ok(()));
        assert_eq!(cart.add("mug", 1), Err(Refusal::SoldOut));
        for number in 1..LINES {
            cart.add(&format!("sku-{number}"), 1).unwrap();
        }
        assert_eq!(cart.add("one-more", 1), Err(Refusal::Full));
        assert_eq!(cart.add("mug", 2), Ok(()));
    }

    #[test]
    fn ids_differ_and_have_32_digits() {
        let (first, second) = (new_id(), new_id());
        assert_ne!(first, second);
        assert_eq!(first.len(), 32);
        assert!(first.bytes().all(|byte| byte.is_ascii_hexdigit()));
    }
}
