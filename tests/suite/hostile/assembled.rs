//! Guests that no toolchain makes, assembled from text.

use stagewright_test_components::TestGuest;

use super::beside::Told;

/// A guest, made when it is needed.
pub type Make = fn() -> TestGuest;

/// Builders whose `build` does what Rust cannot, and what is told of it.
pub const BUILDERS: &[(&str, Make, Told)] = &[
    (
        "tables",
        || {
            let grow =
                "(if (i32.eq (table.grow $t (ref.null func) (i32.const 90000)) (i32.const -1))
                (then unreachable)) (i32.const 0)";
            builder().with("(table $t 1 funcref)").building(grow)
        },
        Told {
            code: "plugin.limit",
            words: &["`table_elements` of 20000", "raise `table_elements`"],
        },
    ),
    (
        "no-text",
        || {
            failing("(i32.const 512)", "(i32.const 4)")
                .with(r#"(data (i32.const 512) "\ff\fe\c0\80")"#)
        },
        Told {
            code: "plugin.trapped",
            words: &["`build`", "utf-8", "tell its author"],
        },
    ),
    (
        "lying-length",
        || failing("(i32.const 131000)", "(i32.const 268435456)"),
        Told {
            code: "plugin.trapped",
            words: &["`build`", "out of bounds", "tell its author"],
        },
    ),
    (
        "no-handle",
        || builder().building("(i32.store (i32.const 260) (i32.const 77)) (i32.const 256)"),
        Told {
            code: "plugin.trapped",
            words: &["`build`", "handle", "tell its author"],
        },
    ),
    (
        "no-case",
        || builder().building("(i32.store8 (i32.const 256) (i32.const 9)) (i32.const 256)"),
        Told {
            code: "plugin.trapped",
            words: &["`build`", "discriminant", "tell its author"],
        },
    ),
];

/// A builder that gives the handle of its source back in `inputs`, as it has to: it stands at
/// this place among the arguments.
fn builder() -> TestGuest {
    let drop = r#"(import "stagewright:plugin/workspace@0.1.0" "[resource-drop]directory"
        (func $drop (param i32)))"#;
    let inputs = "(call $drop (i32.load (i32.add (local.get 0) (i32.const 96)))) (i32.const 0)";
    TestGuest::new(drop, inputs)
}

/// A builder that fails, with a code at this address of this length.
fn failing(address: &str, length: &str) -> TestGuest {
    builder().building(&format!(
        "(i32.store8 (i32.const 256) (i32.const 1))
        (i32.store (i32.const 260) {address}) (i32.store (i32.const 264) {length})
        (i32.const 256)"
    ))
}
