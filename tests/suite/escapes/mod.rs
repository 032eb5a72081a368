//! Ways out of the folders that a guest is handed, tried by a guest: through the handles of
//! `workspace`, through WASI, and through what it leaves for the host to read.

mod handles;
mod left_behind;
mod swaps;
mod wasi;

use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::{Value, json};
use stagewright_test_components::Script;

use crate::sandbox::{Sandbox, tree};

/// Makes links that lead out of a folder beside `outside`, in every way that was thought of.
fn add_links(sandbox: &Sandbox, folder: &str) {
    let folder = sandbox.path(folder);
    let outside = sandbox.path("outside");
    std::fs::create_dir_all(folder.join("sub")).unwrap();
    for (name, target) in [
        ("up", Path::new("../outside")),
        ("secret-link", Path::new("../outside/secret")),
        ("absolute", &outside),
        ("root", Path::new("/proc/self/root")),
        ("working", Path::new("/proc/self/cwd")),
        ("descriptors", Path::new("/proc/self/fd")),
        ("loop", Path::new("loop")),
        // By its text it stays inside; through `here` it does not.
        ("sub/here", Path::new(".")),
        ("chain", Path::new("sub/here/../../outside/secret")),
    ] {
        symlink(target, folder.join(name)).unwrap();
    }
}

/// Paths that lead out of a folder with such links.
fn ways_out(sandbox: &Sandbox) -> Vec<String> {
    let absolute = sandbox.path("outside/secret").display().to_string();
    let paths = [
        "..",
        "../outside/secret",
        "sub/../../outside/secret",
        "./../outside/secret",
        "/etc/passwd",
        "//etc/passwd",
        "up/secret",
        "secret-link",
        "absolute/secret",
        "root/etc/passwd",
        "working/Cargo.toml",
        "descriptors/0",
        "loop",
        "chain",
        &absolute,
    ];
    paths.map(str::to_owned).to_vec()
}

/// Names that look like a way out to somebody, and are only names.
const LOOKALIKES: [&str; 7] = [
    "..\u{2215}outside\u{2215}secret",
    "\u{ff0e}\u{ff0e}/outside/secret",
    "\u{2024}\u{2024}/outside/secret",
    "..\\outside\\secret",
    "%2e%2e/outside/secret",
    ".. /outside/secret",
    "~/secret",
];

/// Runs a script that may use its folders, images and releases.
async fn run(sandbox: &Sandbox, script: &Script) -> Vec<String> {
    sandbox
        .run(&script.guest().build(), &grants(), sandbox.call())
        .await
}

fn grants() -> Value {
    json!({ "workspace": true, "images": true, "process": { "commands": ["ls"], "supervise": true } })
}

/// Nothing outside was changed.
fn is_untouched(sandbox: &Sandbox) {
    assert_eq!(tree(&sandbox.path("outside")), ["secret"]);
    assert_eq!(
        std::fs::read_to_string(sandbox.path("outside/secret")).unwrap(),
        "secret"
    );
    assert!(sandbox.path("source/file").exists());
}
