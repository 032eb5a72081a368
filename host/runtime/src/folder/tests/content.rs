//! What a digest and a stamp know of a sub-tree.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::SystemTime;

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

fn stamp(root: &Path) -> Stamp {
    let mut stamp = Stamp::default();
    let folder = folder(root);
    let place = folder.find(".").unwrap();
    let interrupt = Interrupt::new();
    let walk = folder.walk(&place, &interrupt);
    let visited = walk.visit(&place.directory, |found| {
        stamp.add(found.path, &found.stat);
        Ok::<_, FolderError>(Next::On)
    });
    visited.unwrap();
    stamp
}

#[test]
fn a_stamp_is_settled_only_when_later_changes_must_show() {
    let place = tempfile::tempdir().unwrap();
    put(place.path(), "a/file", "content");
    let before = stamp(place.path());
    assert_eq!(before.key(), stamp(place.path()).key());
    let changed = fs::metadata(place.path().join("a/file")).unwrap();
    let changed = Identity::of(&changed).changed;
    assert!(!before.is_settled(Moment(changed)), "in the same tick");
    assert!(before.is_settled(Moment((changed.0 + 5, changed.1))));
    put(place.path(), "a/file", "CONTENT");
    let time = fs::FileTimes::new().set_modified(SystemTime::UNIX_EPOCH);
    File::options()
        .write(true)
        .open(place.path().join("a/file"))
        .unwrap()
        .set_times(time)
        .unwrap();
    assert_ne!(before.key(), stamp(place.path()).key());
}

#[test]
fn times_that_a_file_system_may_have_cut_off_settle_later() {
    let place = tempfile::tempdir().unwrap();
    put(place.path(), "file", "content");
    let mut identity = Identity::of(&fs::metadata(place.path().join("file")).unwrap());
    identity.changed = (100, 5_000_001);
    assert!(!identity.is_settled(Moment((100, 5_000_001))));
    assert!(identity.is_settled(Moment((100, 9_000_000))));
    identity.changed = (100, 0);
    assert!(!identity.is_settled(Moment((101, 999_999_999))));
    assert!(identity.is_settled(Moment((103, 0))));
}
