//! What a copy keeps, replaces and refuses.

use std::fs::{self, File, FileTimes};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::time::{Duration, UNIX_EPOCH};

use super::super::*;
use super::{code, folder, make_executable, pipe, put};

#[test]
fn a_copy_keeps_contents_modes_times_and_links() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    put(from.path(), "src/main", "content");
    put(from.path(), "src/run", "more");
    make_executable(&from.path().join("src/run"));
    symlink("main", from.path().join("src/link")).unwrap();
    symlink("absent", from.path().join("src/dangling")).unwrap();
    pipe(&from.path().join("src/pipe"));
    let time = UNIX_EPOCH + Duration::new(1_000_000_000, 5);
    for path in ["src/main", "src"] {
        File::open(from.path().join(path))
            .unwrap()
            .set_times(FileTimes::new().set_modified(time))
            .unwrap();
    }
    // Something old stands where the copy goes.
    put(
        to.path(),
        "work/main",
        "a longer text that was there before",
    );
    put(to.path(), "work/old", "kept");
    let bytes = folder(to.path())
        .copy_from(&folder(from.path()), "src", "work", &Interrupt::new())
        .unwrap();
    assert_eq!(bytes, 11);
    let work = to.path().join("work");
    assert_eq!(fs::read_to_string(work.join("main")).unwrap(), "content");
    assert_eq!(fs::read_to_string(work.join("old")).unwrap(), "kept");
    assert_eq!(
        fs::metadata(work.join("run")).unwrap().permissions().mode() & 0o777,
        0o755
    );
    assert_eq!(fs::read_link(work.join("link")).unwrap(), Path::new("main"));
    assert_eq!(
        fs::read_link(work.join("dangling")).unwrap(),
        Path::new("absent")
    );
    assert!(!work.join("pipe").exists());
    assert_eq!(
        fs::metadata(work.join("main")).unwrap().modified().unwrap(),
        time
    );
    assert_eq!(fs::metadata(&work).unwrap().modified().unwrap(), time);
}

#[test]
fn one_file_goes_to_a_new_name() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    put(from.path(), "a/file", "content");
    let target = folder(to.path());
    target
        .copy_from(
            &folder(from.path()),
            "a/file",
            "deep/down/renamed",
            &Interrupt::new(),
        )
        .unwrap();
    assert_eq!(target.read("deep/down/renamed", 0, 99).unwrap(), b"content");
    assert_eq!(
        code(target.copy_from(&folder(from.path()), "a/file", "deep", &Interrupt::new())),
        "workspace.wrong-kind"
    );
}

#[test]
fn links_that_lead_out_are_not_copied() {
    for target in ["/etc/passwd", "../../etc", "../beside"] {
        let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        put(from.path(), "beside", "");
        put(from.path(), "src/file", "");
        symlink(target, from.path().join("src/link")).unwrap();
        let copied =
            folder(to.path()).copy_from(&folder(from.path()), "src", ".", &Interrupt::new());
        assert_eq!(code(copied), "workspace.outside", "{target}");
        assert!(!to.path().join("link").is_symlink());
    }
}

#[test]
fn a_copy_replaces_links_instead_of_writing_through_them() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    put(from.path(), "file", "new");
    put(from.path(), "sub/file", "new");
    put(to.path(), "outside/file", "old");
    put(to.path(), "inside/x", "");
    symlink("../outside/file", to.path().join("inside/file")).unwrap();
    symlink("../outside", to.path().join("inside/sub")).unwrap();
    folder(&to.path().join("inside"))
        .copy_from(&folder(from.path()), ".", ".", &Interrupt::new())
        .unwrap();
    assert_eq!(
        fs::read_to_string(to.path().join("outside/file")).unwrap(),
        "old"
    );
    assert_eq!(
        fs::read_to_string(to.path().join("inside/file")).unwrap(),
        "new"
    );
    assert_eq!(
        fs::read_to_string(to.path().join("inside/sub/file")).unwrap(),
        "new"
    );
}
