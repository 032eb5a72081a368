use super::*;

fn problem(text: &str) -> String {
    parse(text).unwrap_err().to_string()
}

#[test]
fn every_kind_of_value_is_read() {
    let value = parse(
        r#" {"a": [1, -2.5, 1e3, true, false, null], "b": {"c": "\u00e9\n\ud83c\udf75\/\"\\"}} "#,
    )
    .unwrap();
    assert_eq!(
        value.list("a").unwrap(),
        [
            Value::Integer(1),
            Value::Decimal(-2.5),
            Value::Decimal(1000.0),
            Value::Bool(true),
            Value::Bool(false),
            Value::Null,
        ]
    );
    assert_eq!(
        value.get("b").unwrap().text("c"),
        Ok("\u{e9}\n\u{1f375}/\"\\")
    );
    assert!(value.members("b").unwrap().contains_key("c"));
}

#[test]
fn what_is_written_is_read_back() {
    for text in [
        r#"{"a":[1,-2.5,1e300,true,null,[],{}],"b":"\"\\\n\t\u0001 é 🍵"}"#,
        "-9223372036854775808",
        "1.0",
        r#""""#,
    ] {
        let value = parse(text).unwrap();
        let written = value.to_string();
        assert_eq!(parse(&written).unwrap(), value, "{written}");
        assert!(!written.contains('\n'), "{written}");
    }
    assert_eq!(Value::Decimal(f64::NAN).to_string(), "null");
    assert_eq!(
        object([("b", 1.into()), ("a", "x".into())]).to_string(),
        r#"{"a":"x","b":1}"#
    );
}

#[test]
fn large_whole_numbers_become_decimals_and_endless_ones_are_refused() {
    assert_eq!(
        parse("9223372036854775808").unwrap(),
        Value::Decimal(9_223_372_036_854_775_808.0)
    );
    assert_eq!(
        problem("1e999"),
        "not JSON: the number before this is too large at byte 5"
    );
}

#[test]
fn mistakes_are_named_with_their_place() {
    for (text, expected) in [
        ("", "a value is missing at byte 0"),
        ("[1,]", "a value cannot begin like this at byte 3"),
        ("[1 2]", "`,` or `]` is missing at byte 3"),
        (r#"{"a" 1}"#, "`:` is missing at byte 5"),
        (r#"{"a":1,}"#, "a string is missing at byte 7"),
        (r#"{"a":1,"a":2}"#, "a name appears twice at byte 7"),
        ("01", "something follows the value at byte 1"),
        ("-", "a digit is missing at byte 1"),
        ("1.", "a digit is missing at byte 2"),
        ("nul", "only true, false and null are words at byte 0"),
        ("\"a", "the string does not end at byte 1"),
        ("\"a\nb\"", "a control character must be escaped at byte 2"),
        (r#""\x""#, "there is no such escape at byte 2"),
        (
            r#""\u+123""#,
            "four hexadecimal digits are missing at byte 3",
        ),
        (
            r#""\ud83c""#,
            "half of a surrogate pair stands alone at byte 7",
        ),
        (
            r#""\ud83c\u0041""#,
            "half of a surrogate pair stands alone at byte 13",
        ),
        (
            r#""\udf75""#,
            "half of a surrogate pair stands alone at byte 7",
        ),
        ("{} {}", "something follows the value at byte 3"),
    ] {
        assert_eq!(problem(text), format!("not JSON: {expected}"), "{text}");
    }
}

#[test]
fn nesting_is_bounded() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(parse(&nested(DEPTH)).is_ok());
    assert!(problem(&nested(100_000)).contains("nested too deeply"));
}

#[test]
fn members_of_another_kind_are_named() {
    let value = parse(r#"{"price":"12"}"#).unwrap();
    assert_eq!(
        value.integer("price").unwrap_err().to_string(),
        "`price` is missing or is not a whole number"
    );
    assert_eq!(
        value.text("name").unwrap_err().to_string(),
        "`name` is missing or is not a string"
    );
}
