//! Listing, reading, writing and removing in a folder.

mod content;
mod copying;
mod escapes;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::*;

pub(super) fn folder(path: &Path) -> Folder {
    Folder::open(path, Access::Write).unwrap()
}

pub(super) fn put(root: &Path, path: &str, content: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

pub(super) fn make_executable(path: &Path) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

pub(super) fn pipe(path: &Path) {
    let mode = rustix::fs::Mode::from_raw_mode(0o644);
    rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
}

pub(super) fn code<T: std::fmt::Debug>(result: Result<T, FolderError>) -> &'static str {
    result.unwrap_err().code()
}

fn listed(
    folder: &Folder,
    path: &str,
    recursive: bool,
    after: Option<&str>,
    limit: usize,
) -> Vec<String> {
    let entries = folder
        .entries(path, recursive, after, limit, &Interrupt::new())
        .unwrap();
    entries.into_iter().map(|entry| entry.path).collect()
}

#[test]
fn entries_come_in_pages_that_together_are_the_whole_tree() {
    let place = tempfile::tempdir().unwrap();
    for path in ["a/b/c", "a-b", "a/z", "b", "a0/x"] {
        put(place.path(), path, "");
    }
    let folder = folder(place.path());
    let whole = listed(&folder, ".", true, None, 1000);
    assert_eq!(
        whole,
        ["a", "a/b", "a/b/c", "a/z", "a-b", "a0", "a0/x", "b"]
    );
    assert_eq!(
        listed(&folder, "", false, None, 1000),
        ["a", "a-b", "a0", "b"]
    );
    assert_eq!(
        listed(&folder, "a", true, None, 1000),
        ["a/b", "a/b/c", "a/z"]
    );
    for size in 1..4 {
        let mut pages: Vec<String> = Vec::new();
        loop {
            let page = listed(&folder, ".", true, pages.last().map(String::as_str), size);
            assert!(page.len() <= size);
            if page.is_empty() {
                break;
            }
            pages.extend(page);
        }
        assert_eq!(pages, whole, "in pages of {size}");
    }
}

#[test]
fn an_entry_says_what_it_is() {
    let place = tempfile::tempdir().unwrap();
    put(place.path(), "run", "four");
    make_executable(&place.path().join("run"));
    fs::create_dir(place.path().join("sub")).unwrap();
    std::os::unix::fs::symlink("run", place.path().join("link")).unwrap();
    pipe(&place.path().join("pipe"));
    let entries = folder(place.path())
        .entries(".", false, None, 1000, &Interrupt::new())
        .unwrap();
    let seen: Vec<_> = entries
        .iter()
        .map(|e| (e.path.as_str(), e.kind, e.size, e.executable))
        .collect();
    assert_eq!(
        seen,
        [
            ("link", "symlink", 0, false),
            ("pipe", "other", 0, false),
            ("run", "file", 4, true),
            ("sub", "directory", 0, false),
        ]
    );
}

#[test]
fn bytes_are_read_and_written_anywhere_in_a_file() {
    let place = tempfile::tempdir().unwrap();
    let folder = folder(place.path());
    folder.write("new/file", 0, b"0123456789").unwrap();
    folder.write("new/file", 8, b"abc").unwrap();
    assert_eq!(folder.read("new/file", 0, CHUNK).unwrap(), b"01234567abc");
    assert_eq!(folder.read("new/file", 9, 1).unwrap(), b"b");
    assert_eq!(folder.read("new/file", 50, 4).unwrap(), b"");
    assert_eq!(
        code(folder.read("new/file", 0, CHUNK + 1)),
        "workspace.too-large"
    );
    assert_eq!(
        code(folder.write("new/file", 0, &vec![0; CHUNK + 1])),
        "workspace.too-large"
    );
    assert_eq!(
        code(folder.write("new/file", u64::MAX, b"x")),
        "workspace.too-large"
    );
    assert_eq!(code(folder.read("new", 0, 1)), "workspace.wrong-kind");
    assert_eq!(
        code(folder.read("new/file/below", 0, 1)),
        "workspace.wrong-kind"
    );
    assert_eq!(code(folder.read("absent", 0, 1)), "workspace.not-found");
    assert_eq!(
        code(folder.entries("absent", true, None, 9, &Interrupt::new())),
        "workspace.not-found"
    );
    assert_eq!(
        code(folder.entries("new/file", true, None, 9, &Interrupt::new())),
        "workspace.wrong-kind"
    );
}

#[test]
fn a_folder_for_reading_is_never_changed() {
    let place = tempfile::tempdir().unwrap();
    put(place.path(), "file", "content");
    let other = folder(place.path());
    let folder = Folder::open(place.path(), Access::Read).unwrap();
    assert_eq!(code(folder.write("file", 0, b"x")), "workspace.read-only");
    assert_eq!(
        code(folder.remove("file", &Interrupt::new())),
        "workspace.read-only"
    );
    assert_eq!(
        code(folder.copy_from(&other, "file", "copy", &Interrupt::new())),
        "workspace.read-only"
    );
    assert_eq!(
        fs::read_to_string(place.path().join("file")).unwrap(),
        "content"
    );
}

#[test]
fn removal_takes_sub_trees_and_links_but_never_what_links_lead_to() {
    let place = tempfile::tempdir().unwrap();
    put(place.path(), "keep/file", "kept");
    put(place.path(), "go/deep/file", "");
    std::os::unix::fs::symlink("../keep", place.path().join("go/link")).unwrap();
    let folder = folder(place.path());
    folder.remove("go", &Interrupt::new()).unwrap();
    folder.remove("go", &Interrupt::new()).unwrap();
    assert_eq!(
        listed(&folder, ".", true, None, 1000),
        ["keep", "keep/file"]
    );
    folder.remove(".", &Interrupt::new()).unwrap();
    assert_eq!(listed(&folder, ".", true, None, 1000), [""; 0]);
    assert!(place.path().exists());
}

#[test]
fn a_raised_interrupt_ends_every_long_operation() {
    let place = tempfile::tempdir().unwrap();
    put(place.path(), "a/file", "content");
    let folder = folder(place.path());
    let interrupt = Interrupt::new();
    interrupt.clone().raise();
    assert_eq!(
        code(folder.entries(".", true, None, 9, &interrupt)),
        "workspace.interrupted"
    );
    assert_eq!(
        code(folder.digest(".", &interrupt)),
        "workspace.interrupted"
    );
    assert_eq!(
        code(folder.copy_from(&folder.clone(), "a", "b", &interrupt)),
        "workspace.interrupted"
    );
    assert_eq!(
        code(folder.remove("a", &interrupt)),
        "workspace.interrupted"
    );
    assert!(place.path().join("a/file").exists());
}

#[test]
fn names_that_no_guest_can_be_given_are_an_error_and_not_left_out() {
    use std::os::unix::ffi::OsStrExt;
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join(OsStr::from_bytes(b"\xff")), "").unwrap();
    let folder = folder(place.path());
    assert_eq!(
        code(folder.entries(".", false, None, 9, &Interrupt::new())),
        "workspace.name"
    );
    assert!(folder.digest(".", &Interrupt::new()).is_ok());
}
