//! Guests that want more than they may have.

use std::time::{Duration, Instant};

use stagewright_test_components::{NOTHING, TestGuest};

use super::world::{PLACES, World, call};
use crate::limits::{LimitOverrides, Size};
use crate::{Call, PluginPolicy, StepError};

const LOG: &str = r#"(import "stagewright:plugin/log@0.1.0" "write"
    (func $log (param i32 i32 i32 i32 i32)))"#;

/// Loops for ever.
const LOOP: &str = "(loop $again (br $again)) (unreachable)";

async fn fail(guest: &TestGuest, limits: LimitOverrides, call: Call) -> StepError {
    let bytes = guest.build();
    let policy = PluginPolicy {
        limits,
        ..PluginPolicy::default()
    };
    let world = World::allowing(&bytes, policy);
    let plugin = world.load(&bytes).await.unwrap();
    let error = plugin.inputs(call).await.unwrap_err();
    // The place is free again, and the next call is not disturbed.
    assert_eq!(world.runtime.idle(), PLACES as usize);
    assert_eq!(plugin.validate("{}").await.unwrap(), []);
    error
}

fn hit(error: &StepError) -> Option<&str> {
    match error {
        StepError::Trapped(trapped) => trapped.limit.as_ref().map(|(name, _)| *name),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn an_endless_loop_ends_at_the_deadline() {
    let (mut call, _) = call();
    call.deadline = Instant::now() + Duration::from_millis(200);
    let error = fail(&TestGuest::new("", LOOP), LimitOverrides::default(), call).await;
    assert!(
        matches!(&error, StepError::TimedOut { function: "inputs", remains, .. } if remains.is_empty())
    );
    let failure = error.failure();
    assert_eq!(failure.code, "step.timed-out");
    assert!(failure.hint.unwrap().contains("`timeouts`"));
}

#[tokio::test]
async fn a_call_ends_at_its_own_limit_before_the_deadline() {
    let (call, _) = call();
    let limits = LimitOverrides {
        call: serde_json::from_str("\"150ms\"").unwrap(),
        ..LimitOverrides::default()
    };
    let error = fail(&TestGuest::new("", LOOP), limits, call).await;
    assert!(matches!(error, StepError::TimedOut { .. }), "{error}");
    let failure = error.failure();
    assert!(
        failure
            .message
            .ends_with("beyond its limit `call` of 150ms"),
        "{failure:?}"
    );
    assert!(failure.hint.unwrap().contains("raise `call`"));
}

#[tokio::test]
async fn an_endless_validate_ends_too() {
    let guest = TestGuest::new("", NOTHING).validating(LOOP).build();
    let limits = LimitOverrides {
        describe: serde_json::from_str("\"150ms\"").unwrap(),
        ..LimitOverrides::default()
    };
    let world = World::allowing(
        &guest,
        PluginPolicy {
            limits,
            ..PluginPolicy::default()
        },
    );
    let plugin = world.load(&guest).await.unwrap();
    let error = plugin.validate("{}").await.unwrap_err();
    assert!(
        matches!(
            error,
            StepError::TimedOut {
                function: "validate",
                ..
            }
        ),
        "{error}"
    );
}

#[tokio::test]
async fn a_start_function_that_never_ends_ends() {
    let guest = TestGuest::new("", NOTHING)
        .with("(func $init (loop $l (br $l))) (start $init)")
        .build();
    let limits = LimitOverrides {
        describe: serde_json::from_str("\"150ms\"").unwrap(),
        ..LimitOverrides::default()
    };
    let world = World::allowing(
        &guest,
        PluginPolicy {
            limits,
            ..PluginPolicy::default()
        },
    );
    let error = world.load(&guest).await.unwrap_err().to_string();
    assert!(error.contains("could not say what it is"), "{error}");
}

#[tokio::test]
async fn a_memory_bomb_is_told_which_limit_it_hit() {
    let bomb = "(if (i32.eq (memory.grow (i32.const 2000)) (i32.const -1)) (then unreachable))
        (i32.const 0)";
    let limits = LimitOverrides {
        memory: Some(Size::mebibytes(16)),
        ..Default::default()
    };
    let (call, _) = call();
    let error = fail(&TestGuest::new("", bomb), limits, call).await;
    assert_eq!(hit(&error), Some("memory"));
    let failure = error.failure();
    assert_eq!(failure.code, "plugin.limit");
    assert!(
        failure.message.contains("`memory` of 16MiB"),
        "{}",
        failure.message
    );
    assert!(failure.hint.unwrap().contains("raise `memory`"));
}

#[tokio::test]
async fn a_table_bomb_is_told_which_limit_it_hit() {
    let bomb = "(if (i32.eq (table.grow $t (ref.null func) (i32.const 90000)) (i32.const -1))
        (then unreachable)) (i32.const 0)";
    let (call, _) = call();
    let guest = TestGuest::new("", bomb).with("(table $t 1 funcref)");
    let error = fail(&guest, LimitOverrides::default(), call).await;
    assert_eq!(hit(&error), Some("table_elements"));
}

#[tokio::test]
async fn more_bytes_than_a_host_call_takes_are_refused() {
    let shout =
        "(call $log (i32.const 2) (i32.const 0) (i32.const 100000) (i32.const 0) (i32.const 0))
        (i32.const 0)";
    let limits = LimitOverrides {
        hostcall: Some(Size::kibibytes(64)),
        ..Default::default()
    };
    let (call, _) = call();
    let error = fail(&TestGuest::new(LOG, shout), limits, call).await;
    assert_eq!(hit(&error), Some("hostcall"));
}

#[tokio::test]
async fn deep_recursion_is_an_error_of_the_guest() {
    let guest = TestGuest::new("", "(call $deeper (i32.const 0))")
        .with("(func $deeper (param i32) (result i32) (i32.add (call $deeper (local.get 0)) (i32.const 1)))");
    let (call, _) = call();
    let error = fail(&guest, LimitOverrides::default(), call).await;
    assert_eq!(hit(&error), None);
    assert!(
        error.to_string().contains("call stack overflowed"),
        "{error}"
    );
}

#[tokio::test]
async fn a_trap_tells_what_was_said_last() {
    let last_words =
        "(call $log (i32.const 4) (i32.const 512) (i32.const 9) (i32.const 0) (i32.const 0))
        (unreachable)";
    let guest = TestGuest::new(LOG, last_words).with(r#"(data (i32.const 512) "panicked!")"#);
    let (call, heard) = call();
    let error = fail(&guest, LimitOverrides::default(), call).await;
    let failure = error.failure();
    assert_eq!(failure.code, "plugin.trapped");
    assert!(
        failure.message.contains("broke off in `inputs`"),
        "{}",
        failure.message
    );
    assert_eq!(
        failure.details,
        [("last line".to_owned(), "panicked!".to_owned())]
    );
    assert_eq!(heard.messages(), ["panicked!"]);
}

#[tokio::test]
async fn a_flood_of_lines_is_capped_escaped_and_its_end_kept() {
    let flood = r#"(local $i i32)
        (loop $again
            (call $log (i32.const 2) (i32.const 512) (i32.const 4) (i32.const 0) (i32.const 0))
            (br_if $again (i32.lt_u
                (local.tee $i (i32.add (local.get $i) (i32.const 1)))
                (i32.const 5000))))
        (call $log (i32.const 2) (i32.const 600) (i32.const 3) (i32.const 0) (i32.const 0))
        (i32.const 0)"#;
    let guest = TestGuest::new(LOG, flood)
        .with(r#"(data (i32.const 512) "a\1b[m") (data (i32.const 600) "end")"#);
    let bytes = guest.build();
    let limits = LimitOverrides {
        log_lines: Some(100),
        log_tail: Some(5),
        ..LimitOverrides::default()
    };
    let world = World::allowing(
        &bytes,
        PluginPolicy {
            limits,
            ..PluginPolicy::default()
        },
    );
    let (call, heard) = call();
    world
        .load(&bytes)
        .await
        .unwrap()
        .inputs(call)
        .await
        .unwrap();
    let messages = heard.messages();
    assert_eq!(messages.len(), 100 + 1 + 5);
    assert_eq!(messages[0], "a\\u{1b}[m");
    assert_eq!(
        messages[100],
        "4896 lines were left out here: more than the log takes"
    );
    assert_eq!(messages[105], "end");
}

#[tokio::test]
async fn an_answer_that_lies_about_its_size_is_an_error_of_the_guest() {
    // A list of 2^28 pairs that begins at the end of the memory.
    let lie = "(i32.store (i32.const 260) (i32.const 65536))
        (i32.store (i32.const 264) (i32.const 268435456)) (i32.const 256)";
    let (call, _) = call();
    let error = fail(&TestGuest::new("", lie), LimitOverrides::default(), call).await;
    assert!(matches!(error, StepError::Trapped(_)), "{error}");
}

#[tokio::test]
async fn more_random_bytes_than_allowed_are_refused() {
    let imports = r#"(import "wasi:random/random@0.2.0" "get-random-bytes"
        (func $random (param i64 i32)))"#;
    let body = "(call $random (i64.const 4096) (i32.const 640)) (i32.const 0)";
    let limits = LimitOverrides {
        random: Some(Size::kibibytes(1)),
        ..Default::default()
    };
    let (call, _) = call();
    let error = fail(&TestGuest::new(imports, body), limits, call).await;
    assert_eq!(hit(&error), Some("random"));
}

#[tokio::test]
async fn more_handles_than_allowed_are_refused() {
    let imports = r#"(import "wasi:cli/stdout@0.2.0" "get-stdout" (func $stdout (result i32)))"#;
    let body = "(loop $again (drop (call $stdout)) (br $again)) (unreachable)";
    let limits = LimitOverrides {
        handles: Some(50),
        ..Default::default()
    };
    let (call, _) = call();
    let error = fail(&TestGuest::new(imports, body), limits, call).await;
    assert_eq!(hit(&error), Some("handles"));
}
