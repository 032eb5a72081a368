use serde::Deserialize;
use serde_json::json;

use super::*;
use crate::Description;

#[derive(Deserialize)]
struct Config {
    depth: u8,
}

struct Good;

impl Plugin for Good {
    type Config = Config;

    fn describe() -> Description {
        Description::new("good", "1.0.0", "Does well.")
            .need("images", "", "to have something to do")
            .schema(
                r#"{"type":"object","additionalProperties":false,"properties":{
                    "depth":{"type":"integer","description":"How deep."}}}"#,
            )
    }

    fn validate(config: &Config) -> Vec<Problem> {
        match config.depth {
            0 => vec![Problem::new("/depth", "Nothing is that shallow.")],
            _ => Vec::new(),
        }
    }
}

struct Bad;

impl Plugin for Bad {
    type Config = Config;

    fn describe() -> Description {
        Description::new("Bad Name", "1", "Two\nlines.")
            .need("everything", "", "")
            .schema(r#"{"type":"object","properties":{"depth":{"type":"integer"}}}"#)
    }
}

#[test]
fn a_good_description_has_no_defects() {
    assert!(defects::<Good>().is_empty());
}

#[test]
fn every_defect_is_named() {
    let expected = [
        "The name `Bad Name` is not plain.",
        "The version `1` is not x.y.z.",
        "The summary is not one line.",
        "`everything` is no capability.",
        "It does not say why it needs everything.",
        "The object at `` takes unknown fields.",
        "The field at `/depth` is not described.",
    ];
    assert_eq!(defects::<Bad>(), expected);
}

#[test]
fn problems_come_from_the_type_and_from_the_plugin() {
    assert!(problems::<Good>(&json!({"depth": 1})).is_empty());
    let found = problems::<Good>(&json!({"depth": 0}));
    assert_eq!(found, [Problem::new("/depth", "Nothing is that shallow.")]);
    let unreadable = problems::<Good>(&json!({"depth": "one"}));
    assert!(unreadable[0].message.contains("invalid type"));
}

#[test]
fn time_outside_the_sandbox_moves_when_somebody_sleeps() {
    use std::time::Duration;
    let start = crate::clock::elapsed();
    assert!(crate::clock::sleep(Duration::from_secs(3_600)));
    assert_eq!(crate::clock::elapsed() - start, Duration::from_secs(3_600));
}
