use std::fs;
use std::thread;

use super::*;

/// The part of a script that makes a folder look like a sysroot.
const SYSROOT: &str =
    "lib=$1/lib/rustlib/wasm32-unknown-unknown/lib; mkdir -p \"$lib\"; touch \"$lib/libstd.rlib\"";

#[test]
fn the_scripts_fit_into_a_pipe() {
    for script in [
        include_str!("../../wasm-std.sh"),
        include_str!("../../wasm-pair.sh"),
    ] {
        assert!(script.len() < 16 * 1024);
    }
}

#[test]
fn a_folder_is_made_once_by_two_builds_at_the_same_time() {
    let compiler = Compiler::of_this_build().unwrap();
    let cache = tempfile::tempdir().unwrap();
    let folder = cache.path().join("std");
    // A second run would end with an error, since the folder is there.
    let script = format!(
        "set -e; mkdir \"$1\"; {SYSROOT}; echo \"$RELEASE\" >\"$1/release\"; echo run >>\"$1/../runs\""
    );
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| made_once(&folder, &script, &compiler).unwrap());
        }
    });
    assert_eq!(
        fs::read_to_string(cache.path().join("runs")).unwrap(),
        "run\n"
    );
    let release = fs::read_to_string(folder.join("release")).unwrap();
    assert_eq!(release.trim(), compiler.release);
}

#[test]
fn what_was_left_half_done_is_not_taken_for_done() {
    let compiler = Compiler::of_this_build().unwrap();
    let cache = tempfile::tempdir().unwrap();
    let folder = cache.path().join("std");
    let script = "mkdir \"$1\"; echo 'no mirror' >&2; exit 1";
    let error = made_once(&folder, script, &compiler).unwrap_err();
    assert_eq!(error.to_string(), "no mirror");
    assert!(!folder.exists());
    let error = made_once(&folder, "mkdir \"$1\"", &compiler).unwrap_err();
    assert_eq!(error.to_string(), "what was made holds no standard library");
    assert!(!folder.exists());
    made_once(&folder, SYSROOT, &compiler).unwrap();
    assert!(folder.exists());
}

#[test]
fn an_error_is_the_end_of_what_was_said() {
    assert_eq!(
        last_lines("1\n2\n3\n4\n5\n6\n"),
        "2\n    3\n    4\n    5\n    6"
    );
    assert_eq!(last_lines("one\n"), "one");
    assert_eq!(last_lines(" "), "it ended without a word");
}
