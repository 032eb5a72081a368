use base64::engine::general_purpose::STANDARD;

use super::*;

fn knowing(secret: &str) -> Redactor {
    let redactor = Redactor::new();
    redactor.add(secret);
    redactor
}

#[test]
fn a_secret_is_replaced_wherever_it_stands() {
    let redactor = knowing("hunter2!");
    assert_eq!(redactor.redact("x hunter2! y=hunter2!"), "x *** y=***");
    assert_eq!(redactor.redact("nothing here"), "nothing here");
}

#[test]
fn every_line_of_a_longer_secret_is_replaced() {
    let redactor = knowing("-----BEGIN-----\nMIIEvQIBADAN\nabcdefghijkl\n-----END-----\n");
    assert_eq!(redactor.redact("key: MIIEvQIBADAN."), "key: ***.");
    assert_eq!(redactor.redact("abcdefghijkl"), "***");
}

#[test]
fn base64_is_recognised_at_every_alignment() {
    let redactor = knowing("correct horse battery");
    for before in ["", "u", "us", "user:"] {
        let encoded = STANDARD.encode(format!("{before}correct horse battery"));
        let clean = redactor.redact(&encoded);
        assert!(clean.contains(MASK), "{before}: {encoded}");
        assert!(clean.len() < before.len() + 12, "{before}: {clean}");
    }
}

#[test]
fn url_encoded_and_json_escaped_forms_are_recognised() {
    let redactor = knowing("p&ss \"w/rd");
    assert_eq!(redactor.redact("?q=p%26ss%20%22w%2Frd"), "?q=***");
    assert_eq!(redactor.redact("?q=p%26ss+%22w%2Frd"), "?q=***");
    assert_eq!(redactor.redact("?q=p%26ss%20%22w%2frd"), "?q=***");
    assert_eq!(redactor.redact(r#"{"p":"p&ss \"w/rd"}"#), r#"{"p":"***"}"#);
}

#[test]
fn very_short_values_are_left_alone() {
    assert_eq!(knowing("a").redact("a banana"), "a banana");
}

#[test]
fn failures_and_plain_outputs_are_cleaned() {
    let redactor = knowing("hunter2!");
    let failure = Failure::new("x", "no hunter2!")
        .hint("hunter2!")
        .detail("line", "hunter2!");
    let clean = redactor.redact_failure(failure);
    assert_eq!(
        clean,
        Failure::new("x", "no ***")
            .hint("***")
            .detail("line", "***")
    );

    let output = |sensitive| Output {
        name: "o".into(),
        value: "hunter2!".into(),
        sensitive,
    };
    let clean = redactor.redact_outputs(vec![output(false), output(true)]);
    assert_eq!(clean[0].value, MASK);
    assert_eq!(clean[1].value, "hunter2!");
}

#[test]
fn nothing_is_shown_when_it_is_printed() {
    assert!(!format!("{:?}", knowing("hunter2!")).contains("hunter"));
}
