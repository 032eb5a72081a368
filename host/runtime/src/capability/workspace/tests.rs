//! Caches and workspaces, over the ends and crashes of builds.

use std::fs;
use std::path::Path;

use super::*;
use crate::folder::{Access, Folder, FolderError, Interrupt};

struct Place {
    root: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("out")).unwrap();
        Self { root }
    }

    fn caches(&self) -> Caches {
        Caches::open(&self.root.path().join("caches")).unwrap()
    }

    fn output(&self) -> Folder {
        Folder::open(&self.root.path().join("out"), Access::Write).unwrap()
    }

    fn path(&self, path: &str) -> std::path::PathBuf {
        self.root.path().join(path)
    }
}

fn put(path: &Path, content: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

#[test]
fn what_a_build_leaves_in_a_cache_is_there_for_the_next_one() {
    let place = Place::new();
    let (caches, output) = (place.caches(), place.output());
    let cache = caches.attach("target", &output, "api/target").unwrap();
    assert_eq!(
        fs::read_dir(place.path("out/api/target")).unwrap().count(),
        0
    );
    put(&place.path("out/api/target/made"), "1");
    cache.finish().unwrap();
    assert!(!place.path("out/api/target").exists());
    // At another place this time, over a stale folder, and given back by being dropped.
    put(&place.path("out/build/stale"), "");
    let cache = caches.attach("target", &output, "build").unwrap();
    assert_eq!(
        fs::read_to_string(place.path("out/build/made")).unwrap(),
        "1"
    );
    assert!(!place.path("out/build/stale").exists());
    drop(cache);
    assert!(place.path("caches/target/content/made").exists());
}

#[test]
fn a_cache_that_is_in_use_is_refused_for_now() {
    let place = Place::new();
    let (caches, output) = (place.caches(), place.output());
    let held = caches.attach("target", &output, "one").unwrap();
    let error = caches.attach("target", &output, "two").unwrap_err();
    assert_eq!(error.code(), "workspace.cache-busy");
    assert!(error.is_temporary());
    // Opening the caches again must not take away what a running build holds.
    place.caches();
    assert!(place.path("out/one").exists());
    caches
        .attach("other", &output, "two")
        .unwrap()
        .finish()
        .unwrap();
    held.finish().unwrap();
    caches.attach("target", &output, "two").unwrap();
}

#[test]
fn a_cache_is_recovered_from_the_workspace_of_a_crashed_run() {
    let place = Place::new();
    let cache = place
        .caches()
        .attach("target", &place.output(), "target")
        .unwrap();
    put(&place.path("out/target/made"), "1");
    // What a crash leaves is what is on disk now, without the lock.
    let note = fs::read(place.path("caches/target/away")).unwrap();
    cache.finish().unwrap();
    fs::rename(
        place.path("caches/target/content"),
        place.path("out/target"),
    )
    .unwrap();
    fs::write(place.path("caches/target/away"), note).unwrap();
    let caches = place.caches();
    assert!(!place.path("out/target").exists());
    assert!(!place.path("caches/target/away").exists());
    let cache = caches.attach("target", &place.output(), "again").unwrap();
    assert_eq!(
        fs::read_to_string(place.path("out/again/made")).unwrap(),
        "1"
    );
    cache.finish().unwrap();
}

#[test]
fn a_cache_that_the_build_removed_or_replaced_starts_out_empty() {
    let place = Place::new();
    let (caches, output) = (place.caches(), place.output());
    put(&place.path("secret/file"), "secret");
    let cache = caches.attach("target", &output, "target").unwrap();
    output.remove("target", &Interrupt::new()).unwrap();
    std::os::unix::fs::symlink("../secret", place.path("out/target")).unwrap();
    cache.finish().unwrap();
    assert_eq!(
        fs::read_to_string(place.path("secret/file")).unwrap(),
        "secret"
    );
    output.remove("target", &Interrupt::new()).unwrap();
    let cache = caches.attach("target", &output, "target").unwrap();
    assert_eq!(fs::read_dir(place.path("out/target")).unwrap().count(), 0);
    cache.finish().unwrap();
}

#[test]
fn names_and_places_of_caches_are_checked() {
    let place = Place::new();
    let (caches, output) = (place.caches(), place.output());
    for name in ["", "..", ".hidden", "a/b", "a b", &"x".repeat(65)] {
        assert_eq!(
            caches.attach(name, &output, "x").unwrap_err().code(),
            "workspace.name",
            "{name}"
        );
    }
    assert_eq!(
        caches.attach("a", &output, "../x").unwrap_err().code(),
        "workspace.outside"
    );
    assert_eq!(
        caches.attach("a", &output, ".").unwrap_err().code(),
        "workspace.wrong-kind"
    );
    let read_only = Folder::open(&place.path("out"), Access::Read).unwrap();
    assert_eq!(
        caches.attach("a", &read_only, "x").unwrap_err().code(),
        "workspace.read-only"
    );
}

#[test]
fn a_workspace_gives_its_caches_back_when_it_ends() {
    let place = Place::new();
    put(&place.path("tree/api/main"), "main");
    put(&place.path("tree/other/file"), "");
    put(&place.path("tree/.git/HEAD"), "");
    let source = Source {
        root: place.path("tree"),
        path: "api".to_owned(),
        include: Vec::new(),
    };
    let (output, caches) = (place.path("state/work"), place.path("state/caches"));
    let workspace = Workspace::open(Some(&source), Some(&output), Some(&caches)).unwrap();
    let (source, folder) = (workspace.source().unwrap(), workspace.output().unwrap());
    assert_eq!(source.read("api/main", 0, 9).unwrap(), b"main");
    assert!(matches!(
        source.read(".git/HEAD", 0, 9),
        Err(FolderError::NotFound { .. })
    ));
    assert!(matches!(
        source.read("other/file", 0, 9),
        Err(FolderError::NotFound { .. })
    ));
    folder
        .copy_from(source, ".", ".", &Interrupt::new())
        .unwrap();
    workspace
        .attach_cache(folder, "outer", "api/cache")
        .unwrap();
    workspace
        .attach_cache(folder, "inner", "api/cache/inner")
        .unwrap();
    put(&output.join("api/cache/inner/made"), "1");
    assert_eq!(
        workspace.attach_cache(source, "x", "x").unwrap_err().code(),
        "workspace.read-only"
    );
    workspace.finish().unwrap();
    assert!(caches.join("inner/content/made").exists());
    assert!(!caches.join("outer/content/inner").exists());
    assert!(!output.join("api/cache").exists());
}
