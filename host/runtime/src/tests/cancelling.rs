//! Ending a call from outside.

use std::time::{Duration, Instant};

use stagewright_test_components::{NOTHING, TestGuest};

use super::world::{PLACES, World, call};
use crate::StepError;

const IMPORTS: &str = r#"
    (import "stagewright:plugin/progress@0.1.0" "report"
        (func $report (param i64 i32 i64 i32 i32)))
    (import "stagewright:plugin/cancel@0.1.0" "requested" (func $requested (result i32)))
    (import "stagewright:plugin/clock@0.1.0" "sleep" (func $sleep (param i32) (result i32)))
"#;

/// Says that it has begun.
const BEGIN: &str =
    "(call $report (i64.const 1) (i32.const 0) (i64.const 0) (i32.const 0) (i32.const 0))";

/// Waits until the step is cancelled, and answers that it gave up because of that.
const OBEDIENT: &str = r#"
    (loop $again (br_if $again (i32.eqz (call $requested))))
    (i32.store8 (i32.const 256) (i32.const 1))
    (i32.store (i32.const 260) (i32.const 512)) (i32.store (i32.const 264) (i32.const 9))
    (i32.const 256)"#;

async fn cancelled(
    body: &str,
    forced: bool,
) -> (Result<Vec<(String, String)>, StepError>, Duration) {
    let guest = TestGuest::new(IMPORTS, &format!("{BEGIN} {body}"))
        .with(r#"(data (i32.const 512) "cancelled")"#);
    let world = World::new();
    let plugin = world.guest(&guest).await;
    let (call, heard) = call();
    let cancel = call.cancel.clone();
    let running = tokio::spawn(async move { plugin.inputs(call).await });
    heard.something().await;
    let asked = Instant::now();
    if forced {
        cancel.forced.cancel()
    } else {
        cancel.requested.cancel()
    }
    let answer = running.await.unwrap();
    assert_eq!(world.runtime.idle(), PLACES as usize);
    (answer, asked.elapsed())
}

#[tokio::test]
async fn a_guest_that_asks_is_told_and_ends_by_itself() {
    let (answer, _) = cancelled(OBEDIENT, false).await;
    assert_eq!(
        answer.unwrap_err(),
        StepError::Cancelled {
            remains: Vec::new()
        }
    );
}

#[tokio::test]
async fn a_guest_that_finishes_in_spite_of_it_has_succeeded() {
    let stubborn = "(loop $again (br_if $again (i32.eqz (call $requested)))) (i32.const 0)";
    let (answer, _) = cancelled(stubborn, false).await;
    assert_eq!(answer.unwrap(), []);
}

#[tokio::test]
async fn waiting_ends_early() {
    let (answer, took) = cancelled(
        "(drop (call $sleep (i32.const 60000))) (i32.const 0)",
        false,
    )
    .await;
    assert_eq!(answer.unwrap(), []);
    assert!(took < Duration::from_secs(30), "{took:?}");
}

#[tokio::test]
async fn a_guest_that_does_not_listen_is_ended() {
    let (answer, took) = cancelled("(loop $again (br $again)) (unreachable)", true).await;
    assert_eq!(
        answer.unwrap_err(),
        StepError::Cancelled {
            remains: Vec::new()
        }
    );
    assert!(took < Duration::from_secs(30), "{took:?}");
}

#[tokio::test]
async fn a_call_that_nobody_waits_for_any_more_gives_its_place_back() {
    let endless = TestGuest::new(
        IMPORTS,
        &format!("{BEGIN} (loop $again (br $again)) (unreachable)"),
    );
    let world = World::with_places(1);
    let plugin = world.guest(&endless).await;
    let other = world.guest(&TestGuest::new("", NOTHING)).await;
    let (endless, heard) = call();
    let running = tokio::spawn(async move { plugin.inputs(endless).await });
    heard.something().await;
    assert_eq!(world.runtime.idle(), 0);
    running.abort();
    assert!(running.await.unwrap_err().is_cancelled());
    let (next, _) = call();
    assert_eq!(other.inputs(next).await.unwrap(), []);
}

#[tokio::test]
async fn a_call_without_a_place_says_what_it_waits_for_and_can_be_cancelled() {
    let guest = TestGuest::new(IMPORTS, &format!("{BEGIN} {OBEDIENT}"))
        .with(r#"(data (i32.const 512) "cancelled")"#);
    let world = World::with_places(1);
    let plugin = world.guest(&guest).await;
    let (first, heard) = call();
    let (running, cancel) = (plugin.clone(), first.cancel.clone());
    let running = tokio::spawn(async move { running.inputs(first).await });
    heard.something().await;
    let (late, heard) = call();
    let cancel_late = late.cancel.clone();
    let waiting = tokio::spawn(async move { plugin.inputs(late).await });
    heard.something().await;
    assert!(
        heard.messages()[0].contains("all 1 places"),
        "{:?}",
        heard.messages()
    );
    cancel_late.requested.cancel();
    let cancelled = StepError::Cancelled {
        remains: Vec::new(),
    };
    assert_eq!(waiting.await.unwrap().unwrap_err(), cancelled);
    cancel.requested.cancel();
    assert_eq!(running.await.unwrap().unwrap_err(), cancelled);
}
