//! Every way out of a folder that was thought of, tried.

use std::fs;
use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rustix::fs::{CWD, RenameFlags};

use super::super::*;
use super::{code, folder, pipe, put};

/// A folder `inside`, and a secret beside it.
fn beside_a_secret() -> tempfile::TempDir {
    let place = tempfile::tempdir().unwrap();
    put(place.path(), "outside/secret", "secret");
    put(place.path(), "inside/sub/file", "public");
    place
}

#[test]
fn paths_that_climb_or_start_at_the_root_are_refused() {
    let place = beside_a_secret();
    let folder = folder(&place.path().join("inside"));
    for path in [
        "..",
        "../outside/secret",
        "sub/../../outside/secret",
        "/etc/passwd",
        "sub/..",
        "./../x",
    ] {
        assert_eq!(code(folder.read(path, 0, 1)), "workspace.outside", "{path}");
        assert_eq!(
            code(folder.write(path, 0, b"x")),
            "workspace.outside",
            "{path}"
        );
        assert_eq!(
            code(folder.remove(path, &Interrupt::new())),
            "workspace.outside",
            "{path}"
        );
        assert_eq!(
            code(folder.digest(path, &Interrupt::new())),
            "workspace.outside",
            "{path}"
        );
        assert_eq!(
            code(folder.entries(path, true, None, 9, &Interrupt::new())),
            "workspace.outside",
            "{path}"
        );
    }
    assert_eq!(code(folder.read("a\0b", 0, 1)), "workspace.name");
    assert_eq!(
        code(folder.read(&"x/".repeat(3000), 0, 1)),
        "workspace.name"
    );
    assert_eq!(code(folder.read(&"x".repeat(256), 0, 1)), "workspace.name");
}

#[test]
fn links_are_followed_inside_and_refused_where_they_lead_out() {
    let place = beside_a_secret();
    let inside = place.path().join("inside");
    symlink("sub/file", inside.join("good")).unwrap();
    symlink("../sub/./file", inside.join("sub/round")).unwrap();
    symlink("../outside/secret", inside.join("up")).unwrap();
    symlink(place.path().join("outside/secret"), inside.join("absolute")).unwrap();
    symlink("../outside", inside.join("directory")).unwrap();
    symlink(inside.join("sub/file"), inside.join("absolute-but-inside")).unwrap();
    symlink("loop", inside.join("loop")).unwrap();
    // By its text it stays inside; through `down` it does not.
    symlink(".", inside.join("sub/here")).unwrap();
    symlink("sub/here/../../outside/secret", inside.join("chain")).unwrap();
    let folder = folder(&inside);
    assert_eq!(folder.read("good", 0, 9).unwrap(), b"public");
    assert_eq!(folder.read("sub/round", 0, 9).unwrap(), b"public");
    for path in [
        "up",
        "absolute",
        "directory/secret",
        "absolute-but-inside",
        "loop",
        "chain",
    ] {
        assert_eq!(code(folder.read(path, 0, 9)), "workspace.outside", "{path}");
        assert_eq!(
            code(folder.write(path, 0, b"x")),
            "workspace.outside",
            "{path}"
        );
    }
    assert_eq!(
        fs::read_to_string(place.path().join("outside/secret")).unwrap(),
        "secret"
    );
    assert_eq!(
        fs::read_dir(place.path().join("outside")).unwrap().count(),
        1
    );
}

#[test]
fn pipes_sockets_and_devices_are_never_opened() {
    let place = tempfile::tempdir().unwrap();
    pipe(&place.path().join("pipe"));
    let _socket = std::os::unix::net::UnixListener::bind(place.path().join("socket")).unwrap();
    let folder = folder(place.path());
    // Each of these would wait for ever if the pipe were opened.
    for path in ["pipe", "socket"] {
        assert_eq!(code(folder.read(path, 0, 1)), "workspace.wrong-kind");
        assert!(
            ["workspace.wrong-kind", "workspace.io"].contains(&code(folder.write(path, 0, b"x")))
        );
        assert_eq!(
            code(folder.digest(path, &Interrupt::new())),
            "workspace.wrong-kind"
        );
        assert_eq!(
            code(folder.copy_from(&folder.clone(), path, "copy", &Interrupt::new())),
            "workspace.wrong-kind"
        );
    }
    folder.digest(".", &Interrupt::new()).unwrap();
}

#[test]
fn a_view_shows_its_parts_in_their_places_and_nothing_else() {
    let place = tempfile::tempdir().unwrap();
    for path in [
        "api/src/main",
        "libs/common/lib",
        "libs/other/lib",
        "web/page",
        "secret",
        ".git/HEAD",
        "api/.git/HEAD",
    ] {
        put(place.path(), path, path);
    }
    symlink("../secret", place.path().join("api/link")).unwrap();
    symlink("../libs/common/lib", place.path().join("api/lib")).unwrap();
    let view = folder(place.path())
        .without(".git")
        .limited_to(["api", "libs/common"])
        .unwrap();
    let entries = view
        .entries(".", true, None, 1000, &Interrupt::new())
        .unwrap();
    let paths: Vec<_> = entries.iter().map(|entry| entry.path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "api",
            "api/lib",
            "api/link",
            "api/src",
            "api/src/main",
            "libs",
            "libs/common",
            "libs/common/lib"
        ]
    );
    assert_eq!(view.read("api/lib", 0, 99).unwrap(), b"libs/common/lib");
    for path in [
        "secret",
        "web/page",
        "libs/other/lib",
        ".git/HEAD",
        "api/.git/HEAD",
        "web",
    ] {
        assert_eq!(code(view.read(path, 0, 1)), "workspace.not-found", "{path}");
    }
    assert_eq!(code(view.read("api/link", 0, 1)), "workspace.outside");
    let output = tempfile::tempdir().unwrap();
    folder(output.path())
        .copy_from(&view, ".", ".", &Interrupt::new())
        .unwrap();
    assert!(output.path().join("libs/common/lib").exists());
    for path in ["secret", "web", "libs/other", ".git", "api/.git"] {
        assert!(!output.path().join(path).exists(), "{path}");
    }
    assert_eq!(
        code(view.remove(".", &Interrupt::new())),
        "workspace.read-only"
    );
    assert_eq!(code(view.limited_to(["secret"])), "workspace.not-found");
    assert_eq!(code(view.limited_to(["absent"])), "workspace.not-found");
    assert_eq!(code(view.enter("libs")), "workspace.not-found");
    assert_eq!(
        view.enter("api").unwrap().read("src/main", 0, 99).unwrap(),
        b"api/src/main"
    );
    assert_eq!(
        code(view.enter("api").unwrap().read("lib", 0, 1)),
        "workspace.outside"
    );
    assert_eq!(
        code(view.enter("api").unwrap().read(".git/HEAD", 0, 1)),
        "workspace.not-found"
    );
}

/// Somebody swaps a directory for a link to the outside, over and over, while the host reads
/// and writes below it.
#[test]
fn a_link_that_is_swapped_in_meanwhile_leads_nowhere() {
    let place = beside_a_secret();
    let inside = place.path().join("inside");
    put(place.path(), "inside/target/secret", "public");
    symlink("../outside", inside.join("link")).unwrap();
    let folder = folder(&inside);
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                let (one, other) = (inside.join("target"), inside.join("link"));
                rustix::fs::renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE).unwrap();
            }
        });
        for _ in 0..3000 {
            if let Ok(bytes) = folder.read("target/secret", 0, 99) {
                assert_eq!(bytes, b"public");
            }
            let _ = folder.write("target/written", 0, b"x");
            let _ = folder.remove("target/written", &Interrupt::new());
        }
        is_over.store(true, Ordering::Relaxed);
    });
    let outside: Vec<_> = fs::read_dir(place.path().join("outside"))
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert_eq!(outside, ["secret"]);
    assert_eq!(
        fs::read_to_string(place.path().join("outside/secret")).unwrap(),
        "secret"
    );
}
