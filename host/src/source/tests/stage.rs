//! Copies of sources, made and brought up to date.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

use stagewright_runtime::{Identity, Moment};
use tempfile::TempDir;

use super::{calm, write};
use crate::source::{SourceError, SourceTree, folder_source};

struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("shop");
        for file in [
            "api/src/main",
            "api/page",
            "libs/common/lib",
            "libs/other/lib",
        ] {
            write(&source.join(file), file);
        }
        symlink("src/main", source.join("api/link")).unwrap();
        Self { folder }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn tree(&self, root: &str) -> SourceTree {
        let include = ["libs/common".to_owned()];
        folder_source(&self.path(root), "api", &include).unwrap()
    }

    fn stage(&self) {
        let (copy, index) = (self.path("work/source"), self.path("work/tree.index"));
        self.tree("shop").copy_to(&copy, &index, &calm()).unwrap();
        assert_eq!(self.digest("shop"), self.digest("work/source"));
    }

    fn digest(&self, root: &str) -> String {
        let index = self.path("fresh");
        let _ = fs::remove_file(&index);
        self.tree(root).listing(&index, &calm()).unwrap().digest()
    }

    /// Waits for the next tick of the clock that the times of files are taken from: until then
    /// a file could change once more without being seen to.
    fn settle(&self) {
        let newest = fs::metadata(self.path("shop/libs/other/lib")).unwrap();
        while !Identity::of(&newest).is_settled(Moment::now()) {
            std::thread::yield_now();
        }
    }

    fn inode(&self, path: &str) -> u64 {
        fs::metadata(self.path(path)).unwrap().ino()
    }
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_copy_has_what_the_digest_is_of() {
    let place = Place::new();
    let main = place.path("shop/api/src/main");
    set_mode(&main, 0o755);
    write(&place.path("shop/api/.stagewrightignore"), "*.log\n");
    write(&place.path("shop/api/old.log"), "x");
    write(&place.path("work/source/api/stale"), "of the last build");
    write(
        &place.path("work/source/gone/deep/.git/x"),
        "of the last build",
    );
    place.stage();
    for absent in ["api/stale", "gone", "api/old.log", "libs/other"] {
        assert!(!place.path("work/source").join(absent).exists(), "{absent}");
    }
    let copied = fs::metadata(place.path("work/source/api/src/main")).unwrap();
    let original = fs::metadata(&main).unwrap();
    assert_eq!(original.modified().unwrap(), copied.modified().unwrap());
    assert_eq!(original.mode(), copied.mode());
}

#[test]
fn only_what_changed_is_copied_again() {
    let place = Place::new();
    place.settle();
    place.stage();
    let before = [
        place.inode("work/source/api/page"),
        place.inode("work/source/libs/common/lib"),
    ];
    write(&place.path("shop/api/src/main"), "changed");
    place.stage();
    let after = [
        place.inode("work/source/api/page"),
        place.inode("work/source/libs/common/lib"),
    ];
    assert_eq!(before, after);
    let main = fs::read_to_string(place.path("work/source/api/src/main")).unwrap();
    assert_eq!(main, "changed");
}

#[test]
fn every_kind_of_change_is_brought_over() {
    let place = Place::new();
    place.stage();
    let changes: [&dyn Fn(&Path); 8] = [
        &|api| write(&api.join("src/main"), "SRC/MAIN/////"),
        &|api| set_mode(&api.join("page"), 0o700),
        &|api| fs::rename(api.join("page"), api.join("pages")).unwrap(),
        &|api| {
            fs::remove_file(api.join("link")).unwrap();
            symlink("pages", api.join("link")).unwrap();
        },
        &|api| {
            fs::remove_file(api.join("link")).unwrap();
            write(&api.join("link"), "a file by now");
        },
        &|api| {
            fs::remove_dir_all(api.join("src")).unwrap();
            write(&api.join("src"), "a file by now");
        },
        &|api| {
            fs::remove_file(api.join("src")).unwrap();
            write(&api.join("src/deep/er"), "a folder again");
        },
        &|api| fs::create_dir(api.join("empty")).unwrap(),
    ];
    for change in changes {
        change(&place.path("shop/api"));
        place.stage();
    }
}

#[test]
fn what_somebody_did_to_the_copy_is_undone() {
    let place = Place::new();
    place.settle();
    place.stage();
    let damages: [&dyn Fn(&Path); 5] = [
        &|api| write(&api.join("page"), "API/PAGE"),
        &|api| fs::remove_file(api.join("page")).unwrap(),
        &|api| set_mode(&api.join("page"), 0o755),
        &|api| write(&api.join("src/more"), ""),
        &|api| {
            let index = api.parent().unwrap().with_extension("index");
            fs::write(index, "no index").unwrap();
        },
    ];
    for damage in damages {
        damage(&place.path("work/source/api"));
        place.stage();
    }
    // A further name of a file of the copy keeps its content.
    fs::hard_link(place.path("work/source/api/page"), place.path("kept")).unwrap();
    write(&place.path("shop/api/page"), "changed");
    place.stage();
    assert_eq!(fs::read_to_string(place.path("kept")).unwrap(), "api/page");
}

#[test]
fn an_interrupt_ends_a_copy() {
    let place = Place::new();
    let interrupted = AtomicBool::new(true);
    let (copy, index) = (place.path("work/source"), place.path("work/tree.index"));
    let cancelled = place.tree("shop").copy_to(&copy, &index, &interrupted);
    assert!(matches!(cancelled, Err(SourceError::Cancelled)));
}

#[test]
fn what_is_written_to_while_it_is_copied_is_listed_as_it_was_copied() {
    let place = Place::new();
    let (file, done) = (place.path("shop/api/page"), AtomicBool::new(false));
    let (copy, index) = (place.path("work/source"), place.path("work/tree.index"));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0.. {
                fs::write(&file, format!("{round}").repeat(round % 5_000)).unwrap();
                if done.load(Ordering::Relaxed) {
                    break;
                }
            }
        });
        let rounds: Vec<Result<bool, SourceError>> = (0..100)
            .map(|_| {
                let listing = place.tree("shop").copy_to(&copy, &index, &calm())?;
                Ok(listing.digest() == place.digest("work/source"))
            })
            .collect();
        done.store(true, Ordering::Relaxed);
        assert!(
            rounds.iter().all(|round| matches!(round, Ok(true))),
            "{rounds:?}"
        );
    });
}

#[test]
fn folders_above_an_include_stay_and_others_go() {
    let place = Place::new();
    place.stage();
    let before = place.inode("work/source/libs");
    write(&place.path("work/source/libs-old/left"), "left");
    place.stage();
    assert_eq!(before, place.inode("work/source/libs"));
    assert!(!place.path("work/source/libs-old").exists());
}
