//! No text makes the reader panic, and no mistake in a good file passes in silence.

use proptest::prelude::*;

use super::{Checked, Problem, Problems, problems, read};

/// Pieces of files, good and bad, that are more likely to go deep than random characters.
fn line() -> impl Strategy<Value = String> {
    let indent = (0_usize..5).prop_map(|depth| "  ".repeat(depth));
    let piece = prop_oneof![
        Just("name: shop"),
        Just("services:"),
        Just("stages:"),
        Just("variables:"),
        Just("api:"),
        Just("db: {type: database, image: x}"),
        Just("type: application"),
        Just("type: job"),
        Just("source: {path: .}"),
        Just("source: {git: g, branch: b}"),
        Just("needs: [db, api]"),
        Just("needs: db"),
        Just("- name: a"),
        Just("- {name: A, default_for: [job, database]}"),
        Just("ports: [{name: http, port: 80}]"),
        Just("- {name: x, port: 0}"),
        Just("health: {tcp: {port: http}}"),
        Just("V: '{{db.host}}'"),
        Just("W: '{{'"),
        Just("S: {secret: s}"),
        Just("image: &x y"),
        Just("stage: *x"),
        Just("? [a]"),
        Just("limits: {build: 0}"),
        Just("overlap: across-stages"),
        Just("<<: {}"),
        Just("- - -"),
        Just("\t"),
        Just("|"),
        Just("'"),
        Just("run: on-deploy"),
        Just("retry: {max: 21}"),
    ];
    (indent, piece).prop_map(|(indent, piece)| format!("{indent}{piece}\n"))
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "\\PC*") {
        let _: Result<Checked, Problems> = read("f", &text);
    }

    #[test]
    fn any_lines_are_read_or_refused(lines in prop::collection::vec(line(), 0..24)) {
        let text = lines.concat();
        if let Err(problems) = read("f", &text) {
            prop_assert!(!problems.problems.is_empty());
            let places = |p: &Problem| (p.line, p.column);
            prop_assert!(problems.problems.is_sorted_by_key(places));
            // What fits the schema fits the types.
            prop_assert!(!problems.to_string().contains("cannot be read"));
        }
    }

    #[test]
    fn a_slip_in_any_field_is_found(field in 0_usize..6) {
        let fields = ["type", "image", "ports", "needs", "skip", "variables"];
        let values = ["container", "x", "[]", "[]", "false", "{}"];
        let lines = fields.iter().zip(values).enumerate().map(|(at, (name, value))| {
            let name = if at == field { format!("{name}x") } else { (*name).to_owned() };
            format!("    {name}: {value}\n")
        });
        let text = format!("name: e\nservices:\n  a:\n{}", lines.collect::<String>());
        let said = problems(&text);
        let wanted = format!("unknown field `{0}x`; did you mean `{0}`?", fields[field]);
        prop_assert!(said.iter().any(|line| line.ends_with(&wanted)), "{:?}", said);
    }
}
