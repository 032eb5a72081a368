//! What a well-behaved guest gets from the capabilities.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::FutureExt;
use futures::future::BoxFuture;
use stagewright_test_components::{NOTHING, TestGuest};
use tokio_util::sync::CancellationToken;

use super::world::{World, call};
use crate::grant::{Grants, PluginPolicy, SecretsGrant};
use crate::record::{Failure, Value, Variable};
use crate::{Fetch, SecretText, Secrets, Source, StepError, Supply};

/// `inputs` that answers with the failure or the text that a host call gave: the result of
/// `result<string, failure>` is copied as it is into an answer of one pair.
const ECHO: &str = r#"
    (func $answer (param $at i32) (result i32)
        (if (i32.load8_u (local.get $at)) (then
            (memory.copy (i32.const 256) (local.get $at) (i32.const 64))
            (return (i32.const 256))))
        (i32.store8 (i32.const 256) (i32.const 0))
        (i32.store (i32.const 260) (i32.const 288)) (i32.store (i32.const 264) (i32.const 1))
        (i32.store (i32.const 288) (i32.const 0)) (i32.store (i32.const 292) (i32.const 0))
        (i32.store (i32.const 296) (i32.load (i32.add (local.get $at) (i32.const 4))))
        (i32.store (i32.const 300) (i32.load (i32.add (local.get $at) (i32.const 8))))
        (i32.const 256))"#;

struct OneSecret;

impl Secrets for OneSecret {
    fn value<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<SecretText, Failure>> {
        Box::pin(async { Ok(SecretText::new("hunter2-hunter2")) })
    }
}

fn granting(grants: Grants) -> PluginPolicy {
    PluginPolicy {
        grants: Some(grants),
        ..PluginPolicy::default()
    }
}

#[tokio::test]
async fn a_secret_is_revealed_to_whom_it_is_granted_and_redacted_from_then_on() {
    let imports = r#"
        (import "stagewright:plugin/secrets@0.1.0" "get" (func $get (param i32 i32 i32)))
        (import "stagewright:plugin/secrets@0.1.0" "[method]secret.reveal"
            (func $reveal (param i32 i32)))
        (import "stagewright:plugin/log@0.1.0" "write"
            (func $log (param i32 i32 i32 i32 i32)))"#;
    let body = r#"
        (call $get (i32.const 512) (i32.const 5) (i32.const 640))
        (if (i32.load8_u (i32.const 640)) (then (return (call $answer (i32.const 640)))))
        (call $reveal (i32.load (i32.const 644)) (i32.const 720))
        (call $log (i32.const 2) (i32.load (i32.const 724)) (i32.load (i32.const 728))
            (i32.const 0) (i32.const 0))
        (call $answer (i32.const 720))"#;
    let guest = TestGuest::new(imports, body)
        .needing("secrets")
        .with(ECHO)
        .with(r#"(data (i32.const 512) "token")"#)
        .build();
    let secrets = Some(SecretsGrant { reveal: true });
    let world = World::allowing(
        &guest,
        granting(Grants {
            secrets,
            ..Grants::default()
        }),
    );
    let plugin = world.load(&guest).await.unwrap();

    let (mut known, heard) = call();
    known.secrets = Arc::new(OneSecret);
    known.service.variables = vec![Variable {
        name: "TOKEN".into(),
        value: Value::Secret("token".into()),
    }];
    let redactor = known.redactor.clone();
    let answer = plugin.inputs(known).await.unwrap();
    assert_eq!(answer[0].1, "hunter2-hunter2");
    assert_eq!(heard.messages(), ["***"]);
    assert_eq!(redactor.redact("x=hunter2-hunter2"), "x=***");

    let (mut foreign, _) = call();
    foreign.secrets = Arc::new(OneSecret);
    let failure = plugin.inputs(foreign).await.unwrap_err().failure();
    assert_eq!(failure.code, "secrets.unknown");
}

/// Reads the file `a/b.txt` of the source, the handle of which is the last argument.
fn reader() -> TestGuest {
    let imports = r#"(import "stagewright:plugin/workspace@0.1.0" "[method]directory.read"
        (func $read (param i32 i32 i32 i64 i32 i32)))
        (import "stagewright:plugin/workspace@0.1.0" "[resource-drop]directory"
            (func $drop (param i32)))"#;
    let body = r#"
        (call $read (i32.load (i32.add (local.get 0) (i32.const SOURCE)))
            (i32.const 512) (i32.const 7) (i64.const 0) (i32.const 100) (i32.const 640))
        (call $drop (i32.load (i32.add (local.get 0) (i32.const SOURCE))))
        (call $answer (i32.const 640))"#;
    TestGuest::new(imports, &body.replace("SOURCE", SOURCE))
        .needing("workspace")
        .with(ECHO)
        .with(r#"(data (i32.const 512) "a/b.txt")"#)
}

/// Where the handle of the source stands among the arguments of `inputs`: the record
/// `service` is 92 bytes long, and an option begins with its tag.
const SOURCE: &str = "96";

fn source(root: &Path) -> Source {
    Source {
        root: root.to_owned(),
        path: "a".into(),
        include: Vec::new(),
    }
}

#[tokio::test]
async fn the_source_can_be_read_through_its_handle() {
    let guest = reader().build();
    let world = World::allowing(
        &guest,
        granting(Grants {
            workspace: true,
            ..Grants::default()
        }),
    );
    let tree = tempfile::tempdir().unwrap();
    std::fs::create_dir(tree.path().join("a")).unwrap();
    std::fs::write(tree.path().join("a/b.txt"), "from the source").unwrap();
    let plugin = world.load(&guest).await.unwrap();
    let (mut call, _) = call();
    call.source = Some(source(tree.path()).into());
    assert_eq!(plugin.inputs(call).await.unwrap()[0].1, "from the source");
}

/// A source that is somewhere else, and how often it was asked for.
struct Elsewhere {
    source: Result<Source, Failure>,
    asked: Arc<AtomicUsize>,
}

impl Fetch for Elsewhere {
    fn fetch(&self, _: CancellationToken) -> BoxFuture<'static, Result<Source, Failure>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        futures::future::ready(self.source.clone()).boxed()
    }
}

/// Asks for the inputs of a service whose source is elsewhere; also how often it was fetched.
async fn ask(
    guest: &[u8],
    source: Result<Source, Failure>,
) -> (Result<Vec<(String, String)>, StepError>, usize) {
    let grants = Grants {
        workspace: true,
        ..Grants::default()
    };
    let world = World::allowing(guest, granting(grants));
    let plugin = world.load(guest).await.unwrap();
    assert!(!plugin.sees_files());
    let asked = Arc::new(AtomicUsize::new(0));
    let (mut call, _) = call();
    call.source = Some(Supply::OnDemand(Arc::new(Elsewhere {
        source,
        asked: Arc::clone(&asked),
    })));
    let answer = plugin.inputs(call).await;
    (answer, asked.load(Ordering::Relaxed))
}

#[tokio::test]
async fn a_source_is_fetched_for_those_who_look_into_it_only() {
    let tree = tempfile::tempdir().unwrap();
    std::fs::create_dir(tree.path().join("a")).unwrap();
    std::fs::write(tree.path().join("a/b.txt"), "fetched").unwrap();
    let (answer, asked) = ask(&reader().build(), Ok(source(tree.path()))).await;
    assert_eq!((answer.unwrap()[0].1.as_str(), asked), ("fetched", 1));

    let drop = r#"(import "stagewright:plugin/workspace@0.1.0" "[resource-drop]directory"
        (func $drop (param i32)))"#;
    let body = "(call $drop (i32.load (i32.add (local.get 0) (i32.const SOURCE)))) (i32.const 0)";
    let blind = TestGuest::new(drop, &body.replace("SOURCE", SOURCE)).needing("workspace");
    let (answer, asked) = ask(&blind.build(), Ok(source(tree.path()))).await;
    assert_eq!((answer.unwrap(), asked), (Vec::new(), 0));
}

#[tokio::test]
async fn a_source_that_cannot_be_fetched_is_a_failure_of_the_host_call() {
    let failure = Failure::new("source.unavailable", "the repository does not answer");
    let (answer, asked) = ask(&reader().build(), Err(failure.clone())).await;
    assert_eq!((answer.unwrap_err().failure(), asked), (failure, 1));
}

#[tokio::test]
async fn a_failure_of_a_host_call_reaches_the_guest_as_a_record() {
    let guest = reader().build();
    let world = World::allowing(
        &guest,
        granting(Grants {
            workspace: true,
            ..Grants::default()
        }),
    );
    let tree = tempfile::tempdir().unwrap();
    std::fs::create_dir(tree.path().join("a")).unwrap();
    std::os::unix::fs::symlink("/etc/hostname", tree.path().join("a/b.txt")).unwrap();
    let plugin = world.load(&guest).await.unwrap();
    let (mut call, _) = call();
    call.source = Some(source(tree.path()).into());
    let failure = plugin.inputs(call).await.unwrap_err().failure();
    assert_eq!(failure.code, "workspace.outside");
    assert!(failure.hint.is_some());
}

#[tokio::test]
async fn what_a_wasi_guest_prints_is_in_the_log() {
    let imports = r#"
        (import "wasi:cli/stdout@0.2.0" "get-stdout" (func $stdout (result i32)))
        (import "wasi:io/streams@0.2.0" "[method]output-stream.blocking-write-and-flush"
            (func $print (param i32 i32 i32 i32)))"#;
    let body = "(call $print (call $stdout) (i32.const 512) (i32.const 6) (i32.const 640))
        (i32.const 0)";
    let guest = TestGuest::new(imports, body).with(r#"(data (i32.const 512) "hello\0a")"#);
    let world = World::new();
    let plugin = world.guest(&guest).await;
    let (call, heard) = call();
    assert_eq!(plugin.inputs(call).await.unwrap(), []);
    assert_eq!(heard.messages(), ["hello"]);
}

/// On several threads, so that who waits for a place goes on at the very moment it is free.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_gets_a_place_finds_it_free() {
    let world = World::with_places(2);
    let plugin = world.guest(&TestGuest::new("", NOTHING)).await;
    let callers = (0..8).map(|_| {
        let plugin = plugin.clone();
        tokio::spawn(async move {
            for _ in 0..100 {
                let (call, _) = call();
                assert_eq!(plugin.inputs(call).await.unwrap(), []);
            }
        })
    });
    for caller in futures::future::join_all(callers).await {
        caller.unwrap();
    }
}
