//! Through what a guest, or a program that it may run, leaves behind for the host to read.

use std::os::unix::fs::symlink;
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, mkdirat, mknodat, openat};
use stagewright_test_components::{Given, Script};

use super::{add_links, is_untouched, run};
use crate::sandbox::{Sandbox, tree};
use Given::{Handle, Nothing, Number, Output, Source, Text};

pub(super) fn pipe(path: &Path) {
    mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
}

/// Directories below one another, deeper than any path is long.
fn dig(folder: &Path, levels: usize) {
    use rustix::fs::OFlags;
    let flags = OFlags::DIRECTORY | OFlags::RDONLY;
    let mut here = openat(CWD, folder, flags, Mode::empty()).unwrap();
    for _ in 0..levels {
        mkdirat(&here, "d", Mode::RWXU).unwrap();
        here = openat(&here, "d", flags, Mode::empty()).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn links_are_packed_as_links_and_an_image_with_such_that_lead_out_is_not_unpacked() {
    let sandbox = Sandbox::new();
    add_links(&sandbox, "output");
    let mut script = Script::new();
    let draft = script.call("images.draft", &[]);
    script.attempt(
        "images.draft.add",
        &[Handle(draft), Output, Text("."), Text("/app")],
    );
    let image = script.call("images.draft.finish", &[Handle(draft)]);
    script.attempt("process.install", &[Text("one"), Handle(image)]);
    script.attempt("process.releases", &[]);
    let told = run(&sandbox, &script).await;
    assert_eq!(told, ["ok", "image.unsafe", "ok 0"]);
    let leftovers = tree(&sandbox.path("state/releases"));
    assert!(
        !leftovers.iter().any(|path| path.contains("app")),
        "{leftovers:?}"
    );
    is_untouched(&sandbox);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_takes_no_link_along_that_leads_out() {
    let sandbox = Sandbox::new();
    let outside = sandbox.path("outside");
    for (name, target) in [
        ("up", Path::new("../../outside")),
        ("absolute", &outside),
        ("root", Path::new("/proc/self/root")),
        ("chain", Path::new("here/../../../outside")),
    ] {
        let folder = sandbox.path("source").join(name);
        std::fs::create_dir(&folder).unwrap();
        symlink(".", folder.join("here")).unwrap();
        symlink(target, folder.join("link")).unwrap();
    }
    // Inside of the source, and outside of what is copied.
    std::fs::create_dir(sandbox.path("source/beside")).unwrap();
    symlink("../file", sandbox.path("source/beside/link")).unwrap();
    let mut script = Script::new();
    for name in ["up", "absolute", "root", "chain", "."] {
        script.attempt(
            "workspace.directory.copy-from",
            &[Output, Source, Text(name), Text("copy")],
        );
    }
    script.attempt(
        "workspace.directory.copy-from",
        &[Output, Source, Text("beside"), Text(".")],
    );
    assert_eq!(run(&sandbox, &script).await, ["workspace.outside"; 6]);
    is_untouched(&sandbox);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_replaces_links_and_further_names_of_files_outside() {
    let sandbox = Sandbox::new();
    symlink("../outside/secret", sandbox.path("output/file")).unwrap();
    let mut script = Script::new();
    let copy = [Output, Source, Text("."), Text(".")];
    script.attempt("workspace.directory.copy-from", &copy);
    assert_eq!(run(&sandbox, &script).await, ["ok"]);
    std::fs::remove_file(sandbox.path("output/file")).unwrap();
    std::fs::hard_link(sandbox.path("outside/secret"), sandbox.path("output/file")).unwrap();
    assert_eq!(run(&sandbox, &script).await, ["ok"]);
    assert_eq!(
        std::fs::read_to_string(sandbox.path("output/file")).unwrap(),
        "public"
    );
    is_untouched(&sandbox);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_cache_links_to_stays_out_of_reach_in_the_next_build() {
    let sandbox = Sandbox::new();
    let mut first = Script::new();
    first.attempt(
        "workspace.directory.attach-cache",
        &[Output, Text("target"), Text("target")],
    );
    assert_eq!(run(&sandbox, &first).await, ["ok"]);
    let content = sandbox.path("caches/target/content");
    symlink("../../../outside", content.join("up")).unwrap();
    symlink("../outside", content.join("near")).unwrap();
    symlink(sandbox.path("outside"), content.join("absolute")).unwrap();
    let mut second = Script::new();
    second.attempt(
        "workspace.directory.attach-cache",
        &[Output, Text("target"), Text("target")],
    );
    for way in [
        "target/up/secret",
        "target/near/secret",
        "target/absolute/secret",
    ] {
        second.attempt(
            "workspace.directory.read",
            &[Output, Text(way), Number(0), Number(9)],
        );
    }
    // A cache inside a cache that is a link to the outside by then.
    second.attempt(
        "workspace.directory.attach-cache",
        &[Output, Text("inner"), Text("target/up/inner")],
    );
    let told = run(&sandbox, &second).await;
    assert_eq!(told[0], "ok");
    assert!(told[1..].iter().all(|code| code != "ok"), "{told:?}");
    assert_eq!(told[1], "workspace.outside");
    is_untouched(&sandbox);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tree_of_ten_thousand_levels_is_too_large_and_can_be_removed() {
    let sandbox = Sandbox::new();
    dig(&sandbox.path("output"), 10_000);
    let mut script = Script::new();
    let draft = script.call("images.draft", &[]);
    script.attempt(
        "workspace.directory.entries",
        &[Output, Text("."), Number(1), Nothing(3)],
    );
    script.attempt("workspace.directory.digest", &[Output, Text("d")]);
    script.attempt(
        "workspace.directory.copy-from",
        &[Output, Output, Text("d"), Text("copy")],
    );
    script.attempt(
        "images.draft.add",
        &[Handle(draft), Output, Text("d"), Text("/app")],
    );
    script.attempt("workspace.directory.remove", &[Output, Text(".")]);
    let told = run(&sandbox, &script).await;
    assert_eq!(told[1..4], ["workspace.too-large"; 3], "{told:?}");
    assert_eq!(told[4], "ok", "{told:?}");
    assert_eq!(tree(&sandbox.path("output")), [""; 0]);
}
