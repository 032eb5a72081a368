use serde_json::json;

use super::*;

/// What is wrong with the `with` of a file that has nothing else.
fn check(schema: &Value, text: &str) -> Vec<String> {
    let (document, findings) = Document::parse(text);
    assert_eq!(findings, []);
    let document = document.unwrap();
    let value = document
        .value()
        .pointer("/with")
        .cloned()
        .unwrap_or(json!({}));
    let form = Form::new(schema.clone()).unwrap();
    let findings = form.check(&value, &document, "/with");
    findings
        .into_iter()
        .map(|finding| finding.in_file("f").to_string())
        .collect()
}

#[test]
fn each_kind_of_mistake_has_its_sentence() {
    for (schema, text, expected) in [
        (json!({"minimum": 3}), "2", "`with` must be at least 3"),
        (json!({"maximum": 3}), "4", "`with` must be at most 3"),
        (
            json!({"exclusiveMinimum": 3}),
            "3",
            "`with` must be more than 3",
        ),
        (
            json!({"exclusiveMaximum": 3}),
            "3",
            "`with` must be less than 3",
        ),
        (json!({"minLength": 1}), "''", "`with` must not be empty"),
        (
            json!({"minLength": 3}),
            "ab",
            "`with` must have at least 3 characters",
        ),
        (
            json!({"maxLength": 3}),
            "abcd",
            "`with` must have at most 3 characters",
        ),
        (json!({"minItems": 1}), "[]", "`with` must not be empty"),
        (
            json!({"maxItems": 1}),
            "[a, b]",
            "`with` must have at most 1 items",
        ),
        (
            json!({"uniqueItems": true}),
            "[a, a]",
            "`with` must not name anything twice",
        ),
        (json!({"const": "a"}), "b", "`with` must be `a`"),
        (
            json!({"enum": [1, "b"]}),
            "3",
            "`with` must be one of `1`, `b`, not `3`",
        ),
        (
            json!({"type": "string"}),
            "3",
            "`with` must be text, not a number; put it in quotes",
        ),
        (
            json!({"type": "array"}),
            "a",
            "`with` must be a list, not text; a list of one is written [a]",
        ),
        (
            json!({"type": ["integer", "boolean"]}),
            "a",
            "`with` must be `true` or `false` or a whole number, not text",
        ),
        (
            json!({"type": "string"}),
            "",
            "`with` has no value; give it one, or remove the line",
        ),
        (
            json!({"pattern": "^x", "description": "An x.\nMore."}),
            "a",
            "`with` must match `^x`; it is described as: An x",
        ),
        (
            json!({"multipleOf": 2}),
            "3",
            "`with` is not a multiple of 2",
        ),
        (
            json!({"not": {"type": "integer"}}),
            "3",
            "`with` has a value that is not allowed here",
        ),
    ] {
        let problems = check(&schema, &format!("with: {text}"));
        let problems: Vec<_> = problems
            .iter()
            .map(|text| text.split_once(": ").unwrap().1)
            .collect();
        assert_eq!(problems, [expected], "{schema}");
    }
}

#[test]
fn fields_are_named_and_placed() {
    let schema = json!({
        "type": "object",
        "properties": {
            "command": {"type": "array", "items": {"type": "string"}},
            "user": {"type": "string"},
            "secret": false,
        },
        "required": ["command", "user"],
        "additionalProperties": false,
    });
    let text = "with:\n  comand: [a]\n  secret: 1\n";
    assert_eq!(
        check(&schema, text),
        [
            "f:1:1: `with` lacks the field `user`",
            "f:3:11: `secret` is not allowed here; remove it",
            "f:2:3: unknown field `comand`; did you mean `command`?",
        ]
    );
    let text = "with:\n  command:\n    - a\n    - 1\n  user: u\n";
    assert_eq!(
        check(&schema, text),
        ["f:4:7: `command[1]` must be text, not a number; put it in quotes",]
    );
}

#[test]
fn a_missing_block_is_reported_where_it_would_be() {
    let schema = json!({"required": ["command"]});
    assert_eq!(
        check(&schema, "other: 1"),
        ["f:1:1: `with` lacks the field `command`"]
    );
}

#[test]
fn the_branch_that_was_meant_is_explained() {
    let schema = json!({"anyOf": [
        {"type": "string"},
        {"type": "object", "properties": {"file": {"type": "string"}}, "required": ["file"], "additionalProperties": false},
    ]});
    assert_eq!(
        check(&schema, "with: {file: a, fiel: b}"),
        ["f:1:17: unknown field `fiel`; did you mean `file`?"]
    );
    assert_eq!(
        check(&schema, "with: [a]"),
        ["f:1:7: `with` must be text or a mapping, not a list"]
    );
}

#[test]
fn a_tag_tells_branches_apart() {
    let kind = |name: &str, field: &str| {
        json!({
            "type": "object",
            "properties": {"kind": {"const": name}, field: {"type": "integer"}},
            "required": ["kind", field],
            "additionalProperties": false,
        })
    };
    let schema = json!({"oneOf": [kind("file", "mode"), kind("link", "depth")]});
    assert_eq!(
        check(&schema, "with: {kind: link, depth: x}"),
        ["f:1:27: `depth` must be a whole number, not text"]
    );
    assert_eq!(
        check(&schema, "with: {kind: lnk, depth: 1}"),
        ["f:1:14: `kind` must be one of `file`, `link`, not `lnk`; did you mean `link`?"]
    );
}

#[test]
fn schemas_that_reach_out_or_backtrack_are_refused() {
    for schema in [
        json!({"$ref": "https://schemas.invalid/x.json"}),
        json!({"pattern": "^(?=a)b"}),
        json!({"type": "objekt"}),
        json!({"$ref": "#/$defs/none"}),
    ] {
        assert!(Form::new(schema.clone()).is_err(), "{schema}");
    }
}

#[test]
fn schemas_that_mean_themselves_end() {
    let schema = json!({"$ref": "#", "allOf": [{"$ref": "#"}]});
    assert_eq!(check(&schema, "with: 1"), [""; 0]);
}
