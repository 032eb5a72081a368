//! One review, and what many of them say together.

use std::collections::BTreeMap;

use kit::json::{Value, object};

/// A review that was checked.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Review {
    author: String,
    stars: i64,
    text: String,
}

impl Review {
    /// Checks what a customer sent.
    pub(crate) fn read(body: &Value) -> Result<Self, String> {
        let text = |name, limit| match body.text(name).map(str::trim) {
            Ok(text) if (1..=limit).contains(&text.chars().count()) => Ok(text.to_owned()),
            Ok(_) => Err(format!("`{name}` has not 1 to {limit} characters")),
            Err(error) => Err(error.to_string()),
        };
        let stars = body.integer("stars").map_err(|error| error.to_string())?;
        if !(1..=5).contains(&stars) {
            return Err("`stars` is not from 1 to 5".to_owned());
        }
        Ok(Self {
            author: text("author", 40)?,
            stars,
            text: text("text", 1_000)?,
        })
    }

    /// The row of this review.
    pub(crate) fn to_json(&self, sku: &str) -> Value {
        object([
            ("sku", sku.into()),
            ("author", self.author.as_str().into()),
            ("stars", self.stars.into()),
            ("text", self.text.as_str().into()),
        ])
    }
}

/// The id after this one, in an order that is also the order of time.
pub(crate) fn next_id(last: Option<&str>) -> String {
    let number = last
        .and_then(|id| id.strip_prefix('r'))
        .and_then(|digits| digits.parse::<u32>().ok())
        .unwrap_or(0);
    // Six digits are more than a table has rows, so the order of texts is the order of numbers.
    format!("r{:06}", number.saturating_add(1))
}

/// Stars by product.
#[derive(Debug, Default)]
pub(crate) struct Summaries(BTreeMap<String, (i64, i64)>);

impl Summaries {
    /// Counts one more review.
    pub(crate) fn count(&mut self, sku: &str, stars: i64) {
        let (count, sum) = self.0.entry(sku.to_owned()).or_default();
        *count += 1;
        *sum += stars;
    }

    /// `{"mug": {"count": 2, "tenths": 45}}`.
    pub(crate) fn to_json(&self) -> Value {
        let summary = |(sku, (count, sum)): (&String, &(i64, i64))| {
            // Rounded half up.
            let tenths = (sum * 20 + count) / (count * 2);
            let summary = object([("count", (*count).into()), ("tenths", tenths.into())]);
            (sku.clone(), summary)
        };
        Value::Object(self.0.iter().map(summary).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(author: &str, stars: i64, text: &str) -> Value {
        object([
            ("author", author.into()),
            ("stars", stars.into()),
            ("text", text.into()),
        ])
    }

    #[test]
    fn reviews_are_checked() {
        let good = Review::read(&body(" Ada ", 5, "Good.")).unwrap();
        assert_eq!(
            good.to_json("mug").to_string(),
            r#"{"author":"Ada","sku":"mug","stars":5,"text":"Good."}"#
        );
        for (bad, expected) in [
            (body("", 5, "x"), "`author` has not 1 to 40 characters"),
            (body("x", 6, "x"), "`stars` is not from 1 to 5"),
            (body("x", 0, "x"), "`stars` is not from 1 to 5"),
            (body("x", 1, " "), "`text` has not 1 to 1000 characters"),
            (object([]), "`stars` is missing or is not a whole number"),
        ] {
            assert_eq!(Review::read(&bad), Err(expected.to_owned()));
        }
    }

    #[test]
    fn averages_are_rounded_to_tenths() {
        let mut summaries = Summaries::default();
        for stars in [5, 4, 4] {
            summaries.count("mug", stars);
        }
        summaries.count("jug", 1);
        assert_eq!(
            summaries.to_json().to_string(),
            r#"{"jug":{"count":1,"tenths":10},"mug":{"count":3,"tenths":43}}"#
        );
    }

    #[test]
    fn ids_go_up() {
        assert_eq!(next_id(None), "r000001");
        assert_eq!(next_id(Some("r000999")), "r001000");
    }
}
