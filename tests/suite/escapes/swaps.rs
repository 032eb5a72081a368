//! The classic race: what was a directory a moment ago is a link to the outside now.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use stagewright_test_components::{Given, Script};

use super::wasi::{MAKE, OPEN, begun};
use super::{is_untouched, run};
use crate::sandbox::Sandbox;
use Given::{Number, Output, Source, Text};

/// Attempts of one guest; a guest has room for so many answers.
const ATTEMPTS: usize = 60;

/// Runs scripts while somebody swaps the directory `target` of the output with a link to the
/// outside, over and over.
async fn swapping(script: &Script) -> Vec<String> {
    let sandbox = Sandbox::new();
    sandbox.put("output/target/secret", "public");
    std::os::unix::fs::symlink("../outside", sandbox.path("output/link")).unwrap();
    let (one, other) = (sandbox.path("output/target"), sandbox.path("output/link"));
    let is_over = AtomicBool::new(false);
    let swap = |one: &Path, other: &Path| {
        while !is_over.load(Ordering::Relaxed) {
            renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE).unwrap();
        }
    };
    let mut told = Vec::new();
    let executor = tokio::runtime::Handle::current();
    std::thread::scope(|scope| {
        scope.spawn(|| swap(&one, &other));
        let guests = scope.spawn(|| {
            let mut told = Vec::new();
            for _ in 0..3 {
                told.extend(executor.block_on(run(&sandbox, script)));
            }
            told
        });
        told = guests.join().unwrap_or_default();
        is_over.store(true, Ordering::Relaxed);
    });
    assert_eq!(told.len(), 3 * ATTEMPTS, "a guest broke off");
    is_untouched(&sandbox);
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handle_follows_no_link_that_is_swapped_in() {
    let mut script = Script::new();
    for _ in 0..ATTEMPTS / 3 {
        let path = Text("target/secret");
        script.attempt(
            "workspace.directory.read",
            &[Output, path, Number(0), Number(9)],
        );
        script.attempt(
            "workspace.directory.write",
            &[Output, Text("target/new"), Number(0), Text("x")],
        );
        script.attempt(
            "workspace.directory.copy-from",
            &[Output, Source, Text("file"), Text("target/copy")],
        );
    }
    let told = swapping(&script).await;
    assert!(!told.iter().any(|line| line == "ok secret"), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preopened_folder_follows_no_link_that_is_swapped_in() {
    let (mut script, folders) = begun();
    let output = folders.output;
    for _ in 0..ATTEMPTS / 2 {
        script.attempt(
            OPEN,
            &[output, Number(1), Text("target/new"), Number(1), Number(3)],
        );
        script.attempt(MAKE, &[output, Text("target/made")]);
    }
    let told = swapping(&script).await;
    assert!(
        told.iter().any(|line| !line.starts_with("ok")),
        "nothing was swapped: {told:?}"
    );
}
