use serde_json::json;

use super::*;

fn problems(text: &str) -> Vec<String> {
    let (_, findings) = Document::parse(text);
    findings
        .into_iter()
        .map(|finding| finding.in_file("f").to_string())
        .collect()
}

fn parse(text: &str) -> Document {
    let (document, findings) = Document::parse(text);
    assert_eq!(findings, []);
    document.unwrap()
}

#[test]
fn values_and_places_are_read() {
    let document = parse("a: 1\nb:\n  - x: '2'\n  - {y: 1.10}\nc: |\n  text\n");
    assert_eq!(
        document.value(),
        json!({"a": 1, "b": [{"x": "2"}, {"y": 1.1}], "c": "text\n"})
    );
    let at = |line, column| Position { line, column };
    assert_eq!(document.locate("/a"), at(1, 4));
    assert_eq!(document.locate_key("/a"), at(1, 1));
    assert_eq!(document.locate("/b"), at(2, 1), "a list below its key");
    assert_eq!(document.locate("/b/0/x"), at(3, 8));
    assert_eq!(document.locate("/b/1/y"), at(4, 9));
    assert_eq!(document.locate("/b/1/none/deeper"), at(4, 5));
    assert_eq!(document.written("/b/1/y"), Some("1.10"));
    assert_eq!(document.written("/b/0/x"), None);
    assert_eq!(document.keys("").collect::<Vec<_>>(), ["a", "b", "c"]);
}

#[test]
fn keys_with_slashes_are_found() {
    let document = parse("a/b:\n  c~d: 1\n");
    let pointer = child(&child("", "a/b"), "c~d");
    assert_eq!(pointer, "/a~1b/c~0d");
    assert_eq!(
        document.locate_key(&pointer),
        Position { line: 2, column: 3 }
    );
}

#[test]
fn aliases_stand_for_their_anchor() {
    let document = parse("a: &x {k: 1}\nb: *x\n");
    assert_eq!(document.value(), json!({"a": {"k": 1}, "b": {"k": 1}}));
    assert_eq!(document.locate("/b"), Position { line: 2, column: 4 });
}

#[test]
fn every_repeated_key_is_told_and_the_rest_is_kept() {
    let (document, findings) = Document::parse("a: 1\na: 2\nb: 3\nb: {c: 1}\n");
    let lines: Vec<_> = findings
        .iter()
        .map(|finding| finding.position.line)
        .collect();
    assert_eq!(lines, [2, 4]);
    assert_eq!(document.unwrap().value(), json!({"a": 1, "b": 3}));
}

#[test]
fn what_is_not_read_is_told() {
    for (text, expected) in [
        ("", "f:1:1: the file is empty"),
        ("# nothing\n", "f:1:1: the file is empty"),
        (
            "a: 1\n---\nb: 2\n",
            "f:2:1: a second document starts here; one file describes one environment",
        ),
        (
            "1: a\n",
            "f:1:1: a key must be text, but `1` is read as a number; write \"1\" with quotes",
        ),
        (
            "true: a\n",
            "f:1:1: a key must be text, but `true` is read as a boolean; write \"true\" with quotes",
        ),
        (
            "[a]: b\n",
            "f:1:1: a key must be text, but it is a list; remove it",
        ),
        (
            "a: !thing b\n",
            "f:1:4: the tag `!thing` has no meaning here; remove it",
        ),
        (
            "a: .inf\n",
            "f:1:4: not a number that can be used here; put it in quotes to make it text",
        ),
        (
            "a: &x [*x]\n",
            "f:1:8: an alias that stands for a part of itself",
        ),
    ] {
        assert_eq!(problems(text), [expected], "{text:?}");
    }
}

#[test]
fn a_syntax_error_has_a_place() {
    let problems = problems("a: 1\na: 2\nb: [1, 2\nc: 3\n");
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(problems[0].starts_with("f:2:1: `a` is there twice"));
    assert!(problems[1].contains("not valid YAML"), "{problems:?}");
}

#[test]
fn sizes_are_bounded() {
    let deep = "[".repeat(MAX_DEPTH + 1);
    assert_eq!(problems(&deep), ["f:1:65: nested deeper than 64 levels"]);
    let fits = format!("{}{}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH));
    assert_eq!(problems(&fits), [""; 0]);
    let large = " ".repeat(MAX_BYTES + 1);
    assert_eq!(problems(&large), ["f:1:1: the file is larger than 4 MiB"]);
    let many = format!("[{}]", "1,".repeat(MAX_NODES));
    assert!(problems(&many)[0].ends_with("more than 500000 values"));
}

#[test]
fn aliases_cannot_multiply_a_document() {
    let mut bomb = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n".to_owned();
    for level in 1..9 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        bomb.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
    }
    let problems = problems(&bomb);
    assert_eq!(problems.len(), 1);
    assert!(problems[0].ends_with("anchors and aliases stand for more than 10000 values"));
}

#[test]
fn aliases_cannot_deepen_a_document() {
    let half = MAX_DEPTH / 2 + 1;
    let (open, close) = ("[".repeat(half), "]".repeat(half));
    let text = format!("- &x {open}{close}\n- {open}*x{close}\n");
    assert!(problems(&text)[0].ends_with("nested deeper than 64 levels"));
}
