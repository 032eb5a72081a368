//! What a digest and a stamp know of a sub-tree.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::{Duration, SystemTime};

use super::super::*;
use super::{folder, make_executable, put};

fn digest(root: &Path) -> String {
    folder(root).digest(".", &Interrupt::new()).unwrap()
}

#[test]
fn the_digest_knows_content_and_nothing_else() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for path in ["a/x", "b", "c/y"] {
        put(one.path(), path, path);
    }
    for path in ["c/y", "b", "a/x"] {
        put(two.path(), path, path);
    }
    assert_eq!(digest(one.path()), digest(two.path()));
    assert!(digest(one.path()).starts_with("sha256:"));
    fs::hard_link(one.path().join("b"), one.path().join("hard")).unwrap();
    put(two.path(), "hard", "b");
    assert_eq!(digest(one.path()), digest(two.path()));
}

#[test]
fn every_kind_of_change_gives_another_digest() {
    let place = tempfile::tempdir().unwrap();
    let root = place.path();
    put(root, "a", "12");
    put(root, "b", "3");
    let mut seen = vec![digest(root)];
    let mut changed = |what: &str| {
        let now = digest(root);
        assert!(!seen.contains(&now), "{what}");
        seen.push(now);
    };
    put(root, "a", "1");
    put(root, "b", "23");
    changed("bytes moved from one file to the next");
    make_executable(&root.join("a"));
    changed("executable");
    fs::rename(root.join("a"), root.join("c")).unwrap();
    changed("renamed");
    fs::create_dir(root.join("empty")).unwrap();
    changed("an empty directory");
    symlink("b", root.join("link")).unwrap();
    changed("a link");
    fs::remove_file(root.join("link")).unwrap();
    symlink("c", root.join("link")).unwrap();
    changed("another target");
    fs::remove_file(root.join("link")).unwrap();
    put(root, "link", "c");
    changed("a file instead of a link");
}

#[test]
fn a_stamp_is_settled_only_when_later_changes_must_show() {
    let place = tempfile::tempdir().unwrap();
    put(place.path(), "a/file", "content");
    let folder = folder(place.path());
    let stamp = folder.stamp(".", &Interrupt::new()).unwrap();
    assert_eq!(stamp, folder.stamp(".", &Interrupt::new()).unwrap());
    assert!(!stamp.is_settled(SystemTime::now()));
    assert!(stamp.is_settled(SystemTime::now() + Duration::from_secs(5)));
    put(place.path(), "a/file", "CONTENT");
    let time = fs::FileTimes::new().set_modified(SystemTime::UNIX_EPOCH);
    File::options()
        .write(true)
        .open(place.path().join("a/file"))
        .unwrap()
        .set_times(time)
        .unwrap();
    assert_ne!(stamp, folder.stamp(".", &Interrupt::new()).unwrap());
}
