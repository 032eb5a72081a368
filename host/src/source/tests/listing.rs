//! What is told of a difference, and what is kept for it.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use super::{calm, write};
use crate::source::{Listing, folder_source};

struct Place {
    folder: TempDir,
}

impl Place {
    fn new(files: &[&str]) -> Self {
        let place = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        for file in files {
            write(&place.file(file), file);
        }
        place
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join("shop").join(name)
    }

    fn list(&self) -> Listing {
        let shop = self.folder.path().join("shop");
        let tree = folder_source(&shop, ".", &[]).unwrap();
        tree.listing(&self.folder.path().join("index"), &calm())
            .unwrap()
    }

    /// What is told of a change.
    fn told(&self, change: impl FnOnce(&dyn Fn(&str) -> PathBuf)) -> String {
        let before = self.list();
        change(&|name| self.file(name));
        let after = self.list();
        let difference = after.since(&before);
        difference.map_or(String::new(), |difference| difference.to_string())
    }
}

#[test]
fn a_difference_is_told_by_its_files_and_where_they_are() {
    let place = Place::new(&["cart/src/a", "cart/src/b", "cart/main", "web/page", "top"]);
    let change = |names: &'static [&'static str]| {
        move |file: &dyn Fn(&str) -> PathBuf| {
            for name in names {
                fs::write(file(name), format!("{name} again")).unwrap();
            }
        }
    };
    assert_eq!(place.told(|_| {}), "");
    assert_eq!(place.told(change(&["cart/src/a"])), "cart/src/a");
    assert_eq!(place.told(change(&["cart/src/new"])), "cart/src/new added");
    assert_eq!(
        place.told(|file| fs::remove_file(file("cart/src/new")).unwrap()),
        "cart/src/new removed"
    );
    let both = place.told(|file| {
        change(&["cart/src/b"])(file);
        fs::write(file("cart/src/a"), "").unwrap();
    });
    assert_eq!(both, "2 files under cart/src/");
    let three = place.told(|file| {
        fs::write(file("cart/src/a"), "1").unwrap();
        fs::write(file("cart/src/b"), "1").unwrap();
        fs::remove_file(file("cart/main")).unwrap();
    });
    assert_eq!(three, "3 files under cart/");
    let all = place.told(|file| {
        fs::write(file("web/page"), "1").unwrap();
        fs::write(file("top"), "1").unwrap();
    });
    assert_eq!(all, "2 files");
    let runs = place.told(|file| {
        fs::set_permissions(file("top"), PermissionsExt::from_mode(0o755)).unwrap();
    });
    assert_eq!(runs, "top");
    assert_eq!(
        place.told(|file| fs::create_dir(file("empty")).unwrap()),
        "empty added"
    );
    // A folder is not counted beside what is in it.
    assert_eq!(
        place.told(|file| write(&file("deep/er/file"), "x")),
        "deep/er/file added"
    );
    assert_eq!(
        place.told(|file| write(&file("bell\u{7}"), "x")),
        "bell\u{fffd} added"
    );
}

#[test]
fn what_was_kept_is_found_again_and_damage_is_not() {
    let place = Place::new(&["a", "b/c"]);
    let (listing, file) = (place.list(), place.folder.path().join("kept/listing"));
    assert_eq!(Listing::kept(&file), None);
    listing.keep(&file).unwrap();
    let kept = Listing::kept(&file).unwrap();
    assert_eq!((&kept, kept.digest()), (&listing, listing.digest()));
    let mut bytes = fs::read(&file).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&file, bytes).unwrap();
    assert_eq!(Listing::kept(&file), None);
    assert!(listing.keep(Path::new("/dev/null/x")).is_err());
}
