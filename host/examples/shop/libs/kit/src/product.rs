//! A product, as the programs of the shop tell each other about it.

use crate::json::{self, Mismatch, Value};

/// A thing that the shop sells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Product {
    /// Names it for ever: lower-case letters, digits and `-`.
    pub sku: String,
    /// For people.
    pub name: String,
    /// What kind of thing it is, for people.
    pub category: String,
    /// Price of one piece in euro cents.
    pub price_cents: i64,
    /// One or two sentences.
    pub about: String,
    /// What its picture shows, for those who do not see it.
    pub picture: String,
}

impl Product {
    /// Reads what [`to_json`](Self::to_json) writes.
    ///
    /// # Errors
    /// When a member is missing or is of another kind.
    pub fn from_json(value: &Value) -> Result<Self, Mismatch> {
        let text = |name| value.text(name).map(str::to_owned);
        Ok(Self {
            sku: text("sku")?,
            name: text("name")?,
            category: text("category")?,
            price_cents: value.integer("price_cents")?,
            about: text("about")?,
            picture: text("picture")?,
        })
    }

    /// Reads what [`list_to_json`](Self::list_to_json) writes.
    ///
    /// # Errors
    /// When it is not such a list.
    pub fn list_from_json(value: &Value) -> Result<Vec<Self>, Mismatch> {
        value
            .list("products")?
            .iter()
            .map(Self::from_json)
            .collect()
    }

    /// `{"products": […]}`, in this order.
    pub fn list_to_json<'a>(products: impl IntoIterator<Item = &'a Self>) -> Value {
        let list: Vec<Value> = products.into_iter().map(Self::to_json).collect();
        json::object([("products", list.into())])
    }

    /// An object with a member for each field.
    pub fn to_json(&self) -> Value {
        json::object([
            ("sku", self.sku.as_str().into()),
            ("name", self.name.as_str().into()),
            ("category", self.category.as_str().into()),
            ("price_cents", self.price_cents.into()),
            ("about", self.about.as_str().into()),
            ("picture", self.picture.as_str().into()),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_product_survives_the_way_through_json() {
        let product = Product {
            sku: "mug".into(),
            name: "Mug".into(),
            category: "Cups".into(),
            price_cents: 1850,
            about: "Holds tea.".into(),
            picture: "A mug".into(),
        };
        assert_eq!(
            Product::list_from_json(&Product::list_to_json([&product])),
            Ok(vec![product])
        );
        assert_eq!(
            Product::from_json(&json::object([("sku", 1.into())]))
                .unwrap_err()
                .member,
            "sku"
        );
    }
}
