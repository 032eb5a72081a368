//! What the shop starts with, from the files in `seed/`.

use kit::json::{self, Value};
use kit::log;
use kit::product::Product;
use kit::program::Failure;
use kit::store::Store;

const PRODUCTS: &str = include_str!("../seed/products.json");
const REVIEWS: &str = include_str!("../seed/reviews.json");

/// Writes the products that are new or have changed, and an opening stock for new ones. Answers
/// with the number of products in the file.
pub(crate) fn products(store: &Store) -> Result<usize, Failure> {
    let seeds = seeds(PRODUCTS)?;
    let (mut written, mut stocked) = (0, 0);
    for seed in &seeds {
        let product = Product::from_json(seed)?;
        let row = product.to_json();
        if store.get("products", &product.sku)?.as_ref() != Some(&row) {
            store.put("products", &product.sku, &row)?;
            written += 1;
        }
        let level = json::object([("pieces", seed.integer("stock")?.into())]);
        if store.put_new("stock", &product.sku, &level)? {
            stocked += 1;
        }
    }
    log::line(
        "migrate",
        format_args!(
            "{} products: {written} written, {stocked} stocked for the first time",
            seeds.len()
        ),
    );
    Ok(seeds.len())
}

/// Writes the reviews that are not there yet.
pub(crate) fn reviews(store: &Store) -> Result<(), Failure> {
    for mut seed in seeds(REVIEWS)? {
        let id = seed.text("id")?.to_owned();
        if let Value::Object(members) = &mut seed {
            members.remove("id");
        }
        store.put_new("reviews", &id, &seed)?;
    }
    Ok(())
}

fn seeds(file: &str) -> Result<Vec<Value>, Failure> {
    match json::parse(file)? {
        Value::List(seeds) => Ok(seeds),
        _ => Err("a seed file is not a list".into()),
    }
}
