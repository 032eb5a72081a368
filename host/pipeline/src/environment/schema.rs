//! The JSON Schema of the environment file, for editors and for [`shape`](super::shape).
//!
//! It is generated from the types that the file is read into, so that the two cannot disagree.

use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use serde_json::Value;

use super::file::EnvironmentFile;

/// The JSON Schema (2020-12) of `stagewright.yaml`.
pub fn schema() -> Value {
    let settings = SchemaSettings::draft2020_12().with_transform(NoNull);
    let mut schema = settings
        .into_generator()
        .into_root_schema_for::<EnvironmentFile>();
    schema.insert("title".to_owned(), "Stagewright environment".into());
    schema.to_value()
}

/// What may be left out may not be empty instead: `image:` with nothing behind it is more
/// likely a slip than a wish.
#[derive(Clone)]
struct NoNull;

impl Transform for NoNull {
    fn transform(&mut self, schema: &mut Schema) {
        transform_subschemas(self, schema);
        let Some(keywords) = schema.as_object_mut() else {
            return;
        };
        if let Some(types) = keywords.get_mut("type")
            && let Value::Array(list) = types
        {
            list.retain(|kind| kind != "null");
            if let [only] = list.as_slice() {
                *types = only.clone();
            }
        }
        let Some(Value::Array(mut branches)) = keywords.remove("anyOf") else {
            return;
        };
        branches.retain(|branch| branch.get("type").is_none_or(|kind| kind != "null"));
        match branches.as_slice() {
            [Value::Object(only)] => keywords.extend(only.clone()),
            _ => {
                keywords.insert("anyOf".to_owned(), Value::Array(branches));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SNAPSHOT: &str = include_str!("../../../stagewright.schema.json");

    #[test]
    fn the_schema_beside_the_program_is_this_one() {
        let text = format!("{:#}\n", schema());
        if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
            let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../stagewright.schema.json");
            std::fs::write(path, text).unwrap();
            return;
        }
        assert_eq!(text, SNAPSHOT, "UPDATE_SNAPSHOTS=1 cargo test rewrites it");
    }

    #[test]
    fn nothing_may_be_null() {
        let text = schema().to_string();
        assert!(!text.contains("null"), "{text}");
    }
}
