//! What an index of a source remembers, and what it must not.

use std::{
    fs::{self, File, FileTimes, Permissions},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::SystemTime,
};

use stagewright_runtime::{Identity, Moment};
use tempfile::TempDir;

use super::{super::index::Index, calm, write};
use crate::source::{SourceTree, folder_source};

/// A source, and a place for its index.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for file in ["one", "two", "deep/three"] {
            write(&folder.path().join("source").join(file), file);
        }
        Self { folder }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn tree(&self) -> SourceTree {
        folder_source(&self.path("source"), ".", &[]).unwrap()
    }

    fn digest(&self) -> String {
        let index = self.path("state/index");
        self.tree().listing(&index, &calm()).unwrap().digest()
    }

    /// The digest as somebody finds it who knows nothing.
    fn true_digest(&self) -> String {
        let index = self.path("no index");
        let digest = self.tree().listing(&index, &calm()).unwrap().digest();
        let _ = fs::remove_file(index);
        digest
    }

    fn identity(&self, file: &str) -> Identity {
        Identity::of(&fs::metadata(self.path("source").join(file)).unwrap())
    }

    /// An index in which a file has another content than on disk, which shows who looks there.
    fn plant(&self, file: &str) {
        let path = self.path("state/index");
        let mut index = Index::read(&path);
        index.insert(Path::new(file), self.identity(file), [7; 32]);
        index.write(&path).unwrap();
    }
}

/// Waits until the file could not change any more without being seen to.
fn settle(identity: Identity) {
    while !identity.is_settled(Moment::now()) {
        std::thread::yield_now();
    }
}

#[test]
fn files_that_are_the_same_are_not_read_again() {
    let place = Place::new();
    settle(place.identity("deep/three"));
    let digest = place.digest();
    assert_eq!(digest, place.true_digest());
    place.plant("one");
    assert_ne!(digest, place.digest(), "the index is looked into");
    // A touched file is read, so that what was planted does not matter any more.
    let file = File::open(place.path("source/one")).unwrap();
    let times = FileTimes::new().set_modified(SystemTime::UNIX_EPOCH);
    file.set_times(times).unwrap();
    assert_eq!(digest, place.digest());
}

#[test]
fn every_change_is_seen_whatever_its_times_say() {
    let place = Place::new();
    settle(place.identity("deep/three"));
    let mut seen = vec![place.digest()];
    let modified = fs::metadata(place.path("source/one")).unwrap().modified();
    let keep_time = |path: &Path| {
        let times = FileTimes::new().set_modified(modified.as_ref().copied().unwrap());
        File::options()
            .write(true)
            .open(path)
            .unwrap()
            .set_times(times)
            .unwrap();
    };
    let changes: [&dyn Fn(&Path); 5] = [
        &|root| {
            fs::write(root.join("one"), "ONE").unwrap();
            keep_time(&root.join("one"));
        },
        &|root| {
            fs::write(root.join("new"), "One").unwrap();
            keep_time(&root.join("new"));
            fs::rename(root.join("new"), root.join("one")).unwrap();
        },
        &|root| fs::set_permissions(root.join("one"), Permissions::from_mode(0o755)).unwrap(),
        &|root| fs::remove_file(root.join("two")).unwrap(),
        &|root| fs::write(root.join("more"), "").unwrap(),
    ];
    for change in changes {
        change(&place.path("source"));
        let digest = place.digest();
        assert!(!seen.contains(&digest), "change {}", seen.len());
        assert_eq!(digest, place.true_digest());
        seen.push(digest);
    }
}

/// Two changes within one tick of the kernel's clock may leave the same size and times behind.
#[test]
fn changes_within_one_tick_are_seen() {
    let place = Place::new();
    for round in 0..300 {
        fs::write(place.path("source/one"), format!("{round:03}")).unwrap();
        let digest = place.digest();
        assert_eq!(digest, place.true_digest(), "round {round}");
    }
}

#[test]
fn an_identity_is_known_again_and_no_other() {
    let place = Place::new();
    let (one, mut other) = (place.identity("one"), place.identity("one"));
    let mut index = Index::default();
    index.insert(Path::new("one"), one, [1; 32]);
    assert_eq!(index.content(Path::new("one"), &one), Some([1; 32]));
    assert_eq!(index.content(Path::new("two"), &one), None);
    other.changed.1 += 1;
    assert_eq!(index.content(Path::new("one"), &other), None);
}

#[test]
fn an_index_that_is_damaged_knows_nothing() {
    let place = Place::new();
    settle(place.identity("deep/three"));
    let (digest, path) = (place.digest(), place.path("state/index"));
    let whole = fs::read(&path).unwrap();
    assert_ne!(Index::read(&path), Index::default());
    let mut damaged: Vec<Vec<u8>> = [0, 1, 19, 20, 40, 51, 52, whole.len() - 1]
        .iter()
        .map(|length| whole.get(..*length).unwrap().to_vec())
        .collect();
    for place in [0, 25, 60, whole.len() - 1] {
        let mut flipped = whole.clone();
        *flipped.get_mut(place).unwrap() ^= 1;
        damaged.push(flipped);
    }
    damaged.push([&whole, b"more".as_slice()].concat());
    for (number, bytes) in damaged.iter().enumerate() {
        fs::write(&path, bytes).unwrap();
        assert_eq!(Index::read(&path), Index::default(), "damage {number}");
        assert_eq!(place.digest(), digest, "damage {number}");
        assert_ne!(Index::read(&path), Index::default(), "it is whole again");
    }
    // A place that cannot be written to costs time only.
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert_eq!(place.digest(), digest);
}
